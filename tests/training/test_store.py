import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import load_file

from ecosg_update.errors import FormatError, OutputError
from ecosg_update.legend import Legend
from ecosg_update.sample import UNLABELLED, Sample
from ecosg_update.training import coding
from ecosg_update.training.entry import Entry
from ecosg_update.training.store import opened
from ecosg_update.training.writer import Layout, writing

LEGEND = Legend(
    "three", (1, 2, 7), ("a", "b, c", "d"), ((0, 0, 0), (1, 2, 255), (9, 9, 9)), ("x", "x", "y"), (1, 2, 3)
)
LAYOUT = Layout(LEGEND, ("B04", "B08"), "L2A", 10.0)


def sample(seed, shape=(3, 5), *, present=None):
    rng = np.random.default_rng(seed)
    values = rng.integers(-900, 12_000, (2, *shape)).astype(np.float32) / np.float32(10_000)
    values[:, 0, 0] = 0
    labels = rng.integers(-1, 2, shape).astype(np.int16)
    return Sample(values, labels, None if present is None else np.array(present))


def line(name, split="train"):
    return Entry(name, split, "", "here", "L2A", "4,5", "Côte d'Or", 7.5, 51.25, (0, 0), 0.0, None, ())


SAMPLES = {
    "one": (sample(1), "train"),
    "two/deep": (sample(2, (7, 2), present=[True, False, True]), "train"),
    "three": (sample(3, present=[False, False, False]), "test"),
    "four": (sample(4), "train"),
}


@pytest.fixture
def folder(tmp_path):
    with writing(tmp_path / "set", LAYOUT, shard_bytes=150) as writer:
        for name, (made, split) in SAMPLES.items():
            writer.add(made, line(name, split))
        writer.finish(np.array([0.5, 1.25, 1, 1.25]), {"seed": 3})
    return tmp_path / "set"


def test_samples_come_back_as_they_were_written(folder):
    store = opened(folder)
    names = {split: [found.name for found in store.entries(split)] for split in ("train", "val", "test")}
    assert names == {"train": ["one", "two/deep", "four"], "val": [], "test": ["three"]}
    for split, members in names.items():
        for name, found in zip(members, store.samples(split), strict=True):
            np.testing.assert_array_equal(found.values, SAMPLES[name][0].values)
            np.testing.assert_array_equal(found.labels, SAMPLES[name][0].labels)
            expected = SAMPLES[name][0].present
            assert found.present is None if expected is None else (found.present == expected).all()


def test_the_set_says_what_its_samples_share(folder):
    store = opened(folder)
    assert store.legend == LEGEND and store.legend.colours == LEGEND.colours and store.legend.group == LEGEND.group
    assert (store.bands, store.level, store.pixel_m, store.manifest["seed"]) == (("B04", "B08"), "L2A", 10.0, 3)
    assert store.weights("train").tolist() == [0.5, 1.25, 1.25]
    first = store.entries("train")[0]
    assert (first.country, first.block, first.lon, first.shape) == ("Côte d'Or", "4,5", 7.5, (3, 5))


def test_the_index_counts_what_an_independent_reader_finds(folder):
    store = opened(folder)
    for number, found in enumerate(store.entries("train")):
        labels = load_file(folder / found.shard)[f"{found.name}/labels"]
        assert [int((labels == row).sum()) for row in range(3)] == list(found.counts)
        assert store.counts("train")[number].tolist() == list(found.counts)


def test_shards_are_closed_when_they_are_full(folder):
    assert sorted(path.name for path in folder.glob("*.safetensors")) == [
        "test-00000.safetensors", "train-00000.safetensors", "train-00001.safetensors",
    ]  # fmt: skip


def test_samples_may_be_sliced_and_sent_to_another_process(folder):
    samples = opened(folder).samples("train")
    sent = pickle.loads(pickle.dumps(samples))[1:]
    assert len(sent) == 2
    np.testing.assert_array_equal(sent[-1].values, samples[2].values)
    with pytest.raises(IndexError):
        samples[3]


@given(arrays.arrays(np.float32, (2, 3, 4), elements=st.floats(-0.09375, 6.4375, width=32)))
def test_reflectance_survives_to_half_a_stored_step(values):
    back = coding.reflectance(coding.stored(values))
    assert np.abs(back - values).max() <= 0.5e-4 + 1e-6
    assert not back[:, ~values.any(axis=0)].any()


def test_a_failure_leaves_no_folder(tmp_path):
    with pytest.raises(OutputError, match="one: stands twice"), writing(tmp_path / "set", LAYOUT) as writer:
        writer.add(sample(1), line("one"))
        writer.add(sample(2), line("one"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "is no training set"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "is format None, expected 1"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "is no training set"),
        (lambda folder: (folder / "index.csv").write_text("a,b\n"), "columns are not those"),
        (lambda folder: (folder / "train-00001.safetensors").unlink(), "train-00001.safetensors of its index.csv"),
        (lambda folder: _without(folder, "pixel_m"), "'pixel_m'"),
        (lambda folder: _cut(folder / "index.csv"), "is no index of a training set"),
    ],
)
def test_a_damaged_set_is_refused_in_one_line(folder, spoil, message):
    spoil(folder)
    with pytest.raises(FormatError, match=message) as raised:
        opened(folder)
    assert "\n" not in str(raised.value)


def test_a_shard_cut_short_names_its_sample(folder):
    shard = folder / "test-00000.safetensors"
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(FormatError, match="three cannot be read"):
        opened(folder).samples("test")[0]


def test_another_split_is_refused(folder):
    with pytest.raises(FormatError, match="no split 'validation', it has train, val, test"):
        opened(folder).samples("validation")


def _without(folder, key):
    path = folder / "manifest.json"
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != key}))


def _cut(path):
    path.write_text(path.read_text()[:-7])


def test_a_pixel_of_exact_black_is_not_taken_for_missing_data():
    values = np.array([[[0.0]], [[0.2]]], np.float32)
    assert (coding.stored(values) > 0).all() and UNLABELLED == -1
    np.testing.assert_array_equal(coding.reflectance(coding.stored(values)), values)


@given(
    arrays.arrays(np.float32, (3, 2, 4), elements=st.floats(-0.09375, 6.4375, width=32)),
    st.sampled_from([(0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]),
)
def test_an_absent_band_comes_back_absent_and_changes_no_other(values, rows):
    values[:, 0, 0] = 0
    values[:, 1, 1] = [0.1, 0, 0.2]  # data in each pair of bands
    values[next(row for row in range(3) if row not in rows), 0, 1] = 0.3
    whole, lacking = values, values.copy()
    lacking[list(rows)] = np.nan
    kept = [row for row in range(3) if row not in rows]
    back = coding.reflectance(coding.stored(lacking))
    assert np.isnan(back[list(rows)]).all()
    seen = (values[kept] != 0).any(axis=0)
    np.testing.assert_array_equal(back[kept][:, seen], coding.reflectance(coding.stored(whole))[kept][:, seen])
    assert not back[kept][:, ~seen].any()


def test_a_set_remembers_which_bands_a_sample_lacks_and_sets_of_before_are_read(tmp_path):
    made = sample(1)
    made.values[0] = np.nan
    with writing(tmp_path / "set", LAYOUT) as writer:
        writer.add(made, line("one"))
        writer.add(sample(2), line("two"))
        writer.finish(np.ones(2), {})
    manifest = tmp_path / "set" / "manifest.json"
    assert json.loads(manifest.read_text())["format"] == 2
    for version in (2, 1):
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": version}))
        first, second = opened(tmp_path / "set").samples("train")
        np.testing.assert_array_equal(first.values, made.values)
        np.testing.assert_array_equal(second.values, sample(2).values)
