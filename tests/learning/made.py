"""A training set and a configuration that are learned in a second."""

import numpy as np

from ecosg_update import tables
from ecosg_update.sample import Sample
from ecosg_update.training.entry import Entry
from ecosg_update.training.writer import Layout, writing
from tests.segment.train.cases import image

LEGEND = tables.legend("corine-l2")
LAYOUT = Layout(LEGEND, ("B04", "B08"), "L2A", 10.0)

CONFIG = """
[data]
folder = "set"

[output]
folder = "run"
licence = "MIT"
save_every = 4

[[step]]
name = "net"
engine = "small_unet"
arguments = { width = 4 }
hierarchy = ["group"]

[step.recipe]
steps = 30
batch = 4
crop = 16
rate = 1e-2
watch = { every = 10 }
objective = { hierarchical = 0.5 }
"""

CHAIN = """
[data]
folder = "set"

[output]
folder = "run"
licence = "MIT"
tensorboard = false

[[step]]
name = "classifier"
engine = "classifier"
arguments = { engine = "unet", encoder = "resnet18" }
epochs = 2
recipe = { batch = 4, crop = 16, objective = { cross_entropy = 0, present = 1, pooling = "mean" } }

[[step]]
name = "pixels"
engine = "unet"
arguments = { encoder = "resnet18" }
start = { kind = "previous" }
recipe = { steps = 2, batch = 2, crop = 16 }
"""


def sample(seed, *, shape=(16, 16)):
    """Stripes of discontinuous urban fabric and arable land, with the classes that the patch has."""
    drawn = image(seed, shape=shape)
    rows = np.array([LEGEND.index(11), LEGEND.index(21), -1], np.int16)
    present = np.zeros(len(LEGEND), np.bool_)
    present[rows[:2]] = True
    return Sample(drawn.values, rows[drawn.labels], present)


def write_set(folder, *, level="L2A", val=2):
    """A training set of 6 patches for training and some for validation."""
    with writing(folder, Layout(LEGEND, LAYOUT.bands, level, 10.0), shard_bytes=4000) as writer:
        for seed in range(6 + val):
            split = "train" if seed < 6 else "val"
            writer.add(
                sample(seed),
                Entry(f"s{seed}", split, "", "here", "L2A", "1", "Land", 7.5, 51.25, (0, 0), 0.0, None, ()),
            )
        writer.finish(np.ones(6 + val), {"seed": 3})
    return folder
