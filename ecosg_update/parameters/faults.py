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


def _in_files(group: Sequence[Survey], total: int) -> str:
    """`in 3 of 36 files (0105, 0115, 0125)`."""
    if total == 1:
        return f"in {group[0].file.name}"
    names = [one.file.decade for one in group]
    shown = "" if len(names) == total else f" ({', '.join(names[:4])}{', ...' if len(names) > 4 else ''})"
    return f"in {len(group)} of {total} files{shown}"


def _absent(name: str, group: Sequence[Survey]) -> list[Fault]:
    faults = []
    for cover in sorted({cover for one in group for cover in one.absent}):
        lacking = [one for one in group if cover in one.absent]
        cells = int(lacking[0].cells[cover])
        whose = f"{cells:,} cells have it" if cells else "the gardens of its towns have it"
        faults.append(
            Fault(
                Severity.ERROR,
                "type-absent",
                name,
                f"no pixel of {_cover(cover)} in the whole domain {_in_files(lacking, len(group))}, and {whose}",
                "PGD aborts",
                ("run params fill, or " if cells else "") + _fallback(lacking[0], cover),
            )
        )
    return faults


def _fallback(one: Survey, cover: int) -> str:
    """What the namelist must say instead: `ini_var_from_data.F90` takes element (1,t) for decade t."""
    variables = one.file.parameter.lacking([cover])
    if not one.file.decade:
        return f"set {', '.join(f'XUNIF_{variable}(1)' for variable in variables)} in NAM_DATA_ISBA"
    names = ", ".join(f"XUNIF_{variable}(1,1) to (1,36)" for variable in variables)
    return f"set {names} in NAM_DATA_ISBA, all 36 of them"


def _missing(name: str, group: Sequence[Survey], search: Search) -> list[Fault]:
    """Covers that are absent from some file are errors already."""
    faults = []
    covers = {int(cover) for one in group for cover in np.flatnonzero(one.missing)}
    for cover in sorted(covers - {cover for one in group for cover in one.absent}):
        lacking = [one for one in group if one.missing[cover]]
        worst = max(lacking, key=lambda one: (int(one.missing[cover]), int(one.far[cover])))
        faults.append(
            Fault(
                Severity.WARNING,
                "type-missing",
                name,
                f"{worst.missing[cover]:,} of {worst.changed[cover]:,} cells of {_cover(cover)} have no value of it "
                f"{_in_files(lacking, len(group))}; {_how_far(worst, cover, search)}",
                "PGD takes the values of the three nearest model cells that have some",
                "run params fill",
            )
        )
    return faults


def _how_far(one: Survey, cover: int, search: Search) -> str:
    """The distance of the nearest pixels of the type, and the cells that have none within the radius."""
    median, far = one.median_km(cover), int(one.far[cover])
    none = f"{far:,} have none within {search.radius_km:g} km"
    if median is None:
        return none
    near = f"the nearest is {median:.1f} km away (median), {one.furthest[cover]:.1f} km at most"
    return f"{near}, {none}" if far else near


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
            f"{most:,} cells whose cover needs no value have one of another {_in_files(lacking, len(group))}",
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
