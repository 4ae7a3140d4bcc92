"""Is a JPEG 2000 file whole? Told from its headers, before hours of work depend on its last tile.

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


def truncation(stream: BinaryIO, size: int) -> str | None:
    """What a JPEG 2000 file of `size` bytes lacks, in words; None where it is whole.

    Only the headers are read: the boxes, then the chain of tile-parts, each of which names its length, up to
    the end marker. Damage inside the data of a tile is not seen here.
    """
    try:
        start, end = _codestream(stream, size)
        tiles, first_part = _main_header(stream, start, end)
        return _broken_chain(stream, (first_part, end), tiles)
    except EOFError:
        return f"ends within a header, after {size} bytes"
    except ValueError as error:
        return str(error)


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


def _broken_chain(stream: BinaryIO, parts: Span, tiles: int) -> str | None:
    """Follows the lengths from tile-part to tile-part; every tile must be there and the end marker last."""
    position, end = parts
    seen: set[int] = set()
    while _bytes(stream, position, 2) == SOT:
        index, length = struct.unpack(">HI", _bytes(stream, position + 4, 6))
        following = position + length if length else end - 2
        if not position < following <= end - 2:
            return f"ends within tile {index}, at byte {end}"
        seen.add(index)
        position = following
    if _bytes(stream, position, 2) != EOC:
        return f"is broken at byte {position}, after {len(seen)} of {tiles} tiles"
    return None if len(seen) == tiles else f"holds {len(seen)} of {tiles} tiles"


def _bytes(stream: BinaryIO, position: int, count: int) -> bytes:
    stream.seek(position)
    found = stream.read(count)
    if len(found) < count:
        raise EOFError
    return found
