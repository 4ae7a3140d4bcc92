"""What networks lend each other: a backbone, its first filters brought to other bands, without its idle layers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

IDLE = ("_conv_head.", "_bn1.")
"""Layers of an EfficientNet of segmentation-models-pytorch that come after its last feature: its classifier's."""


def placed(filters: Tensor, given: Sequence[str], bands: Sequence[str]) -> Tensor:
    """Filters (out, band, row, column) for `bands` from those for the bands `given`.

    A band that is among `given` keeps its own, another gets the mean of all; the whole is scaled by given / bands,
    so that images that are equal in all bands keep the magnitude of their features. The same bands: as they are.
    """
    if tuple(given) == tuple(bands):
        return filters
    mean = filters.mean(dim=1)
    chosen = [filters[:, list(given).index(band)] if band in given else mean for band in bands]
    return torch.stack(chosen, dim=1) * (len(given) / len(bands))
