"""The encoder of a cloud mask as a start: the EfficientNet-B4 of ukis-csmask, taught on Sentinel-2 and Landsat.

German Aerospace Center (DLR), Apache-2.0: pypi.org/project/ukis-csmask 1.0.0; Wieland et al. 2019,
doi:10.1016/j.rse.2019.05.022; Wieland et al. 2022, doi:10.5194/isprs-archives-XLIII-B3-2022-217-2022.
It masks clouds and their shadows in images of about 30 m, with a model for 4 and one for 6 bands, of L1C and of L2A.

Each is an ONNX file with a JSON file beside it, which tells the bands, their means and their deviations. The ONNX was
exported from a U-Net of segmentation-models-pytorch: tensors have that library's names, in half precision, and batch
normalisations are layers of their own. So nothing is converted: each tensor goes to the layer of its name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from ecosg_update.errors import ModelError
from ecosg_update.segment import onnxfile
from ecosg_update.segment.backbone import IDLE, placed
from ecosg_update.segment.card import EngineLevel, Standard
from ecosg_update.segment.checkpoint import fill
from ecosg_update.segment.imagenet import Pretrainable

KIND = "ukis-csmask"
LICENCE = "ukis-csmask (DLR, Apache-2.0)"
"""What a card must say of weights that began with these."""

PACKAGE = "ukis_csmask"
SENTINEL2 = {"blue": "B02", "green": "B03", "red": "B04", "nir": "B08", "swir16": "B11", "swir22": "B12"}
"""The Sentinel-2 bands of the names that the package uses."""

PREFIX, STEM = "model.encoder.", "_conv_stem.weight"
FETCH = "pip install ukis-csmask, or pip download ukis-csmask --no-deps and unzip the wheel"


@dataclass(frozen=True)
class Inputs:
    """What a model was fed: Sentinel-2 bands in its order, and how their reflectance was normalised."""

    bands: tuple[str, ...]
    standard: Standard


def model(source: Path | None, *, bands: Sequence[str], level: EngineLevel) -> Path:
    """The ONNX file to begin with: `source` where it is one, else that for the bands and the level in a folder.

    source: a file, the folder of the package or the one that its wheel was unzipped to, None for the package that
    is installed. The model for 6 bands is taken where both short-wave infrared bands are there.
    Raises ModelError where there is no such file, and where an engine of any level leaves open which one to take.
    """
    if source is not None and source.is_file():
        return source
    if level == "any":
        raise ModelError(f"{KIND}: each model is of one level, the engine of any; name a model_*.onnx as path")
    folder = _installed() if source is None else source
    name = f"model_{6 if {'B11', 'B12'} <= set(bands) else 4}b_{level.lower()}.onnx"
    for path in (folder / name, folder / PACKAGE / name):
        if path.is_file():
            return path
    raise ModelError(f"{KIND}: {folder} holds no {name}; {FETCH} and name its folder or a model_*.onnx")


def inputs(path: Path) -> Inputs:
    """What the model `path` was fed, from the JSON file beside it; ModelError where that is absent or wrong."""
    beside = path.with_suffix(".json")
    try:
        statistics = json.loads(beside.read_bytes())["data"]["dataset_statistics"]
        bands = tuple(SENTINEL2[name] for name in statistics["band_names"])
        mean, std = (tuple(float(number) for number in numbers) for numbers in statistics["img"])
    except OSError as error:
        raise ModelError(f"{KIND}: {beside.name}: {error.strerror} beside {path.name}; unzip both") from error
    except (LookupError, TypeError, ValueError) as error:
        raise ModelError(
            f"{KIND}: {beside.name} does not tell bands, means and deviations ({error!r}); unzip it again"
        ) from error
    if len(mean) != len(bands):
        raise ModelError(f"{KIND}: {beside.name} has {len(mean)} means for {len(bands)} bands; unzip it again")
    return Inputs(bands, Standard(mean, std))


def carried(own: Standard, *, bands: Sequence[str], path: Path) -> Standard:
    """The normalisation of `bands` with which the filters of the model `path` see the numbers that they know.

    A band of the model keeps the model's mean and deviation, another one has those of `own`, which is for `bands`.
    Raises ModelError where `own` is of logarithms, which the filters do not know, and as `inputs` does.
    """
    if own.logarithm:
        raise ModelError(f"{KIND}: its filters know reflectance, not its logarithm {own.logarithm}; leave that away")
    known = inputs(path)
    theirs = dict(zip(known.bands, zip(known.standard.mean, known.standard.std, strict=True), strict=True))
    pairs = [theirs.get(band, pair) for band, *pair in zip(bands, own.mean, own.std, strict=True)]
    mean, std = zip(*pairs, strict=True)
    return Standard(mean, std)


def with_ukis(network: nn.Module, *, bands: Sequence[str], path: Path) -> nn.Module:
    """`network` itself, its encoder filled with that of the model `path`; `bands` are the network's.

    The filters of the first convolution go to the bands of their names (`backbone.placed`). Layers that give no
    feature stay as they are. Raises ModelError where the network has another encoder, and where the file has none,
    lacks a tensor or holds numbers that are not finite.
    """
    given, known = _encoder(path), inputs(path)
    if given[STEM].shape[1] != len(known.bands):
        raise ModelError(
            f"{KIND}: {path.name} is for {given[STEM].shape[1]} bands, the file beside it names {len(known.bands)}; "
            "unzip both again"
        )
    if not isinstance(network, Pretrainable):
        raise ModelError(f"{KIND}: {type(network).__name__} has no encoder to fill; take unet or a classifier of it")
    own = network.backbone.state_dict()
    given[STEM] = placed(given[STEM], known.bands, bands)
    wrong = [name for name, tensor in given.items() if name not in own or own[name].shape != tensor.shape]
    if wrong:
        raise ModelError(
            f"{KIND}: {wrong[0]} of {path.name} fits no layer of the network ({len(wrong)} such); "
            'take the engine unet with encoder = "efficientnet-b4"'
        )
    missing = [name for name in own.keys() - given.keys() if _passed(name)]
    if missing:
        raise ModelError(f"{KIND}: {path.name} lacks {min(missing)} ({len(missing)} such); unzip it again")
    fill(network.backbone, own | given, path.name)
    return network


def _encoder(path: Path) -> dict[str, Tensor]:
    """The encoder's tensors by the names of segmentation-models-pytorch; ModelError where the file has none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{KIND}: {path.name}: {error.strerror}; {FETCH}") from error
    found = {
        name.removeprefix(PREFIX): torch.from_numpy(values)
        for name, values in onnxfile.tensors(content).items()
        if name.startswith(PREFIX)
    }
    if STEM not in found or found[STEM].ndim != 4:
        raise ModelError(
            f"{KIND}: {path.name} holds no filters {PREFIX}{STEM}; take a model_*.onnx of version 1.0 ({FETCH})"
        )
    return found


def _passed(name: str) -> bool:
    """Whether a tensor of the encoder takes part in its features; the counters of batches do not."""
    return not name.startswith(IDLE) and not name.endswith("num_batches_tracked")


def _installed() -> Path:
    spec = find_spec(PACKAGE)  # finds the folder, imports nothing
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"{KIND}: the package is not installed; {FETCH} and name its folder as path")
    return Path(spec.submodule_search_locations[0])
