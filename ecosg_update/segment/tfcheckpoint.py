"""The arrays of a TensorFlow checkpoint (a "tensor bundle"), read without TensorFlow.

A bundle is two files. `NAME.index` is a sorted string table as LevelDB writes it (blocks of keys with shared
prefixes, a footer that points at the block of block handles); each value is a protocol buffer that says where
an array lies in `NAME.data-00000-of-00001`, which is nothing but the raw bytes, little endian.

Sources of the layout: LevelDB, doc/table_format.md; TensorFlow, core/protobuf/tensor_bundle.proto and
core/framework/types.proto; Protocol Buffers, "Encoding".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import ModelError
from ecosg_update.segment import snappy
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

Fields = dict[int, list[int | bytes]]


def variables(index: bytes, data: bytes) -> dict[str, NDArray[np.float32]]:
    """The float32 arrays of a bundle of one shard, by name; other types (counters, the object graph) are left out.

    Raises ModelError where the bytes are no such bundle or an array leaves the data.
    """
    entries = ((key.decode("utf-8", "replace"), _fields(value)) for key, value in _table(index) if key)
    return {name: _array(name, entry, data) for name, entry in entries if _number(entry, 1) == FLOAT32}


def _array(name: str, entry: Fields, data: bytes) -> NDArray[np.float32]:
    """One BundleEntryProto: shape (2), shard (3), offset (4), size in bytes (5)."""
    shape = tuple(_number(_fields(axis), 1) for axis in _messages(_message(entry, 2), 2))
    start, size = _number(entry, 4), _number(entry, 5)
    if _number(entry, 3) or start + size > len(data) or size != 4 * math.prod(shape):
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


def _fields(message: bytes) -> Fields:
    """The fields of a protocol buffer by number: integers, or bytes of strings and messages."""
    found: Fields = {}
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        number, wire = tag >> 3, tag & 7
        value: int | bytes
        if wire == 0:
            value, at = varint(message, at)
        elif wire == 2:
            length, at = varint(message, at)
            value, at = part(message, at, length), at + length
        elif wire in (1, 5):
            width = 8 if wire == 1 else 4
            value, at = fixed(message, at, width), at + width
        else:
            raise ModelError(f"tensorflow checkpoint: wire type {wire} is none of a protocol buffer; fetch it again")
        found.setdefault(number, []).append(value)
    return found


def _number(fields: Fields, number: int) -> int:
    """The last integer of a field, 0 where it is absent (the default of protocol buffers)."""
    value = fields.get(number, [0])[-1]
    return value if isinstance(value, int) else 0


def _messages(fields: Fields, number: int) -> list[bytes]:
    return [value for value in fields.get(number, []) if isinstance(value, bytes)]


def _message(fields: Fields, number: int) -> Fields:
    return _fields(b"".join(_messages(fields, number)))
