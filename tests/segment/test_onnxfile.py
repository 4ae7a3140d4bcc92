import numpy as np
import pytest

from ecosg_update.errors import ModelError
from ecosg_update.segment.onnxfile import tensors
from ecosg_update.segment.weights import LCZ_FILE
from tests.conftest import shared
from tests.segment.onnx_made import field, model, tensor


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


def test_half_precision_comes_back_as_the_same_numbers():
    given = np.array([[65504, 2**-24, -0.333], [1, np.inf, 0]], "<f2")
    found = tensors(model(tensor("a", given, kind=10)))["a"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, given.astype(np.float32))


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
