"""The rules of the bytes: each must be nodata or one of the 33 covers, and plausible where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from ecosg_update import tables
from ecosg_update.check.census import COVERS, SMALL_SEA_KM2, Census, Clusters
from ecosg_update.check.geometry import Geometry
from ecosg_update.fault import Fault, Severity

CRASH = "SURFEX writes outside LCOVER(33) (average1_cover.F90): a crash, or wrong memory"


def byte_faults(name: str, found: Geometry, nodata: float, seen: Census) -> list[Fault]:
    """What makes PGD stop or read wrongly, and what is odd of the nodata value."""
    return [*_nodata(name, nodata, seen), *_zeros(name, found, nodata, seen), *_illegal(name, found, nodata, seen)]


def plausibility_faults(name: str, found: Geometry, seen: Census) -> list[Fault]:
    """Waters that stand where they hardly can; all of them are warnings."""
    faults = []
    if seen.lakes.count:
        what = _clusters(found, seen.lakes, "of lake or river with nothing but sea around")
        faults.append(_odd("lake-in-sea", name, what, "SURFEX computes a lake in the sea", "make them sea, cover 1"))
    if seen.seas.count:
        what = _clusters(found, seen.seas, f"of sea up to {SMALL_SEA_KM2:g} km2 without a way out")
        faults.append(
            _odd("sea-inland", name, what, "SURFEX computes the sea's surface there", "make them lake, cover 2")
        )
    return faults


def _nodata(name: str, nodata: float, seen: Census) -> Iterator[Fault]:
    hidden = int(seen.counts[int(nodata)]) if nodata in COVERS else 0
    if nodata in COVERS:
        cover = f"cover {nodata:g} ({tables.legend('ecosg').name_of(int(nodata))})"
        yield Fault(
            Severity.ERROR if hidden else Severity.WARNING, "nodata-class", name,
            f"nodata is {nodata:g}, {cover}; {hidden:,} cells hold it",
            "SURFEX skips them all" if hidden else "SURFEX would skip it",
            "write 'nodata: 0', and 0 where there is no data",
        )  # fmt: skip
    elif nodata != 0:
        yield Fault(
            Severity.WARNING, "nodata-unusual", name, f"nodata is {nodata:g}, expected 0",
            "SURFEX skips that value and nothing else", "write 'nodata: 0', and 0 where there is no data",
        )  # fmt: skip
    if nodata in range(256) and int(seen.counts.sum()) == int(seen.counts[int(nodata)]):
        yield Fault(
            Severity.ERROR, "data-none", name, f"all {int(seen.counts.sum()):,} cells are nodata",
            "SURFEX stops: some points lack data", "take the map that holds covers",
        )  # fmt: skip


def _zeros(name: str, found: Geometry, nodata: float, seen: Census) -> Iterator[Fault]:
    if nodata != 0 and seen.counts[0]:
        yield Fault(
            Severity.ERROR, "nodata-zeros", name,
            f"{int(seen.counts[0]):,} cells are 0 although nodata is {nodata:g}, first {found.place(*seen.first[0])}",
            CRASH, "write 'nodata: 0'",
        )  # fmt: skip


def _illegal(name: str, found: Geometry, nodata: float, seen: Census) -> Iterator[Fault]:
    odd = [code for code in seen.first if code not in COVERS and code not in (0, nodata)]
    if not odd:
        return
    total = int(seen.counts[odd].sum())
    kinds = ", ".join(f"{code} ({int(seen.counts[code]):,})" for code in odd[:8]) + " ..." * (len(odd) > 8)
    places = "; ".join(f"{code} at {found.place(row, col)}" for row, col, code in seen.illegal[:4] if code)
    yield Fault(
        Severity.ERROR, "byte-illegal", name,
        f"{total:,} cells are neither nodata nor a cover of 1..33: {kinds}; first {places}",
        CRASH, "find out what they mean and recode them",
    )  # fmt: skip


def _clusters(found: Geometry, waters: Clusters, kind: str) -> str:
    some = "; ".join(f"{cells:,} at {found.place(row, col)}" for row, col, cells in waters.first[:4])
    many = f"{waters.count:,} cluster{'s' * (waters.count > 1)}"
    return f"{many} ({waters.cells:,} cells) {kind}: {some}" + " ..." * (waters.count > 4)


def _odd(rule: str, name: str, what: str, effect: str, cure: str) -> Fault:
    return Fault(Severity.WARNING, rule, name, what, effect, f"look at them; if wrong, {cure}")
