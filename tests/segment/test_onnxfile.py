import numpy as np
import pytest

from ecosg_update.errors import ModelError
from ecosg_update.segment.onnxfile import tensors
from ecosg_update.segment.weights import LCZ_FILE
from tests.conftest import shared


def field(number: int, content: bytes | int) -> bytes:
    """A field of a protocol buffer as the standard describes it."""
    if isinstance(content, int):
        return bytes([number << 3]) + varint(content)
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low]) if not rest else bytes([low | 0x80]) + varint(rest)


def tensor(name: str, values: np.ndarray, *, packed: bool = False, kind: int = 1) -> bytes:
    axes = b"".join(map(varint, values.shape))
    dims = field(1, axes) if packed else b"".join(field(1, length) for length in values.shape)
    return field(5, dims + field(2, kind) + field(8, name.encode()) + field(9, values.tobytes()))


def model(*parts: bytes) -> bytes:
    return field(1, 8) + field(7, field(2, b"graph") + b"".join(parts))


@pytest.mark.parametrize("packed", [False, True])
def test_tensors_come_back_by_name_with_their_shapes(packed):
    given = {
        "a": np.arange(600, dtype="<f4").reshape(2, 300),
        "b": np.float32([7.5]),
        "scalar": np.array(3, "<f4"),
    }
    found = tensors(model(*(tensor(name, values, packed=packed) for name, values in given.items())))
    assert list(found) == list(given)
    for name, values in given.items():
        np.testing.assert_array_equal(found[name], values)


def test_other_types_are_left_out():
    content = model(tensor("axes", np.arange(3), kind=7), tensor("a", np.float32([1])))
    assert list(tensors(content)) == ["a"]


def test_a_tensor_of_another_size_is_named():
    short = field(5, field(1, 3) + field(2, 1) + field(8, b"a") + field(9, bytes(8)))
    with pytest.raises(ModelError, match=r"tensor a of shape \(3,\) has 8 raw bytes"):
        tensors(model(short))


@pytest.mark.parametrize("content", [b"", model(), b"\x0f\xff", b"<html>", model(tensor("a", np.float32([1])))[:-2]])
def test_bytes_that_are_no_model_are_refused_in_one_line(content):
    with pytest.raises(ModelError) as caught:
        tensors(content)
    assert "\n" not in str(caught.value)


def test_the_real_file_holds_every_weight():
    found = tensors(shared("weights_so2sat_lcz", LCZ_FILE).read_bytes())
    assert sum(values.size for values in found.values()) == 576_897
    assert found["w1"].shape == (16, 10, 3, 3) and found["dw"].shape == (17, 256, 1, 1)
