"""The check of a map: what the command `check` finds in a pair of files, and what `check --fix` makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ecosg_update.check.blocks import whole_rows
from ecosg_update.check.byte_rules import byte_faults, plausibility_faults
from ecosg_update.check.census import Census, census
from ecosg_update.check.coverage import domain_faults
from ecosg_update.check.geometry import Geometry, geometry, lattices
from ecosg_update.check.geometry_rules import geometry_faults
from ecosg_update.check.header_rules import header_faults
from ecosg_update.check.mend import Finds, Plan, mend, plan
from ecosg_update.check.names import name_faults
from ecosg_update.check.newcomers import newcomer_faults
from ecosg_update.check.orientation import base_faults, shape_faults, upside_down
from ecosg_update.check.sheet import Sheet
from ecosg_update.check.size import size_faults
from ecosg_update.domain import Domain
from ecosg_update.errors import FormatError, OutputError
from ecosg_update.fault import Fault, Severity, has_errors
from ecosg_update.formats import atomic, direct
from ecosg_update.formats.pixels import Pixels
from ecosg_update.parameters.lint import typed_faults
from ecosg_update.progress import Progress, silent


@dataclass(frozen=True)
class Report:
    """What a check found. faults: errors first; facts: plain values for JSON and for a summary."""

    path: Path
    faults: tuple[Fault, ...]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_fit(self) -> bool:
        """Whether PGD reads the map as it is meant: no error, warnings at most."""
        return not has_errors(self.faults)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "path": str(self.path),
            "faults": [fault.as_dict() for fault in self.faults],
            "facts": self.facts,
        }


@dataclass(frozen=True)
class Mended:
    """What a repair made of a map. paths: the two files, none where `left` holds an error and nothing was written."""

    report: Report
    changes: tuple[str, ...]
    left: tuple[Fault, ...]
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class _Look:
    """A report, and the finds that a repair starts from where there are any."""

    report: Report
    finds: Finds | None = None


def checked(
    path: Path | str, *, domain: Domain | None = None, base: Path | None = None, progress: Progress = silent
) -> Report:
    """Every fault of the pair `path` (.dir beside .hdr) as PGD would read it, in constant memory for any size.

    domain: also whether each of its cells finds a pixel. base: the map that this one renews; which way round the rows
    lie, covers and snow that it lacks. Raises FormatError where neither file exists or the base cannot be read.
    """
    look = _look(Path(path), base, progress)
    return look.report if domain is None else _on_domain(look, domain, progress)


def mended(
    path: Path | str,
    output: Path | str,
    *,
    base: Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Mended:
    """Write a corrected pair `output` where all that is wrong with `path` has one right answer; else write nothing.

    Raises OutputError where the output is the input, exists without `overwrite`, has a name that SURFEX would not
    find or cannot be written; else as `checked`.
    """
    source, (data, text) = direct.pair(path)[0], direct.targets(output)
    if data.exists() and source.exists() and data.samefile(source):
        raise OutputError(f"{data}: is the map to correct, which is never changed; name another output")
    look = _look(Path(path), base, progress)
    if look.finds is None:
        return Mended(look.report, (), look.report.faults, ())
    made = plan(look.finds, data.stem)
    if not isinstance(made, Plan):
        return Mended(look.report, (), tuple(made), ())
    if has_errors(made.left):
        return Mended(look.report, made.changes, made.left, ())
    with atomic.parts(data, text, overwrite=overwrite, needed=made.header.size or 0) as (data_part, text_part):
        mend(made, source, data_part, text_part, progress=progress)
    return Mended(look.report, made.changes, made.left, (data, text))


def _look(path: Path, base: Path | None, progress: Progress) -> _Look:
    data, text = direct.pair(path)
    faults = name_faults(path)
    if not text.is_file():
        return _Look(_report(data, faults, {}))
    sheet = Sheet.of(_content(text), text.name)
    if is_typed(sheet):
        faults += typed_faults(data, progress=progress)
        return _Look(_report(data, faults, {"kind": "parameters"}))
    faults += [*header_faults(sheet), *geometry_faults(sheet)]
    found = geometry(sheet.meant)
    facts = _facts(sheet, found)
    if found is None or not data.is_file():
        return _Look(_report(data, faults, facts))
    facts["bytes"] = data.stat().st_size
    is_bytes = sheet.width == 8 or facts["bytes"] == found.rows * found.cols  # whatever the header says of the type
    faults += size_faults(data.name, found, facts["bytes"], 8 if is_bytes else sheet.width)
    if whole_rows(data, found) == 0 or not is_bytes:
        return _Look(_report(data, faults, facts))
    return _scanned(data, sheet, found, _report(data, faults, facts), base, progress)


def _scanned(
    data: Path, sheet: Sheet, found: Geometry, report: Report, base: Path | None, progress: Progress
) -> _Look:
    """The report with what the bytes say; the bytes of a scrambled map say nothing of waters or of the base."""
    nodata = sheet.meant.get("nodata", 0)
    scrambled = shape_faults(data, found)
    seen = census(data, found, nodata, tiles=base is not None, waters=not scrambled, progress=progress)
    faults = [*report.faults, *scrambled, *byte_faults(data.name, found, nodata, seen)]
    turned = None
    if not scrambled:
        faults += plausibility_faults(data.name, found, seen)
    if base and not scrambled:
        faults += base_faults(data, found, base)
        faults += newcomer_faults(data.name, found, seen, base, progress=progress)
        turned = upside_down(data, found, base)
    rules = frozenset(fault.rule for fault in faults)
    finds = Finds(sheet, found, report.facts["bytes"], seen, turned, rules)
    return _Look(_report(data, faults, report.facts | _counted(seen)), finds)


def _on_domain(look: _Look, domain: Domain, progress: Progress) -> Report:
    """The report with what the domain's cells find, as PGD counts; an error would stop PGD before its domain."""
    report, finds = look.report, look.finds
    if finds is None or has_errors(report.faults):
        instead = "mend the errors first" if has_errors(report.faults) else "params check does"
        skipped = {"domain": f"{domain.name}: not looked at, {instead}"}
        return _report(report.path, list(report.faults), report.facts | skipped)
    from ecosg_update.pgd.counts import counts  # noqa: PLC0415  numba loads where it is needed

    found, nodata = finds.found, finds.sheet.meant["nodata"]
    pixels = Pixels(report.path, found.north, found.south, found.west, found.east, found.rows, found.cols, nodata)
    held = counts(pixels, domain, progress=progress)[:, 1:].sum(axis=1, dtype=np.int64).reshape(domain.shape)
    facts = {"domain": domain.name, "model_cells": domain.cells, "filled_cells": int((held == 0).sum())}
    faults = [*report.faults, *domain_faults(report.path.name, found, domain, held)]
    return _report(report.path, faults, report.facts | facts)


def is_typed(sheet: Sheet) -> bool:
    """Whether a header is that of a parameter file (LAI, albedo, tree height): 16 bits, packed or with a fact."""
    numbers = sheet.meant
    return sheet.width == 16 and (numbers.get("compress") == 1 or numbers.get("fact", 1) != 1)


def _facts(sheet: Sheet, found: Geometry | None) -> dict[str, Any]:
    title = sheet.lines[0].strip() if sheet.lines else ""
    facts: dict[str, Any] = {"title": title, "nodata": sheet.meant.get("nodata")}
    if found is None:
        return facts
    fits = lattices(found, sheet.keys)
    return facts | {
        "rows": found.rows,
        "cols": found.cols,
        "bounds": [found.west, found.south, found.east, found.north],
        "per_degree": fits[0].grid.per_degree if len(fits) == 1 else None,
    }


def _counted(seen: Census) -> dict[str, Any]:
    scanned = int(seen.counts.sum())
    return {
        "covers": {str(code): int(seen.counts[code]) for code in sorted(seen.first)},
        "seconds": round(seen.seconds, 3),
        "megabytes_per_second": round(scanned / 1e6 / seen.seconds, 1) if seen.seconds else None,
    }


def _report(data: Path, faults: list[Fault], facts: dict[str, Any]) -> Report:
    ordered = sorted(faults, key=lambda fault: fault.severity is not Severity.ERROR)
    return Report(data, tuple(ordered), facts)


def _content(text: Path) -> bytes:
    try:
        with text.open("rb") as file:
            return file.read(direct.HEADER_BYTES)
    except OSError as error:
        raise FormatError(f"{text}: cannot be read ({error.strerror}); check the path and the rights") from error
