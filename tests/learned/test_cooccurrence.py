"""Counting: against a pixel-by-pixel count, by windows as whole, soft as hard, covers as CORINE."""

import numpy as np
import pytest

from ecosg_update import tables
from ecosg_update.errors import ConfigError, CoverageError, TableError
from ecosg_update.formats import netcdf
from ecosg_update.formats.provenance import about
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import Prediction
from ecosg_update.learned import blocks, evidence, truth
from ecosg_update.learned.cooccurrence import counted, together
from tests.learned.made import CELLS, PIXEL, SHAPE, covers, pair, probabilities, raster
from tests.learned.test_counts import fields


@pytest.fixture
def maps(tmp_path):
    classes, corine, *arrays = pair(tmp_path)
    return evidence.votes(classes, "dynamicworld"), truth.corine(corine, to="corine-l2"), *arrays


def by_hand(classes, corine, block_km):
    """The table of each block, with plain loops."""
    source, target = tables.legend("dynamicworld"), tables.legend("corine-l2")
    side, found = round(block_km * 1000 / PIXEL), {}
    for row, col in np.argwhere((classes > 0) & (corine > 0)).tolist():
        table = found.setdefault((row // side, col // side), np.zeros((len(source), len(target))))
        table[source.index(int(classes[row, col])), target.index(int(corine[row, col]) // 10)] += 1
    return found


@pytest.mark.parametrize("block_km", [0.06, 0.3, 0.7, 30])
def test_the_sums_are_those_of_a_count_pixel_by_pixel(maps, block_km):
    votes, known, classes, corine = maps
    found = together(counted(votes, known, block_km=block_km, folds=3))
    tables_ = np.stack(list(by_hand(classes, corine, block_km).values()))
    rows = tables_.sum(axis=2)
    expected = [
        tables_.sum(axis=0),
        (tables_**2).sum(axis=0),
        (tables_ * rows[..., None]).sum(axis=0),
        (rows**2).sum(axis=0),
        (rows > 0).sum(axis=0),
    ]
    for one, other in zip(fields(found), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_windows_cut_the_map_without_gap_or_overlap_and_blocks_never(monkeypatch, maps):
    votes, known, *_ = maps
    whole = together(counted(votes, known, block_km=0.3))
    monkeypatch.setattr(blocks, "WINDOW_SIDE", 40)
    assert len(list(blocks.windows(votes.grid, (15, 15)))) == 5 * 6
    for one, other in zip(fields(together(counted(votes, known, block_km=0.3))), fields(whole), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_block_lies_in_one_fold_and_folds_are_of_a_size(maps):
    votes, known, *_ = maps
    parts = counted(votes, known, block_km=0.3, folds=4)
    assert sum(part.pixels.sum() for part in parts) == counted(votes, known, block_km=0.3)[0].pixels.sum()
    assert all(part.pixels.any() for part in parts)


def test_sure_probabilities_count_as_a_raster_of_classes_does(tmp_path):
    grid = LatLonGrid(360, 13700, 67520, 7, 11)
    base = covers(tmp_path / "base", grid)
    legend = tables.legend("dynamicworld")
    classes = np.random.default_rng(0).integers(1, 10, grid.shape).astype(np.uint8)
    values = (classes == np.array(legend.codes)[:, None, None]).astype(np.float32)
    sure = Prediction(values, np.ones(grid.shape, np.float32), legend, grid, "made up")
    netcdf.write_prediction(sure, tmp_path / "sure.nc", provenance=about("made up", "nothing"))
    found = together(counted(evidence.votes(tmp_path / "sure.nc"), truth.original(tmp_path / "base"), block_km=1))
    for code, cover in zip(classes.ravel().tolist(), base.ravel().tolist(), strict=True):
        found.pixels[legend.index(code), cover - 1] -= 1
    assert not found.pixels.any()


def test_probabilities_count_by_probability_and_share(tmp_path):
    grid = LatLonGrid(360, 13700, 67520, 7, 11)
    base = covers(tmp_path / "base", grid.grown(2))[2:-2, 2:-2]
    made = probabilities(tmp_path / "made.nc", grid)
    found = together(counted(evidence.votes(tmp_path / "made.nc"), truth.original(tmp_path / "base"), block_km=1))
    expected = np.stack(
        [(made.values * made.share * (base == code)).sum(axis=(1, 2)) for code in range(1, 34)], axis=1
    )
    np.testing.assert_allclose(found.pixels, expected, rtol=1e-5)
    assert found.pixels.sum() == pytest.approx(made.share.sum(), rel=1e-5)


def test_covers_are_found_under_projected_pixels(tmp_path, maps):
    votes, _, classes, _ = maps
    codes = covers(tmp_path / "base", CELLS)
    found = together(counted(votes, truth.original(tmp_path / "base", to="ecosg"), block_km=0.3))
    assert set(np.flatnonzero(found.pixels.sum(axis=0)) + 1) <= set(np.unique(codes))
    assert 0 < found.pixels.sum() <= np.count_nonzero(classes)


def test_maps_that_do_not_meet_are_refused_in_one_line(tmp_path, maps):
    votes, *_ = maps
    far = raster(tmp_path / "far.tif", np.full((5, 5), 211, np.uint16), west=900_000)
    with pytest.raises(CoverageError, match=r"classes.tif: shares no pixel with a class with far.tif; give"):
        counted(votes, truth.corine(far))


@pytest.mark.parametrize("block_km", [0, -1, float("nan"), float("inf"), 1000])
def test_blocks_that_cannot_be_are_refused(maps, block_km):
    with pytest.raises(ConfigError, match="block-km"):
        counted(maps[0], maps[1], block_km=block_km)


def test_a_raster_without_a_legend_and_a_code_without_a_class_are_refused(tmp_path):
    path = raster(tmp_path / "odd.tif", np.full(SHAPE, 77, np.uint8))
    with pytest.raises(ConfigError, match="name their --legend, one of"):
        evidence.votes(path)
    corine = raster(tmp_path / "corine.tif", np.full(SHAPE, 211, np.uint16))
    with pytest.raises(TableError, match=r"codes .77. are no classes of dynamicworld"):
        counted(evidence.votes(path, "dynamicworld"), truth.corine(corine))
