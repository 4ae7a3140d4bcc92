import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from torchmetrics.functional import classification as peer

from ecosg_update import tables
from ecosg_update.errors import ConfigError, CoverageError, EcosgError
from ecosg_update.formats import covers
from ecosg_update.grid import GEOGRAPHIC, GeoGrid, LatLonGrid, projection
from ecosg_update.judge.grouping import grouping
from ecosg_update.layers import CoverMap
from ecosg_update.scoring import mapped
from ecosg_update.scoring.maps import Map
from tests.conftest import shared
from tests.formats.maps import PROVENANCE
from tests.scoring.maps import ECOSG, cover, random_codes, raster, report, row

NORTH = LatLonGrid(360, 9000, 70000, 37, 61)
DATELINE = LatLonGrid(360, 44000, 129570, 37, 61)


@pytest.fixture
def files(tmp_path):
    """A truth and two maps: the first half right, the second a third."""
    truth = random_codes(NORTH.shape, 0)
    maps = []
    for seed, right in ((1, 0.5), (2, 0.3)):
        keep = np.random.default_rng(seed + 9).random(NORTH.shape) < right
        maps.append(np.where(keep, truth, random_codes(NORTH.shape, seed)))
    paths = [cover(tmp_path / f"{name}.dir", codes, NORTH) for name, codes in zip("tab", (truth, *maps), strict=True)]
    return paths, (truth, *maps)


def known(*arrays):
    """The cells that all arrays have a class for."""
    held = np.logical_and.reduce([codes > 0 for codes in arrays])
    return [codes[held] for codes in arrays]


def cell_areas(grid):
    """km2 of the cells by the cosine of their latitude, (y, x): another formula than the package's."""
    side = 6371.229 * np.pi / 180 / grid.per_degree
    return np.broadcast_to(side**2 * np.cos(np.radians(grid.latitudes))[:, None], grid.shape)


@pytest.mark.parametrize("grid", [NORTH, DATELINE], ids=str)
def test_a_map_scored_against_itself_is_right_everywhere(tmp_path, grid):
    path = cover(tmp_path / "same.dir", random_codes(grid.shape, 3), grid)
    found = report([path], path)
    assert {one.confusion.legend.name for one in found.rows} >= {"corine-l1", "corine-l2", "ecosg-primary", "ecosg"}
    for one in found.rows:
        assert {name: score.value for name, score in one.scores.items()} == dict.fromkeys(one.scores, 1.0)


def test_the_scores_are_those_of_scikit_learn_and_torchmetrics(files):
    (path, *maps), (truth, *_) = files[0], files[1]
    found = report(maps, path)
    true, *said = known(*files[1])
    for name, codes in zip("ab", said, strict=True):
        one = row(found, name=name)
        assert one.confusion.total == true.size
        np.testing.assert_array_equal(
            one.confusion.counts[:, :-1], metrics.confusion_matrix(true, codes, labels=ECOSG.codes)
        )
        scores = {key: score.value for key, score in one.scores.items()}
        assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(true, codes))
        assert scores["kappa"] == pytest.approx(metrics.cohen_kappa_score(true, codes))
        assert scores["macro_f1"] == pytest.approx(metrics.f1_score(true, codes, average="macro"))
        tensors = torch.from_numpy(codes.astype(np.int64) - 1), torch.from_numpy(true.astype(np.int64) - 1)
        assert scores["macro_iou"] == pytest.approx(peer.multiclass_jaccard_index(*tensors, 33).item(), abs=1e-6)
        assert scores["macro_producer"] == pytest.approx(peer.multiclass_recall(*tensors, 33).item(), abs=1e-6)
    assert truth.size > true.size


def test_by_area_scores_are_those_of_scikit_learn_with_the_areas_as_weights(files):
    (path, first, _), (truth, codes, _) = files
    found = row(report([first], path), unit="m2")
    held = (truth > 0) & (codes > 0)
    weights = cell_areas(NORTH)[held]
    assert found.confusion.total / 1e6 == pytest.approx(weights.sum(), rel=1e-6)
    options = {"sample_weight": weights}
    assert found.scores["accuracy"].value == pytest.approx(
        metrics.accuracy_score(truth[held], codes[held], **options), rel=1e-6
    )
    assert found.scores["kappa"].value == pytest.approx(
        metrics.cohen_kappa_score(truth[held], codes[held], **options), rel=1e-6
    )
    assert found.scores["weighted_iou"].value == pytest.approx(
        metrics.jaccard_score(truth[held], codes[held], average="weighted", **options), rel=1e-6
    )


def test_a_pixel_that_one_map_lacks_is_left_out_for_all(files):
    (path, first, second), arrays = files
    alone, both = row(report([first], path), name="a"), row(report([first, second], path), name="a")
    assert alone.confusion.total == known(*arrays[:2])[0].size
    assert both.confusion.total == known(*arrays)[0].size < alone.confusion.total
    (note,) = [text for text in report([first, second], path).notes if text.startswith("ecosg, 33")]
    assert f"{both.confusion.total:,} of {NORTH.cells:,} pixels" in note


def test_the_order_of_maps_does_not_matter(files):
    path, first, second = files[0]
    found, turned = report([first, second], path), report([second, first], path)
    for name in "ab":
        one, other = row(found, "corine-l2", name), row(turned, "corine-l2", name)
        np.testing.assert_array_equal(one.confusion.counts, other.confusion.counts)
        assert one.scores == other.scores
    pair, back = found.pairs[0], turned.pairs[0]
    assert (pair.test.only_first, pair.test.only_second) == (back.test.only_second, back.test.only_first)
    assert pair.gain.value == pytest.approx(-back.gain.value)


def test_mcnemar_counts_the_pixels_that_only_one_map_has_right(files):
    path, first, second = files[0]
    true, one, other = known(*files[1])
    l1 = grouping(ECOSG, tables.legend("corine-l1")).rows
    true, one, other = (l1[codes - 1] for codes in (true, one, other))
    (pair,) = [pair for pair in report([first, second], path).pairs if pair.grouping.startswith("corine-l1")]
    assert pair.test.only_first == ((one == true) & (other != true)).sum()
    assert pair.test.only_second == ((one != true) & (other == true)).sum()


@settings(max_examples=5)
@given(km=st.floats(2, 40), pixels=st.integers(200, 3000))
def test_neither_the_blocks_nor_the_windows_change_the_totals(tmp_path_factory, km, pixels):
    folder = tmp_path_factory.mktemp("blocks")
    path = cover(folder / "t.dir", random_codes(DATELINE.shape, 0), DATELINE)
    said = cover(folder / "a.dir", random_codes(DATELINE.shape, 1), DATELINE)
    whole = row(report([said], path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapped, "PIXELS", pixels)
        patch.setattr(mapped, "COUNTED", 40 * 40)
        cut = row(report([said], path, block_km=km, groupings=("ecosg",)))
    np.testing.assert_array_equal(cut.confusion.counts, whole.confusion.counts)
    assert cut.scores["macro_iou"].value == whole.scores["macro_iou"].value


LAEA = GeoGrid("EPSG:3035", Affine(100, 0, 4321000, 0, -100, 3210000), (71, 134))
UTM = GeoGrid("EPSG:32601", Affine(60, 0, 290000, 0, -60, 7200000), (50, 160))
DEGREES = GeoGrid(GEOGRAPHIC, Affine(0.0011, 0, 10.003, 0, -0.0013, 51.001), (40, 90))


@pytest.mark.parametrize("grid", [LAEA, UTM, DEGREES], ids=["laea", "dateline", "degrees"])
def test_a_truth_of_any_projection_meets_the_cell_at_each_of_its_centres(tmp_path, grid):
    rng = np.random.default_rng(5)
    truth = rng.choice(np.array([0, 111, 211, 312, 512], np.uint16), grid.shape)
    west, south, east, north = grid.lonlat_bounds()
    # the map ends inside the truth, in the east and in the south
    cells = LatLonGrid.from_bounds(360, (west - 0.01, south + 0.01, east - 0.01, north + 0.01))
    codes = random_codes(cells.shape, 6)
    found = report(
        [cover(tmp_path / "a.dir", codes, cells)], raster(tmp_path / "t.tif", truth, grid), legend="corine-l3"
    )
    x, y = np.meshgrid(*(np.arange(count) + 0.5 for count in grid.shape[::-1]))
    lon, lat = projection(grid.crs, GEOGRAPHIC).transform(*(grid.transform @ (x, y)))
    rows = np.floor((90 - lat) * 360).astype(int) - cells.row
    cols = (np.floor((lon + 180) * 360).astype(int) - cells.col) % cells.world_cols
    held = (rows >= 0) & (rows < cells.rows) & (cols < cells.cols) & (truth > 0)
    said = codes[rows[held], cols[held]]
    l1 = grouping(ECOSG, tables.legend("corine-l1")).rows
    true, said = truth[held][said > 0] // 100 - 1, l1[said[said > 0] - 1]
    assert 500 < said.size < truth.size
    counts, expected = row(found, "corine-l1").confusion.counts[:, :-1], metrics.confusion_matrix(true, said)
    assert counts.sum() == expected.sum()
    assert np.abs(counts - expected).sum() <= 2  # a centre within 3 cm of an edge may fall on either side


def test_on_the_maps_cells_truth_is_the_majority_of_its_pixels(tmp_path):
    cells = LatLonGrid(360, 9000, 70000, 6, 7)
    fine = LatLonGrid(1800, 45000, 350000, 30, 35)
    rng = np.random.default_rng(8)
    truth = rng.choice(np.array([0, 111, 311], np.uint16), fine.shape, p=(0.3, 0.3, 0.4))
    truth[:5, :5], truth[0, :3] = 0, 311  # most of the first cell is without truth
    blocks = truth.reshape(6, 5, 7, 5).transpose(0, 2, 1, 3).reshape(6, 7, 25)
    votes = np.stack([(blocks == code).sum(axis=2) for code in (111, 311, 0)])
    true = np.array([111, 311, 0])[votes.argmax(axis=0)]
    tied = np.sort(votes, axis=0)[-1] == np.sort(votes, axis=0)[-2]
    codes = np.where(tied, 0, random_codes(cells.shape, 9, hole=0, codes=(8, 25))).astype(np.uint8)
    path = raster(tmp_path / "t.tif", truth, fine.geo())
    found = report([cover(tmp_path / "a.dir", codes, cells)], path, legend="corine-l3", on="maps")
    held = (true > 0) & (codes > 0)
    assert true[0, 0] == 0 and 10 < held.sum() < held.size
    counts = row(found, "corine-l1").confusion.counts
    assert counts.sum() == held.sum()
    assert counts[0, 0] == (held & (true == 111) & (codes == 25)).sum()
    assert counts[2, 2] == (held & (true == 311) & (codes == 8)).sum()


def test_a_raster_of_another_legend_is_a_map_too(tmp_path):
    truth = random_codes(NORTH.shape, 0, codes=(1, 8, 19, 29))
    world = np.zeros(256, np.uint8)
    world[[1, 8, 19, 29]] = 80, 10, 40, 50
    path = cover(tmp_path / "t.dir", truth, NORTH)
    made = raster(tmp_path / "world.tif", world[truth], NORTH.geo())
    found = report([f"{made}:worldcover"], path)
    assert [one.confusion.legend.name for one in found.rows] == ["ecosg-primary"] * 2
    assert row(found, "ecosg-primary").scores["accuracy"].value == 1


@pytest.mark.parametrize("ending", ["nc", "tif"])
def test_every_format_of_a_cover_map_serves_as_map_and_as_truth(files, tmp_path, ending):
    path = tmp_path / f"same.{ending}"
    covers.write(CoverMap(files[1][0], NORTH, ECOSG), path, PROVENANCE)
    for maps, truth in (([path], files[0][0]), ([files[0][0]], path)):
        found = row(report(maps, truth))
        assert found.scores["accuracy"].value == 1
        assert found.confusion.total == (files[1][0] > 0).sum()


def test_a_coarser_map_is_taken_at_the_centres_of_finer_cells(tmp_path):
    coarse, fine = LatLonGrid(120, 3000, 20000, 4, 5), LatLonGrid(360, 9000, 60000, 12, 15)
    codes = random_codes(coarse.shape, 1)
    one = cover(tmp_path / "coarse.dir", codes, coarse)
    other = cover(tmp_path / "fine.dir", np.kron(codes, np.ones((3, 3), np.uint8)), fine)
    assert row(report([one], other)).scores["accuracy"].value == 1
    assert row(report([other], one)).scores["accuracy"].value == 1
    assert row(report([one], other)).confusion.total == 9 * (codes > 0).sum()


def test_the_interval_of_the_gain_holds_the_gain_and_blocks_are_stated(files):
    path, first, second = files[0]
    found = report([first, second], path, block_km=2.5)
    for pair in found.pairs:
        assert pair.gain.interval.low <= pair.gain.value <= pair.gain.interval.high
    assert any("blocks of 2.5 km" in note for note in found.notes)
    assert row(found).blocks > 10


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"groupings": ("corine-l9",)}, EcosgError, "does not exist"),
        ({"on": "maps", "legend": "ecosg"}, None, ""),
        ({"legend": "corine-l3"}, ConfigError, "holds classes of ecosg"),
        ({"block_km": 0.001}, ConfigError, "name a larger side"),
    ],
)
def test_what_does_not_go_together_is_refused(files, change, error, message):
    path, first, _ = files[0]
    if error is None:
        assert report([first], path, **change).rows
        return
    with pytest.raises(error, match=message):
        report([first], path, **change)


def test_maps_elsewhere_are_refused(files, tmp_path):
    away = cover(tmp_path / "away.dir", random_codes(DATELINE.shape, 1), DATELINE)
    with pytest.raises(CoverageError, match="no pixel in common"):
        report([away], files[0][0])


def test_maps_of_one_stem_go_by_their_paths_and_one_file_is_named_once(files, tmp_path):
    (tmp_path / "other").mkdir()
    path, first, _ = files[0]
    twin = cover(tmp_path / "other" / "a.dir", files[1][2], NORTH)
    assert {one.contestant for one in report([first, twin], path).rows} == {str(first), str(twin)}
    with pytest.raises(ConfigError, match="each name once"):
        report([first, first], path)


def test_real_corine_pixels_meet_the_cell_at_their_centre():
    """Lanjaron: 30 m pixels of CLC2018, the cover map made of the same polygons; counted by hand."""
    truth = shared("landsat8_clc_lanjaron", "clc2018_level3_30m.tif")
    base = shared("ecosg_like", "lanjaron_300m.dir")
    found = row(report([base], truth, legend="corine-l3"), "corine-l1")
    with rasterio.open(truth) as file:
        codes = file.read(1)
        rows, cols = np.nonzero(codes)
        x, y = file.transform @ (cols + 0.5, rows + 0.5)
        lon, lat = projection(file.crs.to_wkt(), GEOGRAPHIC).transform(x, y)
    whole = Map("x", ECOSG, mapped.contestants([str(base)])[0].source).source.read(
        LatLonGrid(360, 19078, 63512, 66, 85)
    )
    down, across = np.floor((90 - lat) * 360).astype(int) - 19078, np.floor((lon + 180) * 360).astype(int) - 63512
    said = grouping(ECOSG, tables.legend("corine-l1")).rows[whole.codes[down, across] - 1]
    true = codes[rows, cols] // 100 - 1
    assert found.confusion.total == true.size == 116230
    assert np.abs(found.confusion.counts[:, :-1] - metrics.confusion_matrix(true, said, labels=range(5))).sum() <= 20
    assert found.scores["accuracy"].value == pytest.approx(0.645, abs=5e-4)


def test_real_polygons_of_muenster_score_the_map_that_was_made_of_them():
    found = report(
        [shared("ecosg_like", "muenster_300m.dir")], shared("clc5_2018_muenster", "clc5_2018_muenster.gpkg")
    )
    scores = {one.confusion.legend.name: one.scores["accuracy"].value for one in found.rows if one.unit == "pixels"}
    assert scores["ecosg-primary"] > 0.95 and scores["corine-l1"] > 0.93
    area = row(found, "corine-l1", unit="m2").confusion.total / 1e6
    assert 490 < area < 520  # the polygons are 505 km2
