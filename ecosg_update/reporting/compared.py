"""What a run changed: its new map beside its own original."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from ecosg_update.comparing.comparison import Comparison, compared
from ecosg_update.domain import Domain
from ecosg_update.formats import direct
from ecosg_update.layers import CoverMap
from ecosg_update.progress import Progress, silent
from ecosg_update.reporting.ran import Ran

LARGEST = 200
"""Connected changes in the document; the page shows the first of them."""


def comparison(
    ran: Ran, *, domain: Domain | None = None, stations: Path | None = None, progress: Progress = silent
) -> Comparison:
    """The original and the new map of a run; raises as `comparing.comparison.compared`.

    The original is the one that the run itself kept beside the new map: its file may have been patched since.
    """
    cover = ran.patch.cover
    with TemporaryDirectory(prefix="ecosg-report-") as folder:
        original = CoverMap(ran.patch.base, cover.grid, cover.legend)
        path, _ = direct.write(original, Path(folder) / "original.dir", title="original")
        return compared(path, ran.map, domain=domain, station_list=stations, largest=LARGEST, progress=progress)
