"""Snappy decompression, for the small blocks of a checkpoint index.

Source of the layout: google/snappy, format_description.txt.
"""

from ecosg_update.errors import ModelError
from ecosg_update.segment.varint import fixed, part, varint

LIMIT = 1 << 24
"""Blocks of an index are a few kilobytes: 16 MiB is a fault, not a block."""


def decompressed(stored: bytes) -> bytes:
    """The bytes that `stored` stands for; ModelError where it is damaged."""
    length, at = varint(stored, 0)
    if length > LIMIT:
        raise ModelError(f"checkpoint index: a block claims {length} bytes, expected at most {LIMIT}")
    whole = bytearray()
    while at < len(stored) and len(whole) <= length:
        tag = stored[at]
        if tag & 3 == 0:
            size, at = _literal(stored, at)
            whole += part(stored, at, size)
            at += size
        else:
            size, back, at = _copy(stored, at)
            _repeat(whole, size, back)
    if len(whole) != length:
        raise ModelError(f"checkpoint index: a block has {len(whole)} bytes, expected {length}; fetch the file again")
    return bytes(whole)


def _literal(stored: bytes, at: int) -> tuple[int, int]:
    """(length of a literal, where it begins): lengths above 60 stand in the next one to four bytes."""
    size = stored[at] >> 2
    if size < 60:
        return size + 1, at + 1
    width = size - 59
    return fixed(stored, at + 1, width) + 1, at + 1 + width


def _copy(stored: bytes, at: int) -> tuple[int, int, int]:
    """(length of a copy, how far back it begins, where the next element is)."""
    tag = stored[at]
    if tag & 3 == 1:
        return 4 + (tag >> 2 & 7), (tag >> 5) << 8 | fixed(stored, at + 1, 1), at + 2
    width = 2 if tag & 3 == 2 else 4
    return (tag >> 2) + 1, fixed(stored, at + 1, width), at + 1 + width


def _repeat(whole: bytearray, size: int, back: int) -> None:
    """Append `size` bytes that begin `back` bytes before the end; they may overlap what they write."""
    if not 1 <= back <= len(whole):
        raise ModelError(f"checkpoint index: a copy from {back} bytes back, {len(whole)} are there; fetch it again")
    pattern = bytes(whole[-back:])
    whole += (pattern * (size // back + 1))[:size]
