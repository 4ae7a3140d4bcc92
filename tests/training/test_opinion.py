from pathlib import Path

import numpy as np
import pytest

import ecosg_update
from ecosg_update.config import checked
from ecosg_update.errors import ModelError
from ecosg_update.segment import checkpoint
from ecosg_update.training.config import Config
from ecosg_update.training.opinion import opinion

DEMO = Path(ecosg_update.__file__).parent / "simulate" / "weights" / "demo.safetensors"


def config(labels, **samples):
    return checked(
        Config,
        {
            "samples": samples,
            "labels": labels,
            "source": [{"kind": "bigearthnet-v1", "path": "none"}],
            "select": {"noise": {"checkpoint": str(DEMO)}},
        },
        "test",
    )


def test_a_model_of_level_3_has_an_opinion_at_level_2():
    values = np.random.default_rng(0).uniform(0.02, 0.4, (10, 64, 64)).astype(np.float32)
    engine = checkpoint.load(DEMO)
    codes = np.array(engine.legend.codes)[engine(values).argmax(axis=0)]
    level2 = opinion(config({"level": 2}))
    classes = np.array([11, 12, 13, 14, 21, 22, 23, 24, 31, 32, 33, 41, 42, 51, 52])
    np.testing.assert_array_equal(classes[level2(values)], codes // 10)


def test_without_a_checkpoint_there_is_no_opinion():
    plain = checked(Config, {"labels": {"level": 1}, "source": [{"kind": "bigearthnet-v1", "path": "none"}]}, "test")
    assert opinion(plain) is None


def test_a_model_of_other_bands_or_classes_is_refused():
    with pytest.raises(ModelError, match="the samples have B02, B03; take the same bands"):
        opinion(config({"level": 2}, bands=["B02", "B03"]))
    with pytest.raises(ModelError, match="knows corine-l3, the set learns dynamicworld"):
        opinion(config({"legend": "dynamicworld"}))


def test_a_model_has_no_opinion_on_a_piece_that_lacks_a_band():
    values = np.random.default_rng(0).uniform(0.02, 0.4, (10, 64, 64)).astype(np.float32)
    values[3] = np.nan
    assert (opinion(config({"level": 2}))(values) == -1).all()
