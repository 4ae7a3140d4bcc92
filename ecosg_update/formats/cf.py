"""The words of the CF conventions: what a variable and a file say about themselves."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any, TypeAlias

import numpy as np

from ecosg_update.formats.provenance import Provenance
from ecosg_update.layers import Reason
from ecosg_update.legend import Legend

CONVENTIONS = "CF-1.11"

Attributes: TypeAlias = dict[str, Any]


def about(provenance: Provenance, **further: str) -> Attributes:
    """The global attributes of a file; empty ones are left out."""
    texts = {"Conventions": CONVENTIONS, **asdict(provenance), **further}
    return {name: text for name, text in texts.items() if text}


def flags(legend: Legend, long_name: str) -> Attributes:
    """The attributes of uint8 codes of a legend."""
    values = np.array(legend.codes, np.uint8)
    return {"long_name": long_name, "flag_values": values, "flag_meanings": meanings(legend)}


def meanings(legend: Legend) -> str:
    """The names in one string: blanks part them, so that a name holds none; equal ones get their code."""
    words = [re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") for name in legend.names]
    named = zip(words, legend.codes, strict=True)
    return " ".join(f"{word}_{code}" if words.count(word) > 1 else word for word, code in named)


def reasons(long_name: str = "why the cell holds its cover") -> Attributes:
    """The attributes of codes of `Reason`."""
    return {
        "long_name": long_name,
        "flag_values": np.array(list(Reason), np.uint8),
        "flag_meanings": " ".join(reason.name.lower() for reason in Reason),
    }


def fraction(long_name: str) -> Attributes:
    """The attributes of a float32 number between 0 and 1."""
    return {"long_name": long_name, "units": "1", "valid_range": np.array([0, 1], np.float32)}


def bits(long_name: str) -> Attributes:
    """The attributes of a float32 amount of information; UDUNITS has the bit as a number without dimension."""
    return {"long_name": long_name, "units": "bit", "valid_min": np.float32(0)}
