"""A bank of headers, one or more for each rule: what is spoilt, the rules that must name it, and how bad it is.

The cases of surfex-formats.md A1 that were tried on the PGD executable are all here, with what it made of them.
"""

from typing import NamedTuple

from tests.check.maps import TEXT, changed

LINES = TEXT.splitlines()
ESRI = "BYTEORDER I\nLAYOUT BIL\nNROWS 37\nNCOLS 53\nNBANDS 1\nNBITS 8\nULXMAP {}\nULYMAP {}\nXDIM {}\nYDIM {}\n"


class Case(NamedTuple):
    name: str
    text: str | bytes
    rules: frozenset[str] | set[str] = frozenset()
    severity: str = "error"
    fixable: bool = True


def rounded(decimals):
    """The header with its edges written to so many decimals."""
    found = []
    for line in LINES:
        key, _, value = line.partition(": ")
        found.append(f"{key}: {float(value):.{decimals}f}" if key in ("north", "south", "west", "east") else line)
    return "\n".join(found) + "\n"


def without(key):
    return "".join(f"{line}\n" for line in LINES if not line.startswith(key))


CLEAN = [
    Case("as written", TEXT),
    Case("bytes for bits", changed("bits", "bytes")),
    Case("indented keys", changed("rows", "   rows")),
    Case("no blank after the colon", changed(": ", ":")),
    Case("shuffled", "\n".join([LINES[0], *reversed(LINES[1:8]), LINES[8]]) + "\n"),
    Case("sides", changed("53.3000000000", "53.3N").replace("-9.1000000000", "9.1W")),
    Case("sides after a blank", changed("53.3000000000", "53.3 N")),
    Case("west of 350.9", changed("-9.1000000000", "350.9")),
    Case("15 decimals", rounded(15)),
    Case("8 decimals", rounded(8)),
    Case("blank line between keys", changed("rows:", "\nrows:")),
    Case("lower-case exponent", changed("53.3000000000", "5.33e1")),
    Case("cutvalue", changed("nodata:", "cutvalue:")),
    Case("recordtype on line 11", changed("recordtype", "\n\nrecordtype")),
    Case("recordtype without a blank", changed("recordtype: ", "recordtype:")),
]
TOLERATED = [
    Case("CR LF", changed("\n", "\r\n"), {"line-ends"}, "warning"),
    Case("byte order mark", "\xef\xbb\xbf" + TEXT, {"byte-order-mark"}, "warning"),
    Case("no final newline", TEXT[:-1], {"final-newline"}, "warning"),
    Case("long title", changed("A map", "A map " + "x" * 100), {"line-length"}, "warning"),
    Case("recordtype for a title", LINES[8] + "\n" + "\n".join(LINES[1:8]) + "\n", {"title-missing"}, "warning"),
    Case("a key twice", changed("rows:", "rows: 99\nrows:"), {"key-repeated"}, "warning"),
    Case("recordtype twice", TEXT + "recordtype: real 64\n", {"key-repeated"}, "warning"),
    Case("a key again below", TEXT + "\nrows: 37\n", {"key-repeated", "key-late"}, "warning"),
    Case("= for the colon", changed("north:", "north="), {"key-column"}, "warning"),
    Case("no colon", changed("north:", "north"), {"key-column"}, "warning"),
    Case("7 decimals", rounded(7), {"edge-precision"}, "warning"),
    Case("fact 1 and compress 0 below", TEXT + "\nfact: 1\ncompress: 0\n", {"key-late"}, "warning"),
    Case(
        "pixels that are not square",
        changed("-9.1000000000", "-9.2123"),
        {"pixel-shape"}, "warning", fixable=False,
    ),
    Case(
        "a grid of its own",
        "t\nnodata: 0\nnorth: 53.31234\nsouth: 52.31234\nwest: -9.71234\neast: -8.279907567568\nrows: 37\ncols: 53\n"
        "recordtype: integer 8 bits\n",
        {"lattice-none"}, "warning", fixable=False,
    ),
]  # fmt: skip
SPOILT = [
    Case("recordtype on line 2", changed("nodata: 0\n", "recordtype: integer 8\nnodata: 0\n"), {"second-line"}),
    Case("blank line 2", changed("nodata", "\nnodata"), {"second-line"}),
    Case("a title and no more", "A map\n", {"second-line", "nodata-missing", "key-missing", "recordtype-missing"},
         fixable=False),
    Case("empty", "", {"second-line", "nodata-missing", "key-missing", "recordtype-missing"}, fixable=False),
    Case("upper-case keys", TEXT.upper(), {"key-case", "recordtype-place"}),
    Case("one upper-case key", changed("rows:", "Rows:"), {"key-case"}),
    Case("blank before the colon", changed("north:", "north :"), {"key-column"}),
    Case("cutval", changed("nodata: 0", "cutval: 255"), {"key-column", "nodata-zeros"}),
    Case("TAB after the colon", changed("north: ", "north:\t"), {"key-tab"}),
    Case("TAB before the key", changed("north: ", "\tnorth: "), {"key-tab"}),
    Case("double minus", changed("-9.1000000000", "-9.1W"), {"value-sign"}),
    Case("lower-case side", changed("-9.1000000000", "9.1w"), {"value-side"}),
    Case("comment", changed("53.3000000000", "53.3 # outer edge"), {"value-comment"}),
    Case("upper-case exponent", changed("53.3000000000", "5.33E1"), {"value-exponent"}),
    Case("exponent without a point", changed("rows: 37", "rows: 37e0"), {"value-exponent"}),
    Case("decimal comma", changed("53.3000000000", "53,3"), {"value-syntax"}),
    Case("words", changed("53.3000000000", "north of Cork"), {"value-syntax"}, fixable=False),
    Case("no value", changed("53.3000000000", ""), {"value-syntax"}, fixable=False),
    Case("value beyond column 100", changed("53.3000000000", " " * 100 + "53.3"), {"line-length"}),
    Case("prose that begins with a key", changed("rows:", "northern part\nrows:"), {"key-stray"}),
    Case("no title", "\n".join(LINES[1:]) + "\n", {"title-missing"}),
    Case("no title, rows first", "\n".join([LINES[6], *LINES[1:6], *LINES[7:]]) + "\n", {"title-missing"}),
    Case("no nodata", without("nodata"), {"nodata-missing"}),
    Case("no north", without("north"), {"key-missing"}, fixable=False),
    Case("no rows", without("rows"), {"key-missing"}, fixable=False),
    Case("cols on line 11", without("cols").replace("record", "\n\nrecord") + LINES[7] + "\n", {"key-late"}),
    Case("recordtype indented", changed("recordtype", " recordtype"), {"recordtype-place"}),
    Case("recordtype upper case", changed("recordtype", "RECORDTYPE"), {"recordtype-place"}),
    Case("recordtype on line 12", changed("recordtype", "\n\n\nrecordtype"), {"recordtype-place"}),
    Case("no recordtype", without("recordtype"), {"recordtype-missing"}),
    Case("INTEGER 8 BYTES", changed("integer 8 bits", "INTEGER 8 BYTES"), {"recordtype-unsupported"}),
    Case("byte", changed("integer 8 bits", "byte"), {"recordtype-unsupported"}),
    Case("a version behind the type", changed("8 bits", "8 bits, version 1"), {"recordtype-misread"}),
    Case("16 bits", changed("8 bits", "16 bits"), {"recordtype-wide"}),
    Case("real 32", changed("integer 8", "real 32"), {"recordtype-wide"}),
    Case("fact", changed("record", "fact: 10\nrecord"), {"fact"}),
    Case("compress", changed("record", "compress: 1\nrecord"), {"compress"}),
    Case("CR alone", changed("\n", "\r"), {"line-ends"}, fixable=False),
    Case("UTF-16", TEXT.encode("utf-16"), {"text-encoding"}, fixable=False),
    Case("of ESRI", ESRI.format(-9.1 + 1 / 720, 53.3 - 1 / 720, 1 / 360, 1 / 360), {"gdal-header"}),
    Case("of ESRI without the place", "\n".join(ESRI.splitlines()[:4]), {"gdal-header"}, fixable=False),
    Case("3 decimals", rounded(3), {"edge-precision"}),
    Case("4 decimals", rounded(4), {"edge-precision"}),
    Case("5 decimals", rounded(5), {"edge-precision"}),
    Case("6 decimals", rounded(6), {"edge-precision"}),
    Case("south above north", changed("north:", "x:").replace("south:", "north:").replace("x:", "south:"),
         {"north-south"}),
    Case("north is south", changed(LINES[3][7:], LINES[2][7:]), {"north-south"}, fixable=False),
    Case("west is east", changed(LINES[5][6:], LINES[4][6:]), {"east-west"}, fixable=False),
    Case("a sign lost", changed("west: -", "west: "), {"east-west"}, fixable=False),
    Case("no row", changed("rows: 37", "rows: 0"), {"count"}, fixable=False),
    Case("half a row", changed("rows: 37", "rows: 37.5"), {"count"}, fixable=False),
    Case("beyond the pole", changed(LINES[2], "north: 91.3").replace(LINES[3], "south: 90.1972222222"), {"off-globe"},
         fixable=False),
    Case("coarse pixels", "t\nnodata: 0\nnorth: 40\nsouth: -34\nwest: 0\neast: 106\nrows: 37\ncols: 53\n"
         "recordtype: integer 8 bits\n", {"pixel-coarse"}, fixable=False),
    Case("rows and cols exchanged", changed("rows: 37", "rows: 53").replace("cols: 53", "cols: 37"),
         {"rows-cols-swapped"}),
    Case("nodata is a class", changed("nodata: 0", "nodata: 1"), {"nodata-class", "nodata-zeros"}, fixable=False),
    Case("nodata -999 with zeros", changed("nodata: 0", "nodata: -999"), {"nodata-zeros"}),
    Case("nodata 255 with zeros", changed("nodata: 0", "nodata: 255"), {"nodata-zeros"}),
]  # fmt: skip
