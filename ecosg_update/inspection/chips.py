"""The pictures around a site: the satellite's, the new and the original map, as images that a page can hold."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ecosg_update.grid import LatLonGrid
from ecosg_update.inspection.draw import Site
from ecosg_update.inspection.source import Piece, Source
from ecosg_update.judge.area import cell_km2

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.evidence.image import Picture
    from ecosg_update.legend import Legend

PHOTO = 300
"""Side of a satellite picture, pixels: of 10 m over 3 km."""

JPEG_QUALITY = 85


@dataclass(frozen=True)
class Chips:
    """Images of a site as `data:` addresses, None for one that there is not.

    box: where the site's cell lies in each of them, parts (0..1) of its width and height: left, top, right, bottom.
    """

    photo: str | None
    new: str
    original: str | None
    box: tuple[float, float, float, float]


def chips(source: Source, site: Site, radius_km: float, picture: Picture | None) -> Chips:
    """The images around a site, `radius_km` to each side as far as the globe goes."""
    cell = LatLonGrid(
        source.grid.per_degree,
        source.grid.row + site.row,
        (source.grid.col + site.col) % source.grid.world_cols,
        1,
        1,
    )
    place = surroundings(cell, radius_km)
    piece = _read(source, place)
    return Chips(
        photo=None if picture is None else _photo(picture((PHOTO, PHOTO), place)),
        new=_png(piece.cover, source.legend),
        original=None if piece.base is None else _png(piece.base, source.legend),
        box=_box(cell, place),
    )


def surroundings(cell: LatLonGrid, radius_km: float) -> LatLonGrid:
    """The cells around one cell, as many kilometres to the east and west as to the north and south."""
    high = 111.2 / cell.per_degree
    wide = max(float(cell_km2(cell)[0]) / high, 1e-6)
    down, across = math.ceil(radius_km / high - 0.5), math.ceil(radius_km / wide - 0.5)
    top, bottom = max(0, cell.row - down), min(180 * cell.per_degree, cell.row + down + 1)
    across = min(max(0, across), (cell.world_cols - 1) // 2)
    return LatLonGrid(cell.per_degree, top, (cell.col - across) % cell.world_cols, bottom - top, 2 * across + 1)


def _read(source: Source, place: LatLonGrid) -> Piece:
    """The cells of a place, 0 where the map ends."""
    cover = np.zeros(place.shape, np.uint8)
    base = np.zeros(place.shape, np.uint8) if "base" in source.knows else None
    inside = place.intersection(source.grid)
    if inside is not None:
        found = source.read(inside)
        for (rows, cols), (to_rows, to_cols) in inside.windows_in(place):
            cover[to_rows, to_cols] = found.cover[rows, cols]
            if base is not None and found.base is not None:
                base[to_rows, to_cols] = found.base[rows, cols]
    return Piece(place, cover, base)


def _box(cell: LatLonGrid, place: LatLonGrid) -> tuple[float, float, float, float]:
    left, top = (cell.col - place.col) % cell.world_cols, cell.row - place.row
    return left / place.cols, top / place.rows, (left + 1) / place.cols, (top + 1) / place.rows


def _png(codes: NDArray[np.uint8], legend: Legend) -> str:
    """A pixel a cell, in the colours of the legend; the page enlarges it."""
    palette = np.full((256, 3), 255, np.uint8)
    palette[list(legend.codes)] = legend.colours
    image = Image.fromarray(codes, "P")
    image.putpalette(palette.tobytes())
    return _address(image, "PNG", optimize=True)


def _photo(pixels: NDArray[np.uint8]) -> str | None:
    """None where the scene has nothing of the place."""
    if (pixels == 255).all():
        return None
    return _address(Image.fromarray(pixels, "RGB"), "JPEG", quality=JPEG_QUALITY, optimize=True)


def _address(image: Image.Image, form: str, **options: int | bool) -> str:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return f"data:image/{form.lower()};base64,{base64.b64encode(stream.getvalue()).decode()}"
