"""What surveys of parameter files amount to, as faults: what PGD would do, and the cure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ecosg_update import tables
from ecosg_update.fault import Fault, Severity
from ecosg_update.parameters.nearest import Search
from ecosg_update.parameters.survey import Survey


def of_surveys(surveys: Iterable[Survey], search: Search) -> list[Fault]:
    """Errors first: covers that are absent, then those without a value in some cells, then left-over values."""
    groups = _by_parameter(surveys)
    faults = [fault for name, group in groups.items() for fault in _absent(name, group)]
    faults += [fault for name, group in groups.items() for fault in _missing(name, group, search)]
    return faults + [fault for name, group in groups.items() for fault in _left_over(name, group)]


def _by_parameter(surveys: Iterable[Survey]) -> dict[str, list[Survey]]:
    groups: dict[str, list[Survey]] = {}
    for one in surveys:
        groups.setdefault(one.file.parameter.name, []).append(one)
    return groups


def _cover(cover: int) -> str:
    return f"cover {cover} ({tables.legend('ecosg').name_of(cover)})"


def _in_decades(group: Sequence[Survey], total: int) -> str:
    """`in 3 of 36 decades (0105, 0115, 0125)`; nothing for a parameter without decades."""
    if total == 1:
        return f"in {group[0].file.name}"
    names = [one.file.decade for one in group]
    shown = "" if len(names) == total else f" ({', '.join(names[:4])}{', ...' if len(names) > 4 else ''})"
    return f"in {len(group)} of {total} files{shown}"


def _absent(name: str, group: Sequence[Survey]) -> list[Fault]:
    faults = []
    for cover in sorted({cover for one in group for cover in one.absent}):
        lacking = [one for one in group if cover in one.absent]
        variables = lacking[0].file.parameter.lacking([cover])
        names = ", ".join(
            f"XUNIF_{variable}" + ("(1)" if name == "tree-height" else "(1,1) to (1,36)") for variable in variables
        )
        garden = "" if lacking[0].cells[cover] else ", which gardens of its towns have,"
        faults.append(
            Fault(
                Severity.ERROR,
                "type-absent",
                name,
                f"no pixel of {_cover(cover)}{garden} in the whole domain {_in_decades(lacking, len(group))}",
                "PGD aborts",
                f"run params fill, or set {names} in NAM_DATA_ISBA"
                + ("" if "(1)" in names else ": all 36 are needed"),
            )
        )
    return faults


def _missing(name: str, group: Sequence[Survey], search: Search) -> list[Fault]:
    faults = []
    for cover in sorted({int(cover) for one in group for cover in np.flatnonzero(one.missing)}):
        lacking = [one for one in group if one.missing[cover]]
        worst = max(lacking, key=lambda one: (int(one.missing[cover]), int(one.far[cover])))
        median = worst.median_km(cover)
        near = "none" if median is None else f"{median:.1f} km away (median), {worst.furthest[cover]:.1f} km at most"
        far = f"; {worst.far[cover]:,} cells have none within {search.radius_km:g} km" if worst.far[cover] else ""
        faults.append(
            Fault(
                Severity.WARNING,
                "type-missing",
                name,
                f"{worst.missing[cover]:,} of {worst.changed[cover]:,} cells of {_cover(cover)} have no value of it "
                f"{_in_decades(lacking, len(group))}; the nearest is {near}{far}",
                "PGD takes the values of the three nearest model cells that have some",
                "run params fill",
            )
        )
    return faults


def _left_over(name: str, group: Sequence[Survey]) -> list[Fault]:
    most = max(int(one.left.sum()) for one in group)
    if not most:
        return []
    lacking = [one for one in group if one.left.any()]
    return [
        Fault(
            Severity.WARNING,
            "left-over",
            name,
            f"{most:,} cells whose cover needs no value have one of another {_in_decades(lacking, len(group))}",
            "PGD still counts it towards that other cover's mean",
            "run params fill",
        )
    ]


def of_beyond(count: int) -> list[Fault]:
    """The warning for cells that no file reaches."""
    if not count:
        return []
    return [
        Fault(
            Severity.WARNING,
            "beyond-the-files",
            "all parameters",
            f"{count:,} cells of vegetation, rock or ice lie outside the parameter files",
            "PGD takes the values of the three nearest model cells that have some",
            "nothing can be filled there; use files that reach further",
        )
    ]


def of_gaps(gaps: dict[str, list[str]]) -> list[Fault]:
    """The warning for decades without a file, by parameter."""
    return [
        Fault(
            Severity.WARNING,
            "decades-missing",
            name,
            f"{len(missing)} of 36 decades have no file: {', '.join(missing[:6])}",
            "PGD reads 36, 12, 2 or 1 (NTIME) and stops for a file that is not there",
            "add them",
        )
        for name, missing in gaps.items()
    ]
