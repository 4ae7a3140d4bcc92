"""The door to every network: by name, built in or plugged in.

A package adds an engine with an entry point of the group `ecosg_update.engines` whose value is a `Design`:

    [project.entry-points."ecosg_update.engines"]
    mynet = "mypackage.nets:DESIGN"
"""

from __future__ import annotations

import inspect
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from torch import nn

from ecosg_update.errors import ModelError
from ecosg_update.segment.design import Design

GROUP = "ecosg_update.engines"

# A reference, not an import: torchvision and segmentation-models-pytorch take about ten seconds to import.
_BUILT_IN = {
    "dynamicworld": "ecosg_update.segment.dynamicworld:DESIGN",
    "fcn_resnet50": "ecosg_update.segment.torchvision_nets:FCN_RESNET50",
    "deeplabv3_resnet50": "ecosg_update.segment.torchvision_nets:DEEPLABV3_RESNET50",
    "deeplabv3_mobilenet_v3_large": "ecosg_update.segment.torchvision_nets:DEEPLABV3_MOBILENET_V3_LARGE",
    "unet": "ecosg_update.segment.unet:DESIGN",
    "light_resnet": "ecosg_update.segment.light_resnet:DESIGN",
    "small_unet": "ecosg_update.segment.small_unet:DESIGN",
    "so2sat-lcz": "ecosg_update.segment.so2satlcz:DESIGN",
    "classifier": "ecosg_update.segment.classifier:DESIGN",
}


def available() -> tuple[str, ...]:
    """The names of the engines, built in and plugged in."""
    return tuple(_references())


def design(name: str) -> Design:
    """The design of an engine; ModelError lists the engines that exist."""
    references = _references()
    if name not in references:
        raise ModelError(f"engine: {name!r} does not exist, available are {', '.join(references)}")
    try:
        found = references[name].load()
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"engine {name}: {references[name].value} cannot be imported ({error}); install it"
        ) from error
    if not isinstance(found, Design):
        raise ModelError(f"engine {name}: {references[name].value} is a {type(found).__name__}, expected a Design")
    return found


def build(name: str, in_bands: int, classes: int, **arguments: Any) -> nn.Module:
    """A network with fresh weights: bands (N, in_bands, H, W) to logits (N, classes, H, W).

    Raises ModelError for a name or an argument that does not exist.
    """
    builder = design(name).build
    if in_bands < 1 or classes < 1:
        raise ModelError(f"engine {name}: {in_bands} bands and {classes} classes, expected at least one of each")
    try:
        inspect.signature(builder).bind(in_bands, classes, **arguments)
    except TypeError as error:
        taken = ", ".join(list(inspect.signature(builder).parameters)[2:]) or "none"
        raise ModelError(f"engine {name}: {error}; its arguments are: {taken}") from error
    return builder(in_bands, classes, **arguments)


def _references() -> dict[str, EntryPoint]:
    """Every engine by name; a plug-in cannot take the name of a built-in engine."""
    plugged = {point.name: point for point in entry_points(group=GROUP)}
    built_in = {name: EntryPoint(name, value, GROUP) for name, value in _BUILT_IN.items()}
    return plugged | built_in
