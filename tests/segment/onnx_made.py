"""ONNX files written byte by byte, as the standard describes protocol buffers, for tests of what reads them."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch


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


def masks(encoder: Mapping[str, torch.Tensor], path: Path, names: list[str]) -> Path:
    """A file as ukis-csmask has them: an encoder in half precision, and beside it bands with means and deviations."""
    halves = {f"model.encoder.{name}": values.numpy().astype("<f2") for name, values in encoder.items()}
    path.write_bytes(model(*(tensor(name, values, kind=10) for name, values in halves.items())))
    numbers = [[first + 0.01 * place for place in range(len(names))] for first in (0.2, 0.1)]
    about = {"data": {"in_channels": len(names), "dataset_statistics": {"img": numbers, "band_names": names}}}
    path.with_suffix(".json").write_text(json.dumps(about))
    return path
