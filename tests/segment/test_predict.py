from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ecosg_update.errors import GridError, ModelError
from ecosg_update.layers import Reflectance
from ecosg_update.legend import Legend
from ecosg_update.segment import weights
from ecosg_update.segment.card import Card, Standard
from ecosg_update.segment.engine import Engine
from ecosg_update.segment.predict import plan, strips
from tests.conftest import shared
from tests.segment.scenes import ArrayReader, brandenburg, noise, whole

BANDS = ("B03", "B04", "B08")


class Blur(nn.Module):
    """A small seamless network: two 3 x 3 convolutions, so a halo of 2. Counts its calls and windows."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 3, padding=1))
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, bands: torch.Tensor) -> torch.Tensor:
        self.shapes.append(tuple(bands.shape))
        return 4 * self.layers(bands)


class WindowMean(nn.Module):
    """Logits that depend on the whole window, as global pooling does."""

    def forward(self, bands: torch.Tensor) -> torch.Tensor:
        mean = bands.mean(dim=(2, 3), keepdim=True)
        return (6 * (mean - 0.5)).expand(-1, -1, *bands.shape[2:]).contiguous()


def five_classes(count: int = 5) -> Legend:
    codes = tuple(range(1, count + 1))
    names = tuple(f"class {code}" for code in codes)
    return Legend("made for a test", codes, names, ((0, 0, 0),) * count, names, codes)


def small_card(**changes) -> Card:
    card = Card(
        engine="blur", bands=BANDS, level="L1C", pixel_m=10.0, normalisation=Standard((0.5,) * 3, (0.3,) * 3),
        legend="made for a test", codes=(1, 2, 3, 4, 5), halo=2, stride=1, seamless=True, provenance="-", licence="-",
    )  # fmt: skip
    return replace(card, **changes)


def small_engine(**changes) -> Engine:
    card = small_card(**changes)
    return Engine(Blur(), card, five_classes(), torch.device("cpu"))


def seen(engine: Engine) -> list[tuple[int, ...]]:
    """Shapes of the batches that the predicting copy of the network was given."""
    return engine._inference.shapes


def joined(predictions) -> tuple[np.ndarray, np.ndarray]:
    parts = list(predictions)
    return np.concatenate([part.values for part in parts], axis=1), np.concatenate([part.share for part in parts])


@pytest.mark.parametrize(
    "options", [{"size": 16}, {"size": 17, "overlap": 7}, {"size": 40, "batch": 3}, {"size": 512}]
)
def test_strips_of_any_windows_are_what_the_engine_says_of_the_whole_scene(options):
    scene, engine = noise((43, 71), bands=BANDS), small_engine()
    values, share = joined(strips(scene, engine, **options))
    np.testing.assert_allclose(values, engine(scene.values), atol=1e-6)
    assert share.min() == 1


def test_a_part_is_bit_for_bit_the_part_of_the_whole():
    scene, engine = noise((43, 71), bands=BANDS), small_engine()
    whole_values, _ = joined(strips(scene, engine, size=16))
    for rows, cols in [(slice(0, 43), slice(5, 6)), (slice(13, 30), slice(11, 71)), (slice(42, 43), slice(0, 71))]:
        part, _ = joined(strips(scene, engine, window=(rows, cols), size=16))
        np.testing.assert_array_equal(part, whole_values[:, rows, cols])


def test_strips_carry_their_place_on_the_reader_s_grid_from_north_to_south():
    scene, asked = noise((43, 71), bands=BANDS), (slice(7, 41), slice(3, 60))
    row = 7
    for part in strips(scene, small_engine(), window=asked, size=16):
        assert part.grid == scene.grid.window(slice(row, row + part.grid.shape[0]), asked[1])
        assert part.origin == "blur"
        row += part.grid.shape[0]
    assert row == 41


def test_invalid_pixels_have_no_share_and_no_probability_and_cloudy_windows_are_not_predicted():
    scene, engine = noise((40, 80), bands=BANDS), small_engine()
    scene.valid[:, 30:] = False
    scene.valid[3, 4] = False
    values, share = joined(strips(scene, engine, size=20))
    np.testing.assert_array_equal(share, scene.valid)
    assert values[:, ~scene.valid].max() == 0
    np.testing.assert_allclose(values.sum(axis=0), scene.valid, atol=1e-6)
    layout = plan(scene.grid.shape, engine.card, size=20)
    assert sum(shape[0] for shape in seen(engine)) == 2 * len(layout.rows)
    assert layout.windows == len(layout.cols) * len(layout.rows) == 5 * 3


def test_a_scene_without_a_valid_pixel_costs_nothing():
    scene, engine = noise((9, 11), bands=BANDS), small_engine()
    scene.valid[:] = False
    values, share = joined(strips(scene, engine, size=8))
    assert values.shape == (5, 9, 11)
    assert values.max() == share.max() == 0
    assert not seen(engine)


def test_batches_hold_equal_windows_only():
    scene, engine = noise((16, 61), bands=BANDS), small_engine()
    joined(strips(scene, engine, size=16, batch=3))
    assert seen(engine) == [(3, 3, 16, 16), (1, 3, 16, 16), (1, 3, 16, 13)]


def test_windows_are_padded_to_the_stride_at_the_far_border_only():
    scene, engine = noise((13, 31), bands=BANDS), small_engine(stride=8, halo=0)
    values, _ = joined(strips(scene, engine, size=16, overlap=0))
    assert values.shape == (5, 13, 31)
    assert seen(engine) == [(1, 3, 16, 16), (1, 3, 16, 16)]
    assert scene.asked == [(slice(0, 13), slice(0, 16)), (slice(0, 13), slice(16, 31))]


def test_bands_are_put_in_the_order_of_the_card():
    scene, engine = noise((20, 20), bands=BANDS), small_engine()
    shuffled = ArrayReader(scene.values[[2, 0, 1, 0]], scene.valid, ("B08", "B03", "B04", "B12"))
    np.testing.assert_array_equal(joined(strips(shuffled, engine))[0], joined(strips(scene, engine))[0])


def test_windows_that_disagree_are_blended_without_a_step():
    """An engine that pools over its window changes by at most 1 / ramp from pixel to pixel, and still sums to 1."""
    values = np.linspace(0, 1, 3 * 40 * 200, dtype=np.float32).reshape(3, 40, 200)
    values[0] = np.linspace(0, 1, 200)
    card = small_card(codes=(1, 2, 3), seamless=False, normalisation=Standard((0.0,) * 3, (1.0,) * 3))
    engine = Engine(WindowMean(), card, five_classes(3), torch.device("cpu"))
    scene = ArrayReader(values, np.ones((40, 200), np.bool_), BANDS)
    found, _ = joined(strips(scene, engine, size=48, overlap=24))
    steps = np.abs(np.diff(found, axis=2)).max()
    assert 0.001 < steps < 1 / 20
    abrupt, _ = joined(strips(scene, engine, size=48, overlap=4))
    assert np.abs(np.diff(abrupt, axis=2)).max() > 3 * steps


def test_each_pixel_is_read_about_once():
    scene = noise((128, 128), bands=BANDS)
    joined(strips(scene, small_engine(), size=64))
    area = sum((rows.stop - rows.start) * (cols.stop - cols.start) for rows, cols in scene.asked)
    assert area < 1.25 * 128 * 128


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"level": "L2A"}, "the scene is L2A, expected L1C"),
        ({"pixel": 20.0}, "pixels are 20 x 20, expected 10 m"),
        ({"bands": ("B03", "B04", "B8A")}, r"lacks B08 \(it has B03, B04, B8A\)"),
    ],
)
def test_pixels_that_the_engine_was_not_trained_on_are_refused_before_anything_is_read(changes, message):
    scene = replace(noise((20, 20), bands=BANDS), **changes)
    with pytest.raises(ModelError, match=message):
        strips(scene, small_engine())
    assert not scene.asked


def test_a_preparation_may_bring_the_level_and_must():
    scene, engine = replace(noise((20, 20), bands=BANDS), level="L2A"), small_engine()

    def toa(window: Reflectance) -> Reflectance:
        return replace(window, values=window.values / 2, level="L1C")

    values, _ = joined(strips(scene, engine, prepare=toa))
    np.testing.assert_array_equal(values, engine(scene.values / 2))
    with pytest.raises(ModelError, match="after preparation L2A, expected L1C"):
        joined(strips(scene, engine, prepare=lambda window: window))


def test_an_engine_of_both_levels_eats_either_as_it_comes():
    scene, engine = noise((20, 20), bands=BANDS), small_engine(level="any")
    expected = joined(strips(scene, small_engine()))[0]
    for level in ("L1C", "L2A"):
        np.testing.assert_array_equal(joined(strips(replace(scene, level=level), engine))[0], expected)


def test_a_scene_may_lack_optional_bands_which_are_fed_as_their_mean():
    scene, engine = noise((40, 30), bands=BANDS), small_engine(optional=("B03", "B08"))
    scene.valid[5:9, 3] = False
    fewer = ArrayReader(scene.values[[2, 1]], scene.valid, ("B08", "B04"))
    scene.values[0] = 0.5  # B03, at the mean of the card
    found, share = joined(strips(fewer, engine, size=16))
    expected, expected_share = joined(strips(scene, small_engine(), size=16))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(share, expected_share)


def test_a_band_that_is_needed_is_missed_and_nan_is_no_way_around_it():
    engine = small_engine(optional=("B03",))
    scene = noise((20, 20), bands=("B03", "B04"))
    with pytest.raises(ModelError, match=r"the scene lacks B08 \(it has B03, B04\)"):
        strips(scene, engine)
    torn = noise((20, 20), bands=("B04", "B08"))
    torn.values[1, 3, 4] = np.nan
    with pytest.raises(ModelError, match="holds NaN"):
        joined(strips(torn, engine))


def test_nan_is_refused_instead_of_spreading():
    scene = noise((20, 20), bands=BANDS)
    scene.values[1, 3, 4] = np.nan
    with pytest.raises(ModelError, match="holds NaN"):
        joined(strips(scene, small_engine()))


def test_a_window_outside_the_scene_is_refused_at_once():
    with pytest.raises(GridError, match="leaves the scene"):
        strips(noise((20, 20), bands=BANDS), small_engine(), window=(slice(0, 21), slice(0, 20)))


def test_the_plan_knows_the_number_of_strips_and_windows():
    scene, engine = noise((100, 50), bands=BANDS), small_engine()
    layout = plan(scene.grid.shape, engine.card, size=20)
    assert len(list(strips(scene, engine, size=20))) == len(layout.rows)
    assert len(scene.asked) == layout.windows


def test_memory_is_one_row_of_windows():
    """Rows of a strip are never more than a window's, whatever the height of the scene."""
    heights = [part.grid.shape[0] for part in strips(noise((301, 20), bands=BANDS), small_engine(), size=20)]
    assert max(heights) <= 20


def test_dynamicworld_shows_no_seam_on_real_pixels():
    engine = weights.published(folder=shared("weights_dynamicworld", "forward", "variables"), on="cpu")
    scene = whole(brandenburg()[:, 300:460, 800:1002])
    expected = engine(scene.values)
    for size in (96, 150):
        layout = plan(scene.grid.shape, engine.card, size=size)
        assert layout.windows >= 4
        values, _ = joined(strips(scene, engine, size=size))
        assert np.abs(values - expected).max() < 1e-4


def test_dynamicworld_on_a_scene_of_odd_size_differs_by_window_size_nowhere():
    """Windows are padded to the stride, so the halving falls on the same pixels in each of them."""
    engine = weights.published(folder=shared("weights_dynamicworld", "forward", "variables"), on="cpu")
    scene = whole(brandenburg()[:, 300:431, 800:897])
    first, _ = joined(strips(scene, engine, size=100))
    second, _ = joined(strips(scene, engine, size=140))
    assert np.abs(first - second).max() < 1e-4
