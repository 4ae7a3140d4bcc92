"""Small runs as `ecosg-update run` leaves them, made by hand."""

import json
from datetime import UTC, datetime

import numpy as np

from ecosg_update import tables
from ecosg_update.formats import netcdf
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Reason
from ecosg_update.manifest import manifest

GRID = LatLonGrid(360, 13327, 61720, 23, 31)


def patch(grid=GRID, seed=0, codes=(1, 2, 8, 17, 19, 29)):
    """Random covers, a fifth of them changed, some not seen, with confidence and second choices."""
    rng = np.random.default_rng(seed)
    base = rng.choice(np.array(codes, np.uint8), grid.shape)
    cover = np.where(rng.random(grid.shape) < 0.2, rng.choice(np.array(codes, np.uint8), grid.shape), base)
    reason = np.where(cover != base, Reason.CHANGED, Reason.UNCHANGED).astype(np.uint8)
    hidden = (rng.random(grid.shape) < 0.1) & (cover == base)
    reason[hidden] = Reason.KEPT_NO_DATA
    reason[(rng.random(grid.shape) < 0.1) & (cover != base)] = Reason.RULE_CROPS
    confidence = np.where(hidden, 0, rng.uniform(0.3, 1, grid.shape)).astype(np.float32)
    second = np.where(hidden, 0, rng.choice(np.array(codes, np.uint8), grid.shape)).astype(np.uint8)
    return Patch(CoverMap(cover, grid, tables.legend("ecosg")), base, reason, confidence, None, second)


def run(folder, made, *, title="a run", stem="made", notes=()):
    """A folder with the NetCDF file and the manifest of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    file = netcdf.write(made, folder / f"{stem}.nc", provenance=Provenance(title="t", source="s", history="h"))
    record = manifest(
        patch=made,
        config={"base": {"path": "base.dir"}, "output": {"stem": stem, "title": title}},
        inputs=[],
        engine=None,
        products={file.name: file},
        notes=notes,
        started=datetime(2026, 1, 2, tzinfo=UTC),
    )
    (folder / f"{stem}_manifest.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


FIGURES = ("producer", "user", "f1", "iou")
HALF, NONE = ({"value": value, "low": None, "high": None} for value in (0.5, None))
SCORE = {
    "bootstrap": {"times": 100, "level": 0.95, "seed": 0},
    "notes": [],
    "rows": [
        {
            "contestant": contestant,
            "grouping": "water-vegetation",
            "part": {"kind": "all", "value": ""},
            "pixels": 100,
            "blocks": 9,
            "scores": {
                key: {"value": right / 100, "low": right / 100 - 0.05, "high": right / 100 + 0.05}
                for key in ("accuracy", "kappa", "macro_f1", "macro_iou", "weighted_iou")
            },
            "calibration_error": None,
            "classes": [
                {"code": code, "name": name, "true": true, "said": said} | dict.fromkeys(FIGURES, figure)
                for code, name, true, said, figure in (
                    (1, "water", 60, 55, HALF), (2, "land", 40, 45, HALF), (3, "never", 0, 0, NONE),
                )
            ],
            "confusion": [[50, 8, 0, 2], [5, right - 50, 0, 85 - right], [0, 0, 0, 0]],
            "reliability": [],
        }
        for contestant, right in (("original", 70), ("new", 80))
    ],
    "pairs": [
        {
            "first": "original", "second": "new", "grouping": "water-vegetation",
            "gain": {"value": 0.1, "low": 0.04, "high": 0.16},
            "only_first_right": 2, "only_second_right": 12, "mcnemar_statistic": 7.1, "mcnemar_p": 0.0075,
        }
    ],
}  # fmt: skip
"""A score as `scoring.report.Report.document` writes it, of the two maps of a run."""
