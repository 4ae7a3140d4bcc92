"""Which parameter files a folder holds, by the names that ECOCLIMAP-SG, HARMONIE and the workflows give them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ecosg_update.errors import FormatError
from ecosg_update.formats import typed
from ecosg_update.formats.typed import Typed
from ecosg_update.parameters.parameter import DECADES, VARIABLES, Parameter, parameter

_NAMES = {
    "lai": re.compile(r"LAI(?:_SAT)?_(?P<decade>\d{4})_c"),
    "albedo-nir": re.compile(r"(?:ALB_SAT_NI|AL_[A-Z]{2}_NI|AL_NI_[A-Z]{2})_(?P<decade>\d{4})_c"),
    "albedo-vis": re.compile(r"(?:ALB_SAT_VI|AL_[A-Z]{2}_VI|AL_VI_[A-Z]{2})_(?P<decade>\d{4})_c"),
    "tree-height": re.compile(r"new_ht_c"),
}
"""LAI_SAT_0105_c, ALB_SAT_NI_0105_c, new_ht_c (Deode, pysurfex, HARMONIE), whatever their folder is called;
LAI_0105_c and AL_??_??_0105_c (the distribution, as kourzeneva/ECO-SG-ML_LAI names it)."""

DEPTHS = ("*.dir", "*/*.dir", "*/*/*.dir")
"""How deep files are looked for: LAI_SAT/..., or LAI/60M/... as for ECOCLIMAP-SG-ML. Linked folders are entered."""


@dataclass(frozen=True, eq=False)
class ParameterFile:
    """A parameter of one decade. name: its path below the folder. decade: MMDD, "" for tree height."""

    name: str
    parameter: Parameter
    decade: str
    source: Typed

    def __post_init__(self) -> None:
        if self.decade and self.decade not in DECADES:
            raise FormatError(
                f"{self.source.data}: decade {self.decade} does not exist, expected {DECADES[0]} to 1225"
            )


def found(folder: Path) -> tuple[ParameterFile, ...]:
    """The parameter files below a folder, by parameter, decade and path, each opened.

    Other files are passed over. Raises FormatError where there is none and for one that cannot be read.
    """
    if not folder.is_dir():
        raise FormatError(f"{folder}: is no folder; name the one that holds LAI_SAT, ALB_SAT and HT")
    files = [
        ParameterFile(path.relative_to(folder).as_posix(), parameter(name), decade, typed.opened(path))
        for path, name, decade in _named(folder)
    ]
    if not files:
        raise FormatError(
            f"{folder}: holds no parameter file, expected names such as LAI_SAT/LAI_SAT_0105_c.dir, "
            "ALB_SAT/ALB_SAT_NI_0105_c.dir, HT/new_ht_c.dir; name their folder"
        )
    order = list(_NAMES)
    return tuple(sorted(files, key=lambda file: (order.index(file.parameter.name), file.decade, file.name)))


def held(folder: Path) -> bool:
    """Whether a folder holds any file with the name of a parameter."""
    return any(True for _ in _named(folder))


def name_of(path: Path) -> str | None:
    """The parameter that a file has the name of, None for other names."""
    return next((name for name, pattern in _NAMES.items() if pattern.fullmatch(path.stem)), None)


def parameter_of(variable: str) -> str:
    """The parameter that a variable of `NAM_DATA_ISBA` is read from."""
    return next(name for name, variables in VARIABLES.items() if variable in variables)


def _named(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """(path, parameter, decade) of the files with the names of parameters; decade is "" where there is none."""
    for path in (path for depth in DEPTHS for path in sorted(folder.glob(depth))):
        for name, pattern in _NAMES.items():
            match = pattern.fullmatch(path.stem)
            if match:
                yield path, name, match.groupdict().get("decade", "")


def gaps(files: tuple[ParameterFile, ...]) -> dict[str, list[str]]:
    """The decades that are missing of each parameter that has some; one decade alone is a choice, not a gap."""
    missing = {}
    for name in _NAMES:
        held = {file.decade for file in files if file.parameter.name == name and file.decade}
        if len(held) > 1 and len(held) < len(DECADES):
            missing[name] = [decade for decade in DECADES if decade not in held]
    return missing
