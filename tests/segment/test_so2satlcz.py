from functools import lru_cache

import numpy as np
import onnxruntime
import pytest
import rasterio
import torch

from ecosg_update import tables
from ecosg_update.errors import ModelError
from ecosg_update.segment import checkpoint, so2satlcz, weights
from ecosg_update.segment.predict import plan, strips
from ecosg_update.segment.so2satlcz import DESIGN, So2SatLcz, pooled
from tests.conftest import shared
from tests.segment.scenes import SO2SAT_BANDS, brandenburg, punjab, whole

WATER, LOW_PLANTS, DENSE_TREES = 16, 13, 10
CUTS = [
    (brandenburg, slice(100, 228), slice(700, 796)),
    (brandenburg, slice(380, 412), slice(1000, 1032)),  # the size that it was trained on, on a lake
    (punjab, slice(0, 96), slice(4, 132)),
    (punjab, slice(52, 56), slice(60, 64)),
]


@lru_cache
def published():
    return weights.published("so2sat-lcz", folder=shared("weights_so2sat_lcz"), on="cpu")


@lru_cache
def session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = shared("weights_so2sat_lcz", weights.LCZ_FILE)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def reference(reflectance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(logits (class, y / 4, x / 4) of cells, probabilities (class,) of the patch) in ONNX Runtime."""
    logits, patch = session().run(["logits_map", "prob"], {"s2": reflectance[None]})
    return logits[0], patch[0]


def softmax(logits: np.ndarray) -> np.ndarray:
    share = np.exp(logits - logits.max(axis=0))
    return share / share.sum(axis=0)


def mean_of_320_m(cells: np.ndarray) -> np.ndarray:
    """(class, y, x): the mean of cells over 320 m around each, by counting half cells, away from the border."""
    halves = cells.astype(np.float64).repeat(2, axis=1).repeat(2, axis=2)
    total = np.pad(halves.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
    rows, cols = (np.arange(4, length - 4) * 2 + 1 for length in cells.shape[1:])
    top, bottom, left, right = rows[:, None] - 8, rows[:, None] + 8, cols - 8, cols + 8
    box = total[:, bottom, right] - total[:, top, right] - total[:, bottom, left] + total[:, top, left]
    return box / 256


@pytest.mark.parametrize(("scene", "rows", "cols"), CUTS)
def test_cells_and_patches_are_those_of_the_published_graph(scene, rows, cols):
    reflectance = scene(SO2SAT_BANDS)[:, rows, cols]
    with torch.inference_mode():
        cells = published().network.eval().cells(torch.from_numpy(reflectance)[None])[0].numpy()
    expected, patch = reference(reflectance)
    np.testing.assert_allclose(cells, expected, atol=1e-4)
    np.testing.assert_allclose(softmax(cells.mean(axis=(1, 2))), patch, atol=1e-4)


def test_probabilities_are_those_of_the_published_cells_over_320_m():
    reflectance = brandenburg(SO2SAT_BANDS)[:, 300:460, 900:1028]
    cells, _ = reference(reflectance)
    expected = softmax(mean_of_320_m(cells))
    found = published()(reflectance)[:, 16:-16, 16:-16]
    np.testing.assert_allclose(found, expected.repeat(4, axis=1).repeat(4, axis=2), atol=1e-4)


def test_pooling_keeps_what_is_the_same_everywhere_up_to_the_border():
    even = torch.tensor([2.0, -3.0])[None, :, None, None].expand(1, 2, 5, 11)
    torch.testing.assert_close(pooled(even), even.contiguous())


def test_pooling_reaches_160_m_and_weighs_the_last_cell_half():
    cells = torch.zeros(1, 1, 20, 21)
    cells[..., 10, 11] = 64
    found = pooled(cells)[0, 0].numpy()
    assert found.sum() == pytest.approx(64)
    edge = np.array([0, 0.5, 1, 1, 1, 1, 1, 1, 1, 0.5, 0])
    np.testing.assert_allclose(found[5:16, 6:17], edge[:, None] * edge, atol=1e-6)


@pytest.mark.parametrize("place", [88, 89, 90, 91])
def test_the_halo_is_exactly_as_far_as_a_pixel_sees(place):
    """The gradient of one pixel's logits is zero beyond the halo, and not zero at it for a cell's last pixel."""
    torch.manual_seed(1)
    bands = torch.rand(1, 10, 180, 180, requires_grad=True)
    So2SatLcz().eval()(bands)[0, :, place, place].square().sum().backward()
    seen = bands.grad[0].abs().sum(dim=0).numpy()
    rows, cols = np.nonzero(seen)
    reach = max(place - rows.min(), rows.max() - place, place - cols.min(), cols.max() - place)
    assert reach <= DESIGN.halo
    assert (reach == DESIGN.halo) == (place % 4 == 3)


@pytest.mark.parametrize("size", [140, 164])
def test_it_shows_no_seam_on_real_pixels_of_an_odd_scene(size):
    engine, scene = published(), whole(brandenburg(SO2SAT_BANDS)[:, 300:531, 800:1003])
    scene = type(scene)(scene.values, scene.valid, SO2SAT_BANDS)
    assert plan(scene.grid.shape, engine.card, size=size).windows >= 4
    values = np.concatenate([strip.values for strip in strips(scene, engine, size=size)], axis=1)
    assert np.abs(values - engine(scene.values)).max() < 1e-4


def test_a_checkpoint_of_it_is_the_engine_again(tmp_path):
    engine, reflectance = published(), punjab(SO2SAT_BANDS)[:, :40, :44]
    checkpoint.save(engine.network, engine.card, tmp_path / "lcz.safetensors")
    again = checkpoint.load(tmp_path / "lcz.safetensors", on="cpu")
    np.testing.assert_array_equal(again(reflectance), engine(reflectance))
    assert again.legend == tables.legend("lcz")


def test_havel_lakes_are_water_and_winter_fields_are_not():
    """Far from a shore, against the water index of McFeeters (1996), (green - infrared) / (green + infrared)."""
    reflectance = brandenburg(SO2SAT_BANDS)[:, 200:600, 800:1200]
    green, infrared = reflectance[1], reflectance[6]
    wet = ((green - infrared) / (green + infrared) > 0.1).astype(np.float32)
    around = torch.nn.functional.avg_pool2d(torch.from_numpy(wet)[None], 33, 1, 16, count_include_pad=False)[0].numpy()
    water = published()(reflectance).argmax(axis=0) == WATER
    assert water[around > 0.95].mean() > 0.95
    assert water[around < 0.05].mean() < 0.02


@pytest.mark.parametrize(("name", "expected"), [("AnnualCrop_1", LOW_PLANTS), ("SeaLake_3000", WATER)])
def test_a_labelled_patch_is_what_its_label_says(name, expected):
    with rasterio.open(shared("eurosat_ms_samples", f"{name}.tif")) as file:
        numbers = file.read([2, 3, 4, 5, 6, 7, 8, 13, 11, 12])  # B8A is the last band of EuroSAT's files
    found = published()((numbers / 10_000).astype(np.float32))
    assert (found.argmax(axis=0) == expected)[16:-16, 16:-16].mean() > 0.9


def test_a_missing_tensor_is_named():
    with pytest.raises(ModelError, match="tensor dw is missing among 0"):
        so2satlcz.state({})


def test_it_can_be_built_for_other_bands_and_classes():
    network = So2SatLcz(4, 5).eval()
    with torch.inference_mode():
        assert network(torch.rand(2, 4, 7, 1)).shape == (2, 5, 7, 1)
