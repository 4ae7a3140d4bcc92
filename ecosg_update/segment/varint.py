"""Numbers and slices of a byte string, with every read checked: a damaged file ends in a ModelError."""

from ecosg_update.errors import ModelError

VARINT_BYTES = 10
"""The longest base-128 number: 64 bits in groups of seven."""


def varint(buffer: bytes, at: int) -> tuple[int, int]:
    """(the base-128 number at `at`, where the next thing begins); low groups of seven bits come first."""
    number = 0
    for group, byte in enumerate(buffer[at : at + VARINT_BYTES]):
        number |= (byte & 0x7F) << 7 * group
        if byte < 0x80:
            return number, at + group + 1
    raise ModelError(f"weights file: no number ends near byte {at} of {len(buffer)}; fetch the file again")


def fixed(buffer: bytes, at: int, width: int) -> int:
    """The little-endian number of `width` bytes at `at`."""
    return int.from_bytes(part(buffer, at, width), "little")


def part(buffer: bytes, at: int, length: int) -> bytes:
    """`length` bytes from `at`; ModelError where the buffer ends before."""
    if at < 0 or at + length > len(buffer):
        raise ModelError(
            f"weights file: bytes {at}..{at + length} lie outside the {len(buffer)} there are; fetch it again"
        )
    return buffer[at : at + length]


def varints(buffer: bytes) -> list[int]:
    """The base-128 numbers that fill a buffer."""
    numbers, at = [], 0
    while at < len(buffer):
        number, at = varint(buffer, at)
        numbers.append(number)
    return numbers
