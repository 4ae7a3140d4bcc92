"""The weights in an ONNX file, read without ONNX: a model is a protocol buffer, its graph holds named tensors.

Source of the layout: onnx/onnx.proto (ModelProto.graph = 7, GraphProto.initializer = 5, TensorProto: dims = 1,
data_type = 2, name = 8, raw_data = 9).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.errors import ModelError
from ecosg_update.segment.protobuf import Fields, fields, integer, message, messages
from ecosg_update.segment.varint import varints

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRAPH, INITIALIZER = 7, 5
DIMS, DATA_TYPE, NAME, RAW_DATA = 1, 2, 8, 9
NUMBERS: dict[int, np.dtype[Any]] = {1: np.dtype("<f4"), 10: np.dtype("<f2")}
"""TensorProto.DataType.FLOAT and FLOAT16."""


def tensors(content: bytes) -> dict[str, NDArray[np.float32]]:
    """The tensors of a model by name, half precision as float32; other types (shapes, axes) are left out.

    Raises ModelError where the bytes are no model, hold no tensor, or keep one elsewhere than in its raw bytes.
    """
    graph = message(fields(content), GRAPH)
    entries = [fields(entry) for entry in messages(graph, INITIALIZER)]
    found = dict(_tensor(entry) for entry in entries if integer(entry, DATA_TYPE) in NUMBERS)
    if not found:
        raise ModelError("onnx: the file holds no tensor of floats, expected a model with its weights; copy it again")
    return found


def _tensor(entry: Fields) -> tuple[str, NDArray[np.float32]]:
    name = b"".join(messages(entry, NAME)).decode("utf-8", "replace")
    shape = _shape(entry)
    raw = b"".join(messages(entry, RAW_DATA))
    number = NUMBERS[integer(entry, DATA_TYPE)]
    if len(raw) != number.itemsize * math.prod(shape):
        raise ModelError(
            f"onnx: tensor {name} of shape {shape} has {len(raw)} raw bytes, expected {number.itemsize} a number; "
            "save raw data"
        )
    return name, np.frombuffer(raw, number).astype(np.float32).reshape(shape)


def _shape(entry: Fields) -> tuple[int, ...]:
    """One axis after another, or all of them packed into one value, as writers please."""
    axes: list[int] = []
    for value in entry.get(DIMS, []):
        axes += [value] if isinstance(value, int) else varints(value)
    return tuple(axes)
