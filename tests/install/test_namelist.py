"""The blocks are Fortran, and survive a round trip."""

import f90nml
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update.errors import ConfigError
from ecosg_update.install import namelist

FEW = settings(max_examples=25)
VALUES = st.dictionaries(st.sampled_from(sorted(namelist.FALLBACKS)), st.floats(0, 1e3, allow_subnormal=False))


@FEW
@given(VALUES)
def test_what_is_written_reads_back(values):
    blocks = namelist.blocks(values)
    found = f90nml.reads(namelist.text(blocks))
    assert found == blocks
    assert found["nam_frac"]["lecosg"] is True and found["nam_cover"]["ycoverfiletype"] == "DIRECT"


@FEW
@given(VALUES)
def test_every_decade_of_element_one_is_set_and_nothing_else(values):
    """PGD takes element (1,t) for decade t; a bare XUNIF_LAI sets the first decade only and PGD stops."""
    text = namelist.text(namelist.blocks(values))
    lines = [line.split("=") for line in text.splitlines() if line.strip().startswith("XUNIF_")]
    found = {name.strip(): float(value) for name, value in lines}
    expected = {}
    for name, value in values.items():
        indices = ["1"] if name == "H_TREE" else [f"1,{decade}" for decade in range(1, 37)]
        expected |= {f"XUNIF_{name}({index})": value for index in indices}
    assert found == expected


def test_logicals_and_strings_are_as_fortran_wants_them():
    text = namelist.text(namelist.blocks())
    assert "LECOSG = .TRUE." in text and "YCOVER = 'ecosg_final_map'" in text
    assert "XUNIF" not in text and "NAM_DATA_ISBA" not in text


@pytest.mark.parametrize("wrong", [{"LIA": 0.0}, {"LAI": -1.0}, {"LAI": float("nan")}, {"LAI": float("inf")}])
def test_what_is_no_parameter_or_no_value_is_refused(wrong):
    with pytest.raises(ConfigError, match="fallback"):
        namelist.blocks(wrong)
