"""Cells without a pixel are filled as PGD fills them: a slow search in its own words, and laws."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update.domain import Domain
from ecosg_update.errors import CoverageError
from ecosg_update.pgd import gaps
from ecosg_update.pgd.gaps import centres, fill
from tests.pgd.cases import tangent


def insertion(x, y, known, cell):
    """The three nearest as `interpol_npts.F90` keeps them: a list, and each cell goes before those as far."""
    best = []
    for other in known:
        square = (x[other] - x[cell]) ** 2 + (y[other] - y[cell]) ** 2
        at = sum(kept < square for kept, _ in best)
        best.insert(at, (square, other))
        best = best[:3]
    return best


def slowly(cover, pixels, domain):
    x, y = centres(domain)
    known, filled = np.flatnonzero(pixels), cover.copy()
    for cell in np.flatnonzero(pixels == 0):
        best = insertion(x, y, known, cell)
        weights = [1 / math.sqrt(square) for square, _ in best]
        filled[:, cell] = sum(weight * cover[:, other] for weight, (_, other) in zip(weights, best, strict=True))
        filled[:, cell] /= sum(weights)
    return filled


@st.composite
def gappy(draw):
    """A small domain, pixels of its cells, many of them none, and fractions that differ from cell to cell."""
    nx, ny, size = draw(st.integers(1, 9)), draw(st.integers(1, 8)), draw(st.sampled_from([2500.0, 1234.567]))
    domain = tangent("x", nx, ny, size, 7.0, 52.0)
    if draw(st.booleans()):
        domain = Domain("degrees", nx, ny, 0.1, 0.07, 7.0, 52.0, None)
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    pixels = (rng.random(domain.cells) < draw(st.sampled_from([0.05, 0.3, 0.9]))) * rng.integers(1, 99, domain.cells)
    cover = rng.random((33, domain.cells))
    return domain, pixels, cover / cover.sum(axis=0) * (pixels > 0)


@settings(max_examples=60)
@given(gappy())
def test_gaps_are_filled_as_by_the_slow_search(made):
    domain, pixels, cover = made
    if not pixels.any():
        with pytest.raises(CoverageError, match="PGD aborts"):
            fill(cover, pixels, domain)
        return
    expected = slowly(cover, pixels, domain)
    before = cover.copy()
    fill(cover, pixels, domain)
    np.testing.assert_allclose(cover, expected, atol=1e-15)
    np.testing.assert_array_equal(cover[:, pixels > 0], before[:, pixels > 0])
    np.testing.assert_allclose(cover.sum(axis=0), 1)


def test_more_cells_at_one_distance_than_are_looked_at_first():
    """Only a circle has data: 36 cells 65 cells from the middle, the last two in the north and one beside them."""
    domain = tangent("circle", 131, 131, 1000.0, 7.0, 52.0)
    steps = np.arange(131) - 65
    on_circle = (steps[:, None] ** 2 + steps[None, :] ** 2 == 65**2).ravel()
    assert on_circle.sum() > gaps.CANDIDATES
    cover = np.zeros((33, domain.cells))
    cover[np.arange(on_circle.sum()) % 33, np.flatnonzero(on_circle)] = 1
    middle = 65 * 131 + 65
    last = np.flatnonzero(on_circle)[-3:]
    expected = cover[:, last].mean(axis=1)
    fill(cover, on_circle.astype(int), domain)
    np.testing.assert_allclose(cover[:, middle], expected)


def test_one_cell_with_data_fills_all():
    domain = tangent("x", 4, 3, 1000.0, 7.0, 52.0)
    cover, pixels = np.zeros((33, 12)), np.zeros(12, int)
    cover[6, 5] = pixels[5] = 1
    fill(cover, pixels, domain)
    assert (cover[6] == 1).all() and cover.sum() == 12


def test_filling_in_blocks_changes_nothing(monkeypatch):
    domain, rng = tangent("x", 20, 15, 1000.0, 7.0, 52.0), np.random.default_rng(1)
    pixels = (rng.random(300) < 0.3).astype(int)
    cover = rng.random((33, 300)) * pixels
    other = cover.copy()
    fill(cover, pixels, domain)
    monkeypatch.setattr(gaps, "BLOCK", 7)
    fill(other, pixels, domain)
    np.testing.assert_array_equal(cover, other)
