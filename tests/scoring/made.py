"""A small training set and small engines for the tests of scoring."""

import numpy as np
import torch
from torch import nn

from ecosg_update import tables
from ecosg_update.sample import Sample
from ecosg_update.segment.card import Card, Standard
from ecosg_update.segment.checkpoint import save
from ecosg_update.segment.engines import build
from ecosg_update.training.entry import Entry
from ecosg_update.training.writer import Layout, writing

L1, L2, L3 = (tables.legend(f"corine-l{level}") for level in (1, 2, 3))
BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12")
TRUE = (111, 211, 312, 512)
"""The classes that occur: one of level 3 for each class of level 1 but wetlands."""


def sample(seed, shape=(12, 14), *, noise=0.01):
    """Stripes of the four classes, each of its own brightness, a column without a label, one without data."""
    rng = np.random.default_rng(seed)
    kind = np.sort(rng.integers(0, 4, shape), axis=1)
    light = np.array([0.2, 0.4, 0.1, 0.03])[kind] + rng.normal(0, noise, (len(BANDS), *shape))
    labels = L3.rows[np.array(TRUE)[kind]]
    labels[:, 3] = -1
    labels[:, 5], light[:, :, 5] = -1, 0
    return Sample(light.astype(np.float32), labels)


def line(name, split, block, level="L1C"):
    return Entry(name, split, "", "here", level, block, "", 7.5, 51.25, (0, 0), 1.0, None, ())


def prepared(folder, *, levels=("L1C",), noise=0.01):
    """A set of corine-l3 with 3 training and 6 test samples in 3 blocks, of the levels in turn."""
    level = levels[0] if len(levels) == 1 else "mixed"
    with writing(folder, Layout(L3, BANDS, level, 10.0)) as writer:
        for number in range(9):
            split = "train" if number < 3 else "test"
            own = levels[number % len(levels)]
            writer.add(sample(number, noise=noise), line(f"s{number}", split, f"b{number % 3}", own))
        writer.finish(np.ones(9), {})
    return folder


def card(legend=L3, **changed):
    given = {
        "engine": "small_unet",
        "bands": BANDS,
        "level": "L1C",
        "pixel_m": 10.0,
        "normalisation": Standard((0.0,) * len(BANDS), (1.0,) * len(BANDS)),
        "legend": legend.name,
        "codes": legend.codes,
        "halo": 8,
        "stride": 8,
        "seamless": False,
        "provenance": "random",
        "licence": "MIT",
    }
    return Card(**(given | changed))


def checkpoint(path, legend=L3, **changed):
    """A checkpoint with random weights; path is NAME.safetensors."""
    torch.manual_seed(0)
    made = card(legend, **changed)
    save(build(made.engine, len(made.bands), len(made.codes)), made, path)
    return path


class Constant(nn.Module):
    """Logits that favour one class everywhere."""

    def __init__(self, classes, said, sure=3.0):
        super().__init__()
        self.logits = torch.zeros(classes)
        self.logits[said] = sure

    def forward(self, bands):
        shape = (len(bands), len(self.logits), *bands.shape[-2:])
        return self.logits[:, None, None].expand(shape)
