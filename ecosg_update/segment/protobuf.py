"""Protocol buffers read without their library: a message as its fields by number.

Source of the layout: Protocol Buffers, "Encoding".
"""

from __future__ import annotations

from ecosg_update.errors import ModelError
from ecosg_update.segment.varint import fixed, part, varint

Fields = dict[int, list[int | bytes]]


def fields(message: bytes) -> Fields:
    """The fields of a message by number, each with its values in order: integers, or bytes of strings and messages.

    Numbers of fixed width come as their bits. Raises ModelError where the bytes are no message.
    """
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
            raise ModelError(f"weights file: wire type {wire} is none of a protocol buffer; fetch the file again")
        found.setdefault(number, []).append(value)
    return found


def integer(found: Fields, number: int) -> int:
    """The last integer of a field, 0 where it is absent (the default of protocol buffers)."""
    value = found.get(number, [0])[-1]
    return value if isinstance(value, int) else 0


def messages(found: Fields, number: int) -> list[bytes]:
    """The bytes of each value of a repeated field."""
    return [value for value in found.get(number, []) if isinstance(value, bytes)]


def message(found: Fields, number: int) -> Fields:
    """The fields of the message that a field holds, none where it is absent; parts of it are joined."""
    return fields(b"".join(messages(found, number)))
