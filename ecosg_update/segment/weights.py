"""Published weights: fetched once, verified by checksum, or read from a folder where there is no network.

Each engine has its card here, with the sha256 of the one file that it was made from.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pooch
from torch import nn

from ecosg_update import tables
from ecosg_update.errors import ModelError
from ecosg_update.segment import checkpoint, dynamicworld, onnxfile, so2satlcz, tfcheckpoint
from ecosg_update.segment.card import Card, Standard
from ecosg_update.segment.engine import Engine, device

INDEX, DATA = "variables.index", "variables.data-00000-of-00001"
SHA256 = {
    INDEX: "f27000c6a3d7dcd3e76e333331b108697712c734d5d5ef11b3f34571027c8436",
    DATA: "c4a38299f2c0a741682cbe48810d55afdc832ff451e3d3708082751fe655fcb1",
}
URL = "https://raw.githubusercontent.com/google/dynamicworld/master/model/forward/variables/"
FOLDER_VARIABLE = "ECOSG_UPDATE_WEIGHTS"
"""An environment variable that names another folder for downloads."""

CARD = Card(
    engine="dynamicworld",
    bands=dynamicworld.BANDS,
    level="L1C",
    pixel_m=10.0,
    normalisation="dynamicworld",
    legend="dynamicworld",
    codes=(1, 2, 3, 4, 5, 6, 7, 8, 9),
    halo=dynamicworld.DESIGN.halo,
    stride=dynamicworld.DESIGN.stride,
    seamless=dynamicworld.DESIGN.seamless,
    provenance="google/dynamicworld model/forward; Brown et al. 2022, doi:10.1038/s41597-022-01307-4",
    licence="Apache-2.0",
    notes="Trained on L1C at 10 m. On L2A or on other pixel sizes it fails quietly: of one overpass in both levels "
    "(Punjab, 2020-06-04) only 51.5 % of the pixels got the same class; west Irish lakes as L2A were 4 % water, "
    "96 % trees. Converted to the top of the atmosphere first, it is 93 % and 97 % water; but a quarter to a half of "
    "the clear Irish vegetation of that October is then called crops, and no L1C product tells what is right. Of "
    "what it calls crops in seven labelled regions 61 % is arable land and 37 % pasture.",
    tells_low_plants=False,
    sha256=SHA256[DATA],
)


LCZ_FILE = "so2sat_lcz_s2_resnet20.onnx"
LCZ_SOURCE = "the MIT-licensed Keras weights of github.com/zhu-xlab/So2Sat-LCZ-Classification-Demo copied into ONNX"

LCZ_CARD = Card(
    engine="so2sat-lcz",
    bands=so2satlcz.BANDS,
    level="L1C",
    pixel_m=10.0,
    normalisation=Standard((0.0,) * len(so2satlcz.BANDS), (1.0,) * len(so2satlcz.BANDS)),
    legend="lcz",
    codes=tuple(range(1, so2satlcz.CLASSES + 1)),
    halo=so2satlcz.DESIGN.halo,
    stride=so2satlcz.DESIGN.stride,
    seamless=so2satlcz.DESIGN.seamless,
    provenance="zhu-xlab/So2Sat-LCZ-Classification-Demo, S2_RESNET20 of 2019-06-27, as ONNX; trained on So2Sat "
    "LCZ42, Zhu et al. 2020, doi:10.1109/MGRS.2020.2964708",
    licence="MIT",
    notes="Says one class of each 320 m square of the scene's lattice: finer cells show the squares. Trained on L1C "
    "of 42 cities. Brandenburg, L1C of 2017-02-16: 24 of 24 squares of open water are water, 17 of 18 squares more "
    "than half residential are a town, but most winter woods are low plants. On L2A as it is, land becomes town: of "
    "the Punjab chip of 2020-06-04 10 % where L1C has 1.5 % (76 % of the pixels alike), of Irish meadows 43 %. "
    "Converted to the top of the atmosphere first it is 0 % (79 % alike; 99 % but for low plants against bare soil) "
    "and 5 %, and Irish lakes are 92 % water. Limestone pavement is taken for a town. Scattered trees, bare soil and "
    "pavement move no cell alone; snow is none of its classes.",
    sha256="83c96411ded3a7bd2ce085c6a70d5b2d30d2871bb159fc5308c3c30314ead2c1",
)


SHIPPED = Path(__file__).with_name("shipped") / "corine-light.safetensors"


def shipped(*, on: str = "auto") -> Engine:
    """The engine of the package, `corine-light`: CORINE's level 2. Its card says how good it is where."""
    return checkpoint.load(SHIPPED, on=on)


def published(engine: str = "dynamicworld", *, folder: Path | None = None, on: str = "auto") -> Engine:
    """An engine with its published weights: "dynamicworld" (Google's) or "so2sat-lcz" (TU Munich's).

    folder: where the files lie, `variables.index` and `variables.data-00000-of-00001`, or
    `so2sat_lcz_s2_resnet20.onnx`. None takes them from the user's cache (or the folder that ECOSG_UPDATE_WEIGHTS
    names), and fetches those of Dynamic World into it; the other file is published nowhere in this form. on: "auto",
    "cpu" or "cuda". Raises ModelError for another engine, and where a file is absent or has another sha256.
    """
    if engine not in _PUBLISHED:
        raise ModelError(f"engine: {engine!r} has no published weights, those that have are {', '.join(_PUBLISHED)}")
    card, filled = _PUBLISHED[engine]
    return Engine(filled(folder), card, tables.legend(card.legend), device(on))


def _dynamicworld(folder: Path | None) -> nn.Module:
    index, data = (
        _fetched(name) if folder is None else _read(folder / name, "dynamicworld", SHA256[name], f"{URL}{name}")
        for name in (INDEX, DATA)
    )
    network = dynamicworld.DynamicWorld()
    checkpoint.fill(network, dynamicworld.state(tfcheckpoint.variables(index, data)), "dynamicworld")
    return network


def _so2sat_lcz(folder: Path | None) -> nn.Module:
    content = _read((folder or _cache()) / LCZ_FILE, "so2sat-lcz", LCZ_CARD.sha256, LCZ_SOURCE)
    network = so2satlcz.So2SatLcz()
    checkpoint.fill(network, so2satlcz.state(onnxfile.tensors(content)), "so2sat-lcz")
    return network


_PUBLISHED: dict[str, tuple[Card, Callable[[Path | None], nn.Module]]] = {
    "dynamicworld": (CARD, _dynamicworld),
    "so2sat-lcz": (LCZ_CARD, _so2sat_lcz),
}


def _cache() -> Path:
    return Path(os.environ.get(FOLDER_VARIABLE) or pooch.os_cache("ecosg-update"))


def _fetched(name: str) -> bytes:
    store = pooch.create(_cache(), URL, registry=SHA256, retry_if_failed=2)
    try:
        return Path(store.fetch(name)).read_bytes()
    except (OSError, ValueError) as error:  # no network; another checksum than the published one
        raise ModelError(
            f"dynamicworld: {name} cannot be fetched from {URL} ({_first_line(error)}); "
            "fetch the two variables files elsewhere and name their folder"
        ) from error


def _read(path: Path, engine: str, sha256: str, source: str) -> bytes:
    """A file of the sha256 that it was published with. source: what it is, or where, for the message."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{engine}: {path.name}: {error.strerror} in {path.parent}; it is {source}; name its folder"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ModelError(
            f"{engine}: {path.name} has sha256 {found[:12]}..., expected {sha256[:12]}...; it is {source}"
        )
    return content


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
