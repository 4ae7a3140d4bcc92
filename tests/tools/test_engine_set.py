"""The sets of the default engine: what is held leaves nothing, and kinds and classes are drawn as they should be."""

import numpy as np
import pytest

from ecosg_update.sample import UNLABELLED, Sample
from ecosg_update.training.entry import Entry
from ecosg_update.training.store import opened
from ecosg_update.training.writer import Layout, writing
from tools.engine_set import COMMON, KINDS, _weights, without
from tools.real_samples import L2, TEN, RealSample
from tools.score_real import squared

KIND_OF = {
    "euro": ["EuroSAT"],
    "quilt": ["Jena", "Luebeck"],
    "label": ["Jena", "Slovenia"],
    "teacher": ["Slovenia", "Congo"],
}


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A set of every kind; samples of region R hold its number in all pixels."""
    folder = tmp_path_factory.mktemp("sets") / "mixed"
    rng = np.random.default_rng(0)
    regions = sorted({region for own in KIND_OF.values() for region in own})
    with writing(folder, Layout(L2, TEN, "mixed", 10.0)) as writer:
        for kind, own in KIND_OF.items():
            for region in own:
                for number in range(7):
                    labels = L2.rows[rng.choice(list(COMMON), size=(8, 8), p=[*COMMON.values()])]
                    values = np.full((10, 8, 8), 0.1 * (regions.index(region) + 1), np.float32)
                    place = Entry(
                        f"{kind}/{region}/{number}", "train" if number else "val", "", f"{kind}:{region}", "L1C",
                        region, "", 0.0, 0.0, (0, 0), 1.0, None, (),
                    )  # fmt: skip
                    writer.add(Sample(values, labels.astype(np.int16)), place)
        writer.finish(_weights(writer.index), {"held": []})
    return folder, regions


def test_a_held_region_leaves_no_sample_of_any_kind(full, tmp_path):
    folder, regions = full
    without(folder, tmp_path / "view", ["Jena", "Congo"])
    seen, whole = opened(tmp_path / "view"), opened(folder)
    assert {line.source for line in whole.index} - {line.source for line in seen.index} == {
        "quilt:Jena", "label:Jena", "teacher:Congo",
    }  # fmt: skip
    assert seen.manifest["held"] == ["Jena", "Congo"]
    for line, sample in zip(seen.entries("train"), seen.samples("train"), strict=True):
        number = regions.index(line.source.partition(":")[2]) + 1
        np.testing.assert_allclose(sample.values, 0.1 * number, atol=1e-4)


@pytest.mark.parametrize("held", [[], ["Jena"], ["Slovenia", "EuroSAT"]])
def test_kinds_and_classes_are_drawn_in_their_shares(full, tmp_path, held):
    folder, _ = full
    without(folder, tmp_path / "view", held)
    store = opened(tmp_path / "view")
    lines, weights = store.entries("train"), store.weights("train")
    share = {
        kind: sum(w for line, w in zip(lines, weights, strict=True) if line.source.startswith(kind)) for kind in KINDS
    }
    there = {kind: part for kind, part in KINDS.items() if share[kind]}
    for kind, part in there.items():
        assert share[kind] / sum(share.values()) == pytest.approx(part / sum(there.values()))
    pixels, drawn = store.counts("train").astype(float), weights / weights.sum()
    labelled = [row for row, line in enumerate(lines) if line.source.startswith("label")]
    mean = drawn[labelled] @ (pixels[labelled] / 64) / drawn[labelled].sum()
    assert np.abs(mean - [COMMON.get(code, 0.0) for code in L2.codes]).max() < 0.05


@pytest.mark.parametrize("count", [1, 2, 9, 70])
def test_single_pixels_lie_in_a_square_each_labelled_once(count):
    values = np.random.default_rng(1).random((10, 1, count), np.float32)
    level1, level2 = np.ones((1, count), np.int16), np.full((1, count), 3, np.int16)
    real = RealSample("p", "Jena", "p", "L1C", TEN, values, level1, level2, "", near=False)
    image = squared(real)
    known = image.level2 != UNLABELLED
    assert image.level2.shape[0] == image.level2.shape[1] and known.sum() == count
    np.testing.assert_array_equal(image.values[:, known], values[:, 0])
