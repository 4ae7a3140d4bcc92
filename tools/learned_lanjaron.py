"""What a learned table gains on real data: Dynamic World's network on Landsat 8, learned towards the real CORINE.

    python tools/learned_lanjaron.py DATA OUT

DATA holds the shared data. Writes OUT/dynamicworld.tif, the most probable class of each pixel of 30 m at Lanjaron
(Sierra Nevada), and OUT/dynamicworld--corine-l{1,2,3}.csv, and prints how each table does on held-out blocks beside
the plain grouping. Landsat has no red edge: bands 5, 6 and 7 are laid between its red and near infrared, and its
pixels are three times too large, so the map is a poor one of its kind. docs/learned-crosswalk.md says what follows.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import rasterio
import torch

from ecosg_update.learned.evidence import votes
from ecosg_update.learned.learn import Method, write
from ecosg_update.learned.report import lines
from ecosg_update.learned.truth import corine
from ecosg_update.segment.weights import published

GAIN, OFFSET = 2e-5, -0.1
"""Landsat collection 2, level 1: reflectance at the top of the atmosphere, but for the height of the sun. Taken for
level 2, the darkest pixels of shortwave infrared would be -4 %."""
SUN = 0.87
"""Sine of an assumed height of the sun of 60 degrees: the file does not tell."""
RED_EDGE = (0.25, 0.7, 0.95)
"""Where bands 5, 6 and 7 lie between red (0) and near infrared (1), as leaves reflect."""
FOLD_BLOCK_KM = 1.5
"""The image is 12 x 9 km: 48 blocks."""


def classes(image: Path, weights: Path, output: Path) -> Path:
    """Write the most probable class of Dynamic World for each pixel of a Landsat image."""
    with rasterio.open(image) as file:
        blue, green, red, infrared, *shortwave = (file.read().astype(np.float32) * GAIN + OFFSET) / SUN
        profile = file.profile | {"count": 1, "dtype": "uint8", "nodata": 0}
    edge = [red + part * (infrared - red) for part in RED_EDGE]
    bands = np.stack([blue, green, red, *edge, infrared, *shortwave]).clip(1e-4, 1)
    engine = published("dynamicworld", folder=weights, on="cpu")
    codes = np.array(engine.legend.codes, np.uint8)[engine(bands.astype(np.float32)).argmax(axis=0)]
    with rasterio.open(output, "w", **profile) as file:
        file.write(codes, 1)
    return output


def main(data: Path, output: Path) -> None:
    """Make the map, learn the three tables, print the reports."""
    torch.set_num_threads(1)
    place = data / "landsat8_clc_lanjaron"
    weights = data / "weights_dynamicworld" / "forward" / "variables"
    made = votes(classes(place / "landsat8_6band.tif", weights, output / "dynamicworld.tif"), "dynamicworld")
    for level in (1, 2, 3):
        truth = corine(place / "clc2018_polygons.gpkg", to=f"corine-l{level}")
        table = output / f"dynamicworld--corine-l{level}.csv"
        found = write(made, truth, table, Method(block_km=FOLD_BLOCK_KM), overwrite=True)
        print("\n".join(lines(found.report)), end="\n\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
