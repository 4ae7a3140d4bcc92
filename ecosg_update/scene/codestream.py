"""Is a JPEG 2000 file whole? OpenJPEG in several threads decodes a truncated file to zeros without an error.

Source of the layout: ISO/IEC 15444-1, annex A (codestream markers) and annex I (boxes).
"""

from __future__ import annotations

import struct
from typing import BinaryIO

SOC = b"\xff\x4f"
SIZ = b"\xff\x51"
SOT = b"\xff\x90"
EOC = b"\xff\xd9"

Span = tuple[int, int]
"""First byte and end of something in a file."""


def tile_lengths(stream: BinaryIO, size: int) -> dict[int, int]:
    """The bytes that each tile of a whole JPEG 2000 file of `size` bytes is coded in, by tile number.

    Only the headers are read: the boxes, then the chain of tile-parts, each of which names its length, up to
    the end marker. Raises ValueError, which says what is missing, for a file that is cut short; damage inside
    the data of a tile is not seen here.
    """
    try:
        start, end = _codestream(stream, size)
        tiles, first_part = _main_header(stream, start, end)
        return _chain(stream, (first_part, end), tiles)
    except EOFError as error:
        raise ValueError(f"ends within a header, after {size} bytes") from error


def _codestream(stream: BinaryIO, size: int) -> Span:
    """Where the codestream lies in the boxes of a JP2 file, or in a bare codestream."""
    if _bytes(stream, 0, 2) == SOC:
        return 0, size
    position = 0
    while position < size:
        length, kind = struct.unpack(">I4s", _bytes(stream, position, 8))
        header = 8
        if length == 1:
            (length,) = struct.unpack(">Q", _bytes(stream, position + 8, 8))
            header = 16
        end = size if length == 0 else position + length
        if length and length < header:
            break
        if kind == b"jp2c":
            if end > size:
                raise ValueError(f"has {size} bytes of {end}")
            return position + header, end
        position = end
    raise ValueError("holds no image data")


def _main_header(stream: BinaryIO, start: int, end: int) -> tuple[int, int]:
    """The number of tiles and where the first tile-part starts."""
    if _bytes(stream, start, 2) != SOC:
        raise ValueError("does not start as a codestream")
    position, tiles = start + 2, 0
    while position < end:
        marker = _bytes(stream, position, 2)
        if marker == SOT:
            return tiles, position
        (length,) = struct.unpack(">H", _bytes(stream, position + 2, 2))
        if marker == SIZ:
            tiles = _tiles(_bytes(stream, position + 6, 32))
        position += 2 + length
    raise ValueError("ends before the first tile")


def _tiles(fields: bytes) -> int:
    size: tuple[int, ...] = struct.unpack(">8I", fields)
    width, height, _, _, tile_width, tile_height, left, top = size
    if not tile_width or not tile_height:
        raise ValueError("has an impossible tile size")
    return -(-(width - left) // tile_width) * -(-(height - top) // tile_height)


def _chain(stream: BinaryIO, parts: Span, tiles: int) -> dict[int, int]:
    """Follows the lengths from tile-part to tile-part; every tile must be there and the end marker last."""
    position, end = parts
    lengths: dict[int, int] = {}
    while _bytes(stream, position, 2) == SOT:
        index, length = struct.unpack(">HI", _bytes(stream, position + 4, 6))
        following = position + length if length else end - 2
        if not position < following <= end - 2:
            raise ValueError(f"ends within tile {index}, at byte {end}")
        lengths[index] = lengths.get(index, 0) + following - position
        position = following
    if _bytes(stream, position, 2) != EOC:
        raise ValueError(f"is broken at byte {position}, after {len(lengths)} of {tiles} tiles")
    if len(lengths) != tiles:
        raise ValueError(f"holds {len(lengths)} of {tiles} tiles")
    return lengths


def _bytes(stream: BinaryIO, position: int, count: int) -> bytes:
    stream.seek(position)
    found = stream.read(count)
    if len(found) < count:
        raise EOFError
    return found
