"""The arrays of a TensorFlow checkpoint (a "tensor bundle"), read without TensorFlow.

A bundle is two files. `NAME.index` is a sorted string table as LevelDB writes it (blocks of keys with shared
prefixes, a footer that points at the block of block handles); each value is a protocol buffer that says where
an array lies in `NAME.data-00000-of-00001`, which is nothing but the raw bytes, little endian.

Sources of the layout: LevelDB, doc/table_format.md; TensorFlow, core/protobuf/tensor_bundle.proto and
core/framework/types.proto.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import ModelError
from ecosg_update.segment import snappy
from ecosg_update.segment.protobuf import Fields, fields, integer, message, messages
from ecosg_update.segment.varint import fixed, part, varint

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOOTER_BYTES = 48
MAGIC = 0xDB4775248B80FB57
"""The last eight bytes of a string table."""

TRAILER_BYTES = 5
"""Behind each block: one byte of compression, four of checksum."""

PLAIN, SNAPPY = 0, 1
FLOAT32 = 1
"""DT_FLOAT of types.proto."""


def variables(index: bytes, data: bytes) -> dict[str, NDArray[np.float32]]:
    """The float32 arrays of a bundle of one shard, by name; other types (counters, the object graph) are left out.

    Raises ModelError where the bytes are no such bundle or an array leaves the data.
    """
    entries = ((key.decode("utf-8", "replace"), fields(value)) for key, value in _table(index) if key)
    return {name: _array(name, entry, data) for name, entry in entries if integer(entry, 1) == FLOAT32}


def _array(name: str, entry: Fields, data: bytes) -> NDArray[np.float32]:
    """One BundleEntryProto: shape (2), shard (3), offset (4), size in bytes (5)."""
    shape = tuple(integer(fields(axis), 1) for axis in messages(message(entry, 2), 2))
    start, size = integer(entry, 4), integer(entry, 5)
    if integer(entry, 3) or start + size > len(data) or size != 4 * math.prod(shape):
        raise ModelError(
            f"tensorflow checkpoint: array {name} of shape {shape} has {size} bytes at {start} of {len(data)}, "
            "expected 4 a number inside one data file; fetch the files again"
        )
    return np.frombuffer(data, "<f4", math.prod(shape), start).astype(np.float32).reshape(shape)


def _table(index: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a string table, in order."""
    if len(index) < FOOTER_BYTES or fixed(index, len(index) - 8, 8) != MAGIC:
        raise ModelError(
            "tensorflow checkpoint: the index does not end in the mark of a string table; fetch it again"
        )
    footer = index[-FOOTER_BYTES:]
    _, at = _handle(footer, 0)  # the meta index, of no use here
    handle, _ = _handle(footer, at)
    for _, value in _entries(_block(index, handle)):
        yield from _entries(_block(index, _handle(value, 0)[0]))


def _handle(buffer: bytes, at: int) -> tuple[tuple[int, int], int]:
    """((offset, size) of a block, where the next thing begins)."""
    offset, at = varint(buffer, at)
    size, at = varint(buffer, at)
    return (offset, size), at


def _block(index: bytes, handle: tuple[int, int]) -> bytes:
    """A block's content, decompressed."""
    offset, size = handle
    stored = part(index, offset, size)
    compression = part(index, offset + size, TRAILER_BYTES)[0]
    if compression == PLAIN:
        return stored
    if compression == SNAPPY:
        return snappy.decompressed(stored)
    raise ModelError(f"tensorflow checkpoint: a block has compression {compression}, expected 0 (none) or 1 (snappy)")


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block: each key names how many bytes it shares with the key before."""
    restarts = fixed(block, len(block) - 4, 4)
    end = len(block) - 4 * (restarts + 1)
    key, at = b"", 0
    while at < end:
        shared, at = varint(block, at)
        own, at = varint(block, at)
        length, at = varint(block, at)
        key = key[:shared] + part(block, at, own)
        yield key, part(block, at + own, length)
        at += own + length
