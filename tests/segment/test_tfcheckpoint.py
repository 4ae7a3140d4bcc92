import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import ModelError
from ecosg_update.segment import snappy
from ecosg_update.segment.tfcheckpoint import variables
from ecosg_update.segment.varint import varint
from tests.conftest import shared


def files() -> tuple[bytes, bytes]:
    folder = shared("weights_dynamicworld", "forward", "variables")
    return (folder / "variables.index").read_bytes(), (folder / "variables.data-00000-of-00001").read_bytes()


def test_every_variable_is_what_tensorflow_itself_read():
    with np.load(shared("weights_dynamicworld", "forward_variables.npz")) as oracle:
        expected = {int(name[:3]): oracle[name] for name in oracle.files}
    found = variables(*files())
    assert len(found) == len(expected) == 146
    for number, array in expected.items():
        np.testing.assert_array_equal(found[f"variables/{number}/.ATTRIBUTES/VARIABLE_VALUE"], array)


def test_an_index_cut_anywhere_is_refused():
    index, data = files()
    for length in range(0, len(index), 13):
        with pytest.raises(ModelError):
            variables(index[:length], data)


def test_a_damaged_index_fails_with_a_model_error_or_not_at_all():
    index, data = files()
    refused = 0
    for place in range(0, len(index), 5):
        damaged = bytearray(index)
        damaged[place] ^= 0xFF
        try:
            variables(bytes(damaged), data)
        except ModelError:
            refused += 1
    assert refused > 100


def test_data_that_ends_early_is_refused():
    index, data = files()
    with pytest.raises(ModelError, match="array variables"):
        variables(index, data[:900_000])


@given(st.binary(min_size=1, max_size=400))
def test_a_snappy_literal_of_any_length_comes_back(content):
    tag = bytes([len(content) - 1 << 2]) if len(content) <= 60 else b"\xf4" + (len(content) - 1).to_bytes(2, "little")
    assert snappy.decompressed(_varint(len(content)) + tag + content) == content


@given(st.binary(min_size=1, max_size=9), st.integers(4, 11), st.integers(1, 64))
def test_snappy_copies_repeat_what_lies_behind_them(pattern, short, long):
    back = len(pattern)
    stored = bytes([back - 1 << 2]) + pattern
    stored += bytes([1 | short - 4 << 2, back])  # one-byte offset
    stored += bytes([2 | long - 1 << 2, back, 0])  # two-byte offset
    expected = pattern
    for _ in range(short + long):
        expected += expected[-back : len(expected) - back + 1]
    assert snappy.decompressed(_varint(len(expected)) + stored) == expected


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (b"\xff\xff\xff\xff\x0f\x00a", "claims"),
        (b"\x05\x05\x01", "bytes back"),
        (b"\x02\x00a", "has 1 bytes, expected 2"),
        (b"\x01\x04ab", "has 2 bytes, expected 1"),
        (b"", "no number ends"),
    ],
)
def test_damaged_snappy_is_refused(stored, message):
    with pytest.raises(ModelError, match=message):
        snappy.decompressed(stored)


@given(st.integers(0, 2**63 - 1))
def test_a_varint_is_read_back(number):
    assert varint(b"\x80" + _varint(number) + b"x", 1) == (number, 1 + len(_varint(number)))


def _varint(number: int) -> bytes:
    groups = [number >> shift & 0x7F for shift in range(0, max(1, number.bit_length()), 7)]
    return bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])
