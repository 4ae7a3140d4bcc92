"""The walk of an engine over a scene, window by window, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from torch import Tensor

from ecosg_update.errors import GridError, ModelError
from ecosg_update.grid import Window
from ecosg_update.layers import Prediction, Reader, Reflectance
from ecosg_update.sample import arranged
from ecosg_update.segment.card import Card
from ecosg_update.segment.engine import Engine
from ecosg_update.segment.gpu import fetched, fitting, sent, stacked
from ecosg_update.segment.lattice import Lattice, Span, lattice

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")
Prepare = Callable[[Reflectance], Reflectance]
"""What is done to each window before the engine sees it, pixel by pixel: L2A to L1C."""

SIZE = 512
BLEND = 32
"""Pixels over which two windows are blended where the engine's halo does not cover its receptive field."""

GPU_BATCH = 4
"""Windows a call on a GPU: fewer, larger calls, where the next one would be asked for later than one is answered."""

PIXEL_TOLERANCE = 1e-6
"""Relative: 10 m written as 9.99999 m is 10 m."""


def plan(
    shape: tuple[int, int], card: Card, *, window: Window | None = None, size: int = SIZE, overlap: int | None = None
) -> Lattice:
    """The windows that `strips` will walk, known ahead: `plan(...).windows` is how many.

    overlap: None takes two halos, and a ramp for engines that are not seamless. Raises as `lattice.lattice` does.
    """
    if overlap is None:
        least = 2 * card.halo + (0 if card.seamless else BLEND)
        overlap = least + -least % card.stride
    return lattice(shape, size=size, overlap=overlap, halo=card.halo, stride=card.stride, window=window)


def strips(
    reader: Reader,
    engine: Engine,
    *,
    window: Window | None = None,
    size: int = SIZE,
    overlap: int | None = None,
    batch: int | None = None,
    prepare: Prepare | None = None,
) -> Iterator[Prediction]:
    """The probabilities of a scene, or of a `window` (rows, cols) of it, from north to south in strips of full width.

    Each strip is a `Prediction` on `reader.grid.window(...)`: share is 1 where the pixel was valid, else 0 with all
    probabilities 0. The results do not depend on `window`; for a seamless engine neither on `size` (pixels of a
    window's side) nor on `overlap`, but for rounding. Other engines see farther than their halo: their windows
    differ a little and are blended linearly. Invalid pixels inside a window are fed to the engine as they are read
    (cloud as cloud, 0 where nothing was measured); windows without a valid pixel are not predicted.
    batch: windows a call of the network; None is 1 on a CPU and `GPU_BATCH` on a GPU. prepare: brings each window to
    the engine's level; it must not mix pixels. Bands that the card calls optional may be missing. Memory: one row of
    windows, two on a GPU, which is at the next row while a strip is used. The reader is at rest whenever a strip is
    given out.

    Raises ModelError, before the first window, where the reader's bands, level or pixel size are not the engine's,
    and where a GPU's memory does not hold a row of windows.
    """
    _check(reader, engine.card, prepare)
    layout = plan(reader.grid.shape, engine.card, window=window, size=size, overlap=overlap)
    on_gpu = engine.device.type == "cuda"
    walk = _walk(_Source(reader, engine.card, prepare), engine, layout, batch or (GPU_BATCH if on_gpu else 1))
    return (strip() for strip in (_one_behind(walk) if on_gpu else walk))


def _walk(source: _Source, engine: Engine, layout: Lattice, batch: int) -> Iterator[Callable[[], Prediction]]:
    """Strips as promises: a GPU may still be at one that is given out."""
    rows, cols = layout.asked
    what = f"engine {engine.card.engine}: {len(engine.legend)} classes of a row of windows"
    canvas = _Canvas.blank(len(engine.legend), rows.start, cols, engine.device)
    for row, end in layout.strips():
        with fitting(what, "take a smaller window, or the CPU"):
            canvas = canvas.extended(min(row.core.stop, rows.stop))
            for group, values in _ahead(_groups(source.pieces(row, layout), batch, engine.device)):
                answers = engine.answer(values.to(engine.device, non_blocking=True))  # (n, class, y, x)
                for piece, probabilities in zip(group, answers, strict=True):
                    canvas.add(piece, probabilities)
            finished, canvas = canvas.split(end)
            promise = finished.prediction(engine, source.reader)
        if finished.valid.size:
            yield promise


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, each made in a thread while the one before is used; nothing is in the making after the last."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def _one_behind(items: Iterator[T]) -> Iterator[T]:
    """The items, each when the next one has been begun."""
    before: list[T] = []
    for item in items:
        yield from before
        before = [item]
    yield from before


@dataclass(frozen=True, eq=False)
class _Piece:
    """A window as the network eats it. rows, cols: the part of its core that was asked for, in the scene."""

    row: Span
    col: Span
    rows: slice
    cols: slice
    values: NDArray[np.float32]  # (band, y, x), a multiple of the stride
    valid: NDArray[np.bool_]  # of rows, cols


@dataclass(frozen=True, eq=False)
class _Source:
    """Windows of a reader, brought to what the card asks for."""

    reader: Reader
    card: Card
    prepare: Prepare | None

    def pieces(self, row: Span, layout: Lattice) -> Iterator[_Piece]:
        """The windows of one row that hold a valid pixel where they count."""
        for col in layout.cols:
            rows, cols = _common(row.core, layout.asked[0]), _common(col.core, layout.asked[1])
            window = self._window(row, col)
            valid = window.valid[_from(rows, row.start), _from(cols, col.start)]
            if valid.any():
                yield _Piece(row, col, rows, cols, self._bands(window), valid)

    def _window(self, row: Span, col: Span) -> Reflectance:
        window = self.reader.read(row.pixels, col.pixels)
        if self.prepare is not None:
            window = self.prepare(window)
            _check_level(window.level, self.card, "after preparation ")
        if window.valid.shape != (row.stop - row.start, col.stop - col.start):
            raise GridError(f"scene: asked for rows {row.pixels} and columns {col.pixels}, read {window.valid.shape}")
        return window

    def _bands(self, window: Reflectance) -> NDArray[np.float32]:
        """The card's bands, absent ones NaN, edges repeated up to a multiple of the stride."""
        given, wanted = self.reader.bands, self.card.bands
        values = arranged(window.values, given, wanted)
        if not all(np.isfinite(layer).all() for layer, band in zip(values, wanted, strict=True) if band in given):
            raise ModelError(
                f"scene: reflectance at {window.grid.bounds} holds NaN or infinity, expected 0 where invalid"
            )
        padding = [(0, -length % self.card.stride) for length in values.shape[1:]]
        return np.pad(values, ((0, 0), *padding), mode="edge") if any(map(any, padding)) else values


@dataclass(frozen=True, eq=False)
class _Canvas:
    """Weighted sums for rows `top`.. of the scene and the asked columns, on the engine's device."""

    values: Tensor  # float32 (class, y, x)
    valid: NDArray[np.bool_]  # (y, x)
    top: int
    cols: slice

    @classmethod
    def blank(cls, classes: int, top: int, cols: slice, place: torch.device) -> _Canvas:
        """No rows yet."""
        width = cols.stop - cols.start
        return cls(torch.zeros((classes, 0, width), device=place), np.zeros((0, width), np.bool_), top, cols)

    def extended(self, bottom: int) -> _Canvas:
        """The same with empty rows down to `bottom`."""
        classes, rows, width = self.values.shape
        height = max(rows, bottom - self.top)
        values = torch.zeros((classes, height, width), device=self.values.device)
        valid = np.zeros((height, width), np.bool_)
        values[:, :rows], valid[:rows] = self.values, self.valid
        return _Canvas(values, valid, self.top, self.cols)

    def add(self, piece: _Piece, probabilities: Tensor) -> None:
        """Add a window's probabilities (class, y, x), each pixel with the window's weight."""
        rows, cols = _from(piece.rows, self.top), _from(piece.cols, self.cols.start)
        inner = probabilities[:, _from(piece.rows, piece.row.start), _from(piece.cols, piece.col.start)]
        down, along = (
            sent(span.weights(part), inner.device)
            for span, part in ((piece.row, piece.rows), (piece.col, piece.cols))
        )
        self.values[:, rows, cols] += inner * (down[:, None] * along)
        self.valid[rows, cols] = piece.valid

    def split(self, end: int) -> tuple[_Canvas, _Canvas]:
        """The rows before row `end` of the scene, and a copy of the rest."""
        cut = end - self.top
        rest = _Canvas(self.values[:, cut:].clone(), self.valid[cut:].copy(), end, self.cols)
        return _Canvas(self.values[:, :cut], self.valid[:cut], self.top, self.cols), rest

    def prediction(self, engine: Engine, reader: Reader) -> Callable[[], Prediction]:
        """The finished layer, on its way to this machine."""
        share = self.valid.astype(np.float32)
        values = fetched(self.values.mul_(sent(share, self.values.device)))
        grid = reader.grid.window(slice(self.top, self.top + len(share)), self.cols)
        return lambda: Prediction(values(), share, engine.legend, grid, engine.card.origin)


def _groups(pieces: Iterable[_Piece], batch: int, place: torch.device) -> Iterator[tuple[list[_Piece], Tensor]]:
    """Up to `batch` pieces of one shape, in order, with their values (n, band, y, x) ready for a device."""
    group: list[_Piece] = []
    for piece in pieces:
        if group and (len(group) == batch or group[0].values.shape != piece.values.shape):
            yield group, stacked([one.values for one in group], place)
            group = []
        group.append(piece)
    if group:
        yield group, stacked([one.values for one in group], place)


def _check(reader: Reader, card: Card, prepare: Prepare | None) -> None:
    """ModelError where the scene is not what the engine eats."""
    missing = [card.bands[row] for row in card.needed if card.bands[row] not in reader.bands]
    if missing:
        raise ModelError(
            f"engine {card.engine}: the scene lacks {', '.join(missing)} (it has {', '.join(reader.bands)}); "
            f"read it with {', '.join(card.bands)}"
        )
    width, height = reader.grid.pixel
    if max(abs(width - card.pixel_m), abs(height - card.pixel_m)) > PIXEL_TOLERANCE * card.pixel_m:
        raise ModelError(
            f"engine {card.engine}: the scene's pixels are {width:g} x {height:g}, expected {card.pixel_m:g} m; "
            "read it at the engine's pixel size"
        )
    if prepare is None:
        _check_level(reader.level, card, "")


def _check_level(level: str, card: Card, when: str) -> None:
    if not card.eats(level):
        raise ModelError(
            f"engine {card.engine}: the scene is {when}{level}, expected {card.level}; "
            "convert its level, or use an engine trained for it"
        )


def _common(one: slice, other: slice) -> slice:
    return slice(max(one.start, other.start), min(one.stop, other.stop))


def _from(part: slice, origin: int) -> slice:
    """`part` counted from `origin`."""
    return slice(part.start - origin, part.stop - origin)
