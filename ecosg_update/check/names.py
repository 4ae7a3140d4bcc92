"""The rules of the two names: what PGD is told, and what it looks for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ecosg_update.errors import FormatError
from ecosg_update.fault import Fault, Severity
from ecosg_update.formats import direct


def name_faults(path: Path) -> list[Fault]:
    """The faults of a pair's names. Raises FormatError where neither file, nor one like it, is there."""
    data, text = direct.pair(path)
    missing = [file for file in (data, text) if not file.is_file()]
    alike = {file: _alike(file) for file in missing}
    if len(missing) == 2 and not any(alike.values()):
        raise FormatError(f"{data}: does not exist, nor its .hdr; a map is a .dir and a .hdr of one stem")
    return [*(_missing(file, alike[file]) for file in missing), *_stem(data), *_unfinished(data)]


def _missing(file: Path, alike: Path | None) -> Fault:
    found = f"{alike.name} is there" if alike else "it is not there"
    return Fault(
        Severity.ERROR, "file-missing", file.name, f"{found}, expected {file.name} beside its other half",
        "SURFEX stops: this file is missing in the run directory",
        f"rename {alike.name} to {file.name}" if alike else "bring both files of the map",
    )  # fmt: skip


def _alike(file: Path) -> Path | None:
    """A neighbour whose name differs in case only."""
    if not file.parent.is_dir():
        return None
    return next((near for near in file.parent.iterdir() if near.name.lower() == file.name.lower()), None)


def _stem(data: Path) -> Iterator[Fault]:
    stem = data.stem
    if len(stem) > direct.STEM_LENGTH:
        yield Fault(
            Severity.ERROR, "stem-length", data.name,
            f"the stem {stem!r} has {len(stem)} characters, expected at most {direct.STEM_LENGTH}",
            "SURFEX cuts the name and stops: this file is missing in the run directory", "link it by a shorter name",
        )  # fmt: skip
    elif not direct.is_plain_stem(stem):
        yield Fault(
            Severity.ERROR, "stem-characters", data.name,
            f"the stem {stem!r} holds blanks, quotes or other than plain ASCII",
            "the namelist's YCOVER cannot hold it", "link it by a plain name",
        )  # fmt: skip


def _unfinished(data: Path) -> Iterator[Fault]:
    journal = direct.journal(data)
    if journal.exists():
        yield Fault(
            Severity.ERROR, "patch-unfinished", data.name,
            f"a patch in place was begun and not ended ({journal.name} is beside it)",
            "SURFEX reads a mixture of two maps",
            f"wait for it or, where it was killed, give back the old bytes: ecosg-update revert {data}",
        )  # fmt: skip
