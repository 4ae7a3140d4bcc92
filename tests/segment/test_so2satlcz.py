from dataclasses import replace
from functools import lru_cache

import numpy as np
import onnxruntime
import pytest
import rasterio
import torch

from ecosg_update import tables
from ecosg_update.errors import ModelError
from ecosg_update.segment import checkpoint, so2satlcz, weights
from ecosg_update.segment.predict import strips
from ecosg_update.segment.so2satlcz import So2SatLcz
from tests.conftest import shared
from tests.segment.scenes import SO2SAT_BANDS, ArrayReader, brandenburg, punjab, whole

WATER, LOW_PLANTS = 16, 13
CUTS = [
    (brandenburg, slice(100, 228), slice(700, 796)),
    (brandenburg, slice(380, 412), slice(1000, 1032)),  # a lake
    (punjab, slice(0, 96), slice(4, 132)),
    (punjab, slice(52, 84), slice(60, 92)),
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


def reference(reflectance: np.ndarray) -> np.ndarray:
    """Probabilities (class, y / 32, x / 32) of squares, each one alone in ONNX Runtime."""
    rows, cols = (length // 32 for length in reflectance.shape[1:])
    patches = [
        reflectance[:, 32 * row : 32 * row + 32, 32 * col : 32 * col + 32] for row, col in np.ndindex(rows, cols)
    ]
    (found,) = session().run(["prob"], {"s2": np.stack(patches)})
    return found.T.reshape(-1, rows, cols)


def lcz_scene(rows: slice, cols: slice) -> ArrayReader:
    return replace(whole(brandenburg(SO2SAT_BANDS)[:, rows, cols]), bands=SO2SAT_BANDS)


def squares(pixels: np.ndarray) -> np.ndarray:
    """An array (class, y / 32, x / 32) as pixels."""
    return pixels.repeat(32, axis=1).repeat(32, axis=2)


@pytest.mark.parametrize(("scene", "rows", "cols"), CUTS)
def test_each_square_gets_what_the_published_graph_says_of_it(scene, rows, cols):
    reflectance = scene(SO2SAT_BANDS)[:, rows, cols]
    expected = squares(reference(reflectance))
    engine = published()
    with torch.inference_mode():
        plain = engine.network.eval()(torch.from_numpy(reflectance)[None]).softmax(dim=1)[0].numpy()
    np.testing.assert_allclose(plain, expected, atol=1e-4)
    np.testing.assert_allclose(engine(reflectance), expected, atol=1e-4)


def test_a_square_at_the_far_border_repeats_the_last_pixels():
    reflectance = brandenburg(SO2SAT_BANDS)[:, 300:345, 800:837]
    padded = np.pad(reflectance, ((0, 0), (0, 64 - 45), (0, 64 - 37)), mode="edge")
    expected = squares(reference(padded))[:, :45, :37]
    np.testing.assert_allclose(published()(reflectance), expected, atol=1e-4)


def test_no_square_sees_another():
    bands = torch.rand(1, 10, 96, 96, requires_grad=True)
    So2SatLcz().eval()(bands)[0, :, 40, 63].square().sum().backward()
    seen = bands.grad[0].abs().sum(dim=0).numpy() > 0
    assert seen[32:64, 32:64].mean() > 0.9
    assert seen.sum() == seen[32:64, 32:64].sum()


@pytest.mark.parametrize("size", [64, 96])
def test_windows_of_any_size_say_the_same_of_real_pixels_of_an_odd_scene(size):
    engine, scene = published(), lcz_scene(slice(300, 431), slice(800, 907))
    values = np.concatenate([strip.values for strip in strips(scene, engine, size=size)], axis=1)
    np.testing.assert_allclose(values, engine(scene.values), atol=1e-4)


def test_a_part_of_a_scene_keeps_the_lattice_of_the_whole():
    engine, scene = published(), lcz_scene(slice(300, 460), slice(800, 960))
    rows, cols = slice(45, 118), slice(50, 91)
    part = np.concatenate([strip.values for strip in strips(scene, engine, window=(rows, cols), size=64)], axis=1)
    np.testing.assert_allclose(part, engine(scene.values)[:, rows, cols], atol=1e-4)


def test_windows_that_would_cut_a_square_are_refused():
    with pytest.raises(ModelError, match="size 100 and overlap 0 must be multiples of the engine's 32"):
        strips(lcz_scene(slice(0, 64), slice(0, 64)), published(), size=100)


def test_a_checkpoint_of_it_is_the_engine_again(tmp_path):
    engine, reflectance = published(), punjab(SO2SAT_BANDS)[:, :40, :44]
    checkpoint.save(engine.network, engine.card, tmp_path / "lcz.safetensors")
    again = checkpoint.load(tmp_path / "lcz.safetensors", on="cpu")
    np.testing.assert_array_equal(again(reflectance), engine(reflectance))
    assert again.legend == tables.legend("lcz")


def test_havel_lakes_are_water_and_winter_fields_are_not():
    """In squares without a shore, by the water index of McFeeters (1996), (green - infrared) / (green + infrared)."""
    reflectance = brandenburg(SO2SAT_BANDS)[:, 192:704, 640:1280]
    green, infrared = reflectance[1], reflectance[6]
    wet = (green - infrared) / (green + infrared) > 0.1
    share = wet.reshape(16, 32, 20, 32).mean(axis=(1, 3))
    water = published()(reflectance).argmax(axis=0)[::32, ::32] == WATER
    assert (share > 0.95).sum() > 5
    assert water[share > 0.95].all()
    assert water[share < 0.05].mean() < 0.01


@pytest.mark.parametrize(("name", "expected"), [("AnnualCrop_1", LOW_PLANTS), ("SeaLake_3000", WATER)])
def test_a_labelled_patch_is_what_its_label_says(name, expected):
    with rasterio.open(shared("eurosat_ms_samples", f"{name}.tif")) as file:
        numbers = file.read([2, 3, 4, 5, 6, 7, 8, 13, 11, 12])  # B8A is the last band of EuroSAT's files
    found = published()((numbers / 10_000).astype(np.float32))
    assert (found.argmax(axis=0) == expected).all()


def test_a_missing_tensor_is_named():
    with pytest.raises(ModelError, match="tensor dw is missing among 0"):
        so2satlcz.state({})


def test_it_can_be_built_for_other_bands_and_classes():
    network = So2SatLcz(4, 5).eval()
    with torch.inference_mode():
        assert network(torch.rand(2, 4, 7, 1)).shape == (2, 5, 7, 1)


def test_punjab_as_surface_reflectance_gets_towns_that_it_lacks():
    """What the card warns of: one overpass in both levels, without the conversion that the pipeline makes."""
    above, surface = (published()(punjab(SO2SAT_BANDS, level)).argmax(axis=0) for level in ("L1C", "L2A"))
    assert (above < 10).mean() < 0.02  # 0.015
    assert (surface < 10).mean() > 0.08  # 0.103
    assert (above == surface).mean() < 0.8  # 0.761
