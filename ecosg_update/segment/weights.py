"""Published weights: fetched once, verified by checksum, or read from a folder where there is no network."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pooch

from ecosg_update import tables
from ecosg_update.errors import ModelError
from ecosg_update.segment import checkpoint, dynamicworld, tfcheckpoint
from ecosg_update.segment.card import Card
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
    "the clear Irish vegetation of that October is then called crops, and no L1C product tells what is right.",
    sha256=SHA256[DATA],
)


def published(*, folder: Path | None = None, on: str = "auto") -> Engine:
    """Dynamic World with Google's weights.

    folder: where `variables.index` and `variables.data-00000-of-00001` lie; None fetches them into the user's cache
    (or the folder that ECOSG_UPDATE_WEIGHTS names). on: "auto", "cpu" or "cuda". Raises ModelError where a file is
    absent or has another sha256 than the published one.
    """
    index, data = (_fetched(name) if folder is None else _read(folder / name) for name in (INDEX, DATA))
    network = dynamicworld.DynamicWorld()
    checkpoint.fill(network, dynamicworld.state(tfcheckpoint.variables(index, data)), "dynamicworld")
    return Engine(network, CARD, tables.legend(CARD.legend), device(on))


def _fetched(name: str) -> bytes:
    store = pooch.create(pooch.os_cache("ecosg-update"), URL, registry=SHA256, env=FOLDER_VARIABLE, retry_if_failed=2)
    try:
        return Path(store.fetch(name)).read_bytes()
    except (OSError, ValueError) as error:  # no network; another checksum than the published one
        raise ModelError(
            f"dynamicworld: {name} cannot be fetched from {URL} ({_first_line(error)}); "
            "fetch the two variables files elsewhere and name their folder"
        ) from error


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"dynamicworld: {path.name}: {error.strerror} in {path.parent}; it is {URL}{path.name}"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[path.name]:
        raise ModelError(
            f"dynamicworld: {path.name} has sha256 {found[:12]}..., expected {SHA256[path.name][:12]}...; "
            f"fetch it again from {URL}{path.name}"
        )
    return content


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
