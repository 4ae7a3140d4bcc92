"""The SURFEX namelist blocks that make PGD read the installed cover."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping

import f90nml

from ecosg_update.errors import ConfigError

DECADES = 36
"""Periods of ten days in a year: `NTIME` of ECOCLIMAP-SG's parameters."""

FALLBACKS = {"LAI": 0.0, "ALBNIR_VEG": 0.0, "ALBVIS_VEG": 0.0, "ALBNIR_SOIL": 0.0, "ALBVIS_SOIL": 0.0, "H_TREE": 0.0}
"""What the Deode workflow ships for ECOCLIMAP-SG-ML, whose parameters lack types: each `XUNIF_` is 0."""

HEAD = """\
! What ecosg-update asks of the namelist of PGD; the rest of the namelist stays as it is.
! Without LECOSG the numbers of the map are taken for the 573 covers of ECOCLIMAP II, without an error.
"""

FALLBACK_HEAD = """\
! XUNIF_ stands in for a type that the files of a parameter hold nowhere in the domain: PGD stops without it.
! It is read for each decade on its own, with the index (1,t): all 36 are needed. Keep the CFNAM_ of the files:
! an XUNIF_ alone would be the value of every cell.
"""


def blocks(fallbacks: Mapping[str, float] | None = None, *, cover: str = "ecosg_final_map") -> f90nml.Namelist:
    """`NAM_FRAC`, `NAM_COVER` and, where there are fallbacks, `NAM_DATA_ISBA`.

    fallbacks: parameter (a key of `FALLBACKS`) -> value for the types that its files lack. `XUNIF_H_TREE` has no
    time; the other parameters are given for each of 36 decades, because `ini_var_from_data.F90` (SURFEX 8.1) takes
    element (1,t) for decade t. Raises ConfigError for another parameter, and for a value that is no number from 0.
    """
    given = {parameter: float(value) for parameter, value in (fallbacks or {}).items()}
    unknown = sorted(set(given) - set(FALLBACKS))
    if unknown:
        raise ConfigError(f"fallback: {', '.join(unknown)} is no parameter, expected some of {', '.join(FALLBACKS)}")
    wrong = {parameter: value for parameter, value in given.items() if not 0 <= value < math.inf}
    if wrong:
        raise ConfigError(f"fallback: found {wrong}, expected a number from 0 upward; correct it")
    found = f90nml.Namelist(
        {"nam_frac": {"lecosg": True}, "nam_cover": {"ycover": cover, "ycoverfiletype": "DIRECT"}}
    )
    if given:
        found["nam_data_isba"] = {f"xunif_{name.lower()}": _values(name, value) for name, value in given.items()}
        found["nam_data_isba"].start_index = {
            f"xunif_{name.lower()}": [1] if name == "H_TREE" else [1, 1] for name in given
        }
    return found


def text(blocks: f90nml.Namelist) -> str:
    """The blocks as Fortran reads them, with the reasons as comments."""
    blocks.uppercase, blocks.true_repr, blocks.false_repr = True, ".TRUE.", ".FALSE."
    stream = io.StringIO()
    blocks.write(stream)
    return HEAD + FALLBACK_HEAD * ("nam_data_isba" in blocks) + stream.getvalue()


def _values(parameter: str, value: float) -> list[float] | list[list[float]]:
    """One value of the first element, with no time or for each decade (the last index is the outer list)."""
    return [value] if parameter == "H_TREE" else [[value]] * DECADES
