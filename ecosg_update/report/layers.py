"""The layers of the page's map: what the browser unpacks and draws, cell by cell.

A class layer is its codes, a byte a cell, deflated: the readout under the pointer is the map itself, not a colour
read back from a picture, which browsers may blur on purpose against tracking. Where a page would grow too large,
confidence is thinned to one value for several cells and second covers are left out; covers and reasons never are.
"""

from __future__ import annotations

import base64
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ecosg_update.layers import Patch

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BYTES = 13_500_000
"""Of all layers as text; the rest of a page is far below 1 MB."""

STEPS = (16, 8, 4, 2, 1)
"""How many cells a side may share one value of confidence."""

LEVELS = 20
"""Confidence is shown in steps of 1/20; stored 1 + level, 0 where there is none."""

ROWS = 64
"""That are deflated before it is asked whether they still fit."""

THREADS = 2
JPEG_QUALITY = 82


@dataclass(frozen=True)
class Packed:
    """A layer for the browser. step: so many cells a side share one value; text: base64 of what `kind` says.

    kind: "codes" (zlib of uint8, rows from the north), or "jpeg" (a picture over the whole grid). usual: of reasons,
    the one that 0 stands for, by the code of the cover, where that is the original's and where it is new.
    """

    name: str
    kind: str
    step: int
    text: str
    usual: tuple[tuple[int, ...], ...] = ()


def packed(patch: Patch, image: NDArray[np.uint8] | None, *, most: int = MOST_BYTES) -> tuple[Packed, ...]:
    """The layers of a patch in at most `most` bytes, as far as thinning what may be thinned can reach.

    image: uint8 (y, x, 3) over the grid at any density. Layers: cover; base, which is 0 where it equals the cover
    (no data in the base is 255 there); reason, which is 0 where it is the usual one of the cover; image; confidence;
    second.
    """
    usual = usual_reasons(patch)
    exact = {"cover": patch.cover.codes, "base": _base(patch), "reason": _reason(patch, usual)}
    with ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(_codes, exact, exact.values()))
    found[-1] = replace(found[-1], usual=tuple(map(tuple, usual.tolist())))
    if image is not None:
        found.append(Packed("image", "jpeg", 1, _text(_jpeg(image))))
    left = most - sum(len(one.text) for one in found)
    confidence = _thinned("confidence", lambda step: levels(patch.confidence, step), left)
    found.append(confidence)
    if patch.second is not None and patch.second.any():
        second = _deflated(patch.second, left - len(confidence.text))
        found += [] if second is None else [Packed("second", "codes", 1, second)]
    return tuple(found)


def levels(confidence: NDArray[np.float32], step: int) -> NDArray[np.uint8]:
    """Confidence, the mean of `step` x `step` cells, as 1 + its level of `LEVELS`; 0 where all of them have none."""
    rows, cols = (np.arange(0, size, step) for size in confidence.shape)

    def total(values: NDArray[np.floating]) -> NDArray[np.floating]:
        summed: NDArray[np.floating] = np.add.reduceat(np.add.reduceat(values, rows, axis=0), cols, axis=1)
        return summed

    held = total((confidence > 0).astype(np.float32))
    mean = total(confidence) / np.maximum(held, 1)
    return np.where(held > 0, 1 + np.rint(mean * LEVELS), 0).astype(np.uint8)


def usual_reasons(patch: Patch) -> NDArray[np.uint8]:
    """uint8 (2, 256): the most frequent reason of each cover, where it is the original's and where it is new.

    Rules of sub-types speak wherever a cover is found, so that the cover nearly says the reason.
    """
    place = patch.changed.astype(np.uint32) << 16 | patch.cover.codes.astype(np.uint32) << 8 | patch.reason
    counts = np.bincount(place.ravel(), minlength=1 << 17).reshape(2, 256, 256)
    usual: NDArray[np.uint8] = counts.argmax(axis=2).astype(np.uint8)
    return usual


def _base(patch: Patch) -> NDArray[np.uint8]:
    base = np.where(patch.changed, patch.base, np.uint8(0))
    base[patch.changed & (patch.base == 0)] = 255
    return base


def _reason(patch: Patch, usual: NDArray[np.uint8]) -> NDArray[np.uint8]:
    expected = np.where(patch.changed, usual[1][patch.cover.codes], usual[0][patch.cover.codes])
    return np.where(patch.reason == expected, np.uint8(0), patch.reason)


def _thinned(name: str, at: Callable[[int], NDArray[np.uint8]], most: int) -> Packed:
    """The layer at the finest step that fits into `most` bytes, at the coarsest where none does."""
    found = _codes(name, at(STEPS[0]), STEPS[0])
    for step in STEPS[1:]:
        finer = _deflated(at(step), most)
        if finer is None:
            break
        found = Packed(name, "codes", step, finer)
    return found


def _codes(name: str, codes: NDArray[np.uint8], step: int = 1) -> Packed:
    text = _deflated(codes, sys.maxsize)
    assert text is not None
    return Packed(name, "codes", step, text)


def _deflated(codes: NDArray[np.uint8], most: int) -> str | None:
    """Codes of patchy maps as text, None where that is more than `most` bytes.

    They are deflated as filtered data: short matches do not pay there, and it is twice as fast.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_FILTERED)
    pieces, size = [], 0
    for start in range(0, len(codes), ROWS):
        pieces.append(packer.compress(codes[start : start + ROWS].tobytes()))
        size += len(pieces[-1])
        if size > 3 * most // 4:  # base64 writes three bytes as four
            return None
    text = _text(b"".join([*pieces, packer.flush()]))
    return text if len(text) <= most else None


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    held = BytesIO()
    Image.fromarray(image, "RGB").save(held, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return held.getvalue()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
