"""A run's new map beside its own original: what changed, and which of the two a truth agrees with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ecosg_update.comparing.comparison import Comparison, compared
from ecosg_update.domain import Domain
from ecosg_update.formats import direct
from ecosg_update.judge.bootstrap import Bootstrap
from ecosg_update.layers import CoverMap
from ecosg_update.progress import Progress, silent
from ecosg_update.reporting.ran import Ran
from ecosg_update.scoring import maps
from ecosg_update.scoring.mapped import Question, scored_maps

LARGEST = 200
"""Connected changes in the document; the page shows the first of them."""


def comparison(
    ran: Ran, *, domain: Domain | None = None, stations: Path | None = None, progress: Progress = silent
) -> Comparison:
    """The original and the new map of a run; raises as `comparing.comparison.compared`."""
    with original(ran) as path:
        return compared(path, ran.map, domain=domain, station_list=stations, largest=LARGEST, progress=progress)


def score(ran: Ran, asked: Question, *, how: Bootstrap | None = None, progress: Progress = silent) -> dict[str, Any]:
    """How a truth agrees with "original" and "new", as `scoring.report.Report.document`, and the truth's path.

    Raises as `scoring.mapped.scored_maps`.
    """
    with original(ran) as path:
        contestants = [maps.opened(path, name="original"), maps.opened(ran.map, name="new")]
        found = scored_maps(contestants, asked, how=how, progress=progress)
    return {"truth": str(asked.truth)} | found.document()


@contextmanager
def original(ran: Ran) -> Iterator[Path]:
    """The `.dir` of a run's original, for as long as it is needed.

    It is the one that the run itself kept beside the new map: the file that it read may have been patched since.
    """
    cover = ran.patch.cover
    with TemporaryDirectory(prefix="ecosg-report-") as folder:
        path, _ = direct.write(
            CoverMap(ran.patch.base, cover.grid, cover.legend), Path(folder) / "original.dir", title="original"
        )
        yield path
