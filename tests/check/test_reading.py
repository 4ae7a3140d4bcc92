"""Our model of SURFEX's two passes against the independent reader, on headers of every kind of damage."""

import re

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ecosg_update.check.geometry_rules import geometry_faults
from ecosg_update.check.header_rules import header_faults
from ecosg_update.check.reading import lines_of, number, reading
from ecosg_update.check.sheet import Sheet
from ecosg_update.checking import checked, mended
from ecosg_update.fault import has_errors
from tests import oracle_surfex
from tests.check.maps import TEXT, codes, pair
from tests.check.test_bank import is_right

LINES = TEXT.splitlines()
KEYS = {"nodat": "nodata", "east:": "east", "west:": "west", "rows:": "rows", "cols:": "cols", "fact:": "fact"}
KEYS |= {"compr": "compress", "north": "north", "south": "south"}

SPOILERS = [
    lambda line: line.upper(),
    lambda line: "   " + line,
    lambda line: "\t" + line,
    lambda line: line.replace(":", " :"),
    lambda line: line.replace(": ", ":\t"),
    lambda line: line.replace(": ", ":"),
    lambda line: line + " # remark",
    lambda line: line + "   ",
    lambda line: line + "\r",
    lambda line: line + " N",
    lambda line: re.sub(r"-([\d.]+)", r"\1W", line),
    lambda line: re.sub(r"-([\d.]+)", r"-\1W", line),
    lambda line: re.sub(r"-([\d.]+)", r"\1 w", line),
    lambda line: line.replace(".", ","),
    lambda line: re.sub(r"(\d\d)\.(\d+)", r"\1.\2e0", line),
    lambda line: re.sub(r"(\d\d)\.(\d+)", r"\1.\2E0", line),
    lambda line: line + "\n" + line,
    lambda line: "\n" + line,
    lambda line: line.replace(": ", ": " + " " * 95),
    lambda line: line.replace("nodata", "cutvalue"),
    lambda line: line.replace("nodata", "cutval"),
    lambda line: line.replace(":", "="),
]
"""Each leaves what is meant as it is."""


@st.composite
def respelt(draw):
    """A header that means what TEXT means, however badly it is written."""
    lines = list(LINES)
    for at in draw(st.lists(st.integers(0, 8), max_size=3)):
        lines[at] = draw(st.sampled_from(SPOILERS))(lines[at])
    if draw(st.booleans()):
        order = draw(st.permutations(range(1, 9)))
        lines = [lines[0], *(lines[at] for at in order)]
    if draw(st.integers(0, 5)) == 0:
        lines = lines[1:]
    text = "\n".join(lines) + "\n"
    return draw(st.sampled_from(["", "", "", "\xef\xbb\xbf"])) + text


@st.composite
def damaged(draw):
    """TEXT with lines lost, doubled and moved, and characters changed."""
    lines = [draw(st.sampled_from(SPOILERS))(line) if draw(st.integers(0, 9)) == 0 else line for line in LINES]
    lines = [line for line in lines if draw(st.integers(0, 12))]
    for _ in range(draw(st.integers(0, 3))):
        extra = draw(
            st.sampled_from([*LINES, "", "fact: 10", "compress: 1", "northern", "recordtype: real 32", "NS"])
        )
        lines.insert(draw(st.integers(0, len(lines))), extra)
    text = "\n".join(lines) + "\n"
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(list("0123456789.-+eENSWw:# \t\nnorthcl"))) + text[at + 1 :]
    return text


def in_two_minds(text):
    """Values with two sides, which the document leaves open."""
    return any(len(set(line) & set("NSEW")) > 1 and ":" in line for line in text.splitlines())


@settings(max_examples=300)
@given(damaged() | respelt())
def test_the_model_and_the_oracle_read_the_same_or_both_stop(tmp_path_factory, text):
    assume(not in_two_minds(text))
    path = tmp_path_factory.mktemp("h") / "a.hdr"
    path.write_bytes(text.encode("latin-1"))
    ours = reading(lines_of(text.encode("latin-1")))
    try:
        theirs = oracle_surfex.surfex(path)
    except (ValueError, ZeroDivisionError):
        whole = all(ours.values[key] == int(ours.values[key]) != 0 for key in ("rows", "cols"))
        assert ours.stops or not whole
        return
    assert not ours.stops
    assert (ours.kind, ours.bits) == (theirs.kind, theirs.bits)
    assert (ours.values["nodata"], ours.values["fact"]) == (theirs.nodata, theirs.fact)
    assert (ours.values["rows"], ours.values["cols"]) == (theirs.rows, theirs.cols)
    assert (ours.values["compress"] == 1) == theirs.compress
    if theirs.lats:
        high = (ours.values["north"] - ours.values["south"]) / theirs.rows
        assert theirs.lats[0] == ours.values["north"] - 0.5 * high


@settings(max_examples=300)
@given(damaged() | respelt())
def test_what_the_linter_calls_free_of_errors_is_read_as_it_is_meant(tmp_path_factory, text):
    assume(not in_two_minds(text))
    content = text.encode("latin-1")
    sheet = Sheet.of(content, "a.hdr")
    if has_errors([*header_faults(sheet), *geometry_faults(sheet)]):
        return
    path = tmp_path_factory.mktemp("h") / "a.hdr"
    path.write_bytes(content)
    seen = oracle_surfex.surfex(path)
    assert (seen.kind, seen.bits, seen.fact, seen.compress) == ("integer", 8, 1, False)
    assert seen.nodata == sheet.meant["nodata"]
    assert (seen.rows, seen.cols) == (sheet.meant["rows"], sheet.meant["cols"])
    high = (sheet.meant["north"] - sheet.meant["south"]) / seen.rows
    assert seen.lats[-1] == sheet.meant["north"] - (seen.rows - 0.5) * high
    wide = ((sheet.meant["east"] - sheet.meant["west"]) % 360 or 360) / seen.cols
    assert abs(seen.lons[0] - sheet.meant["west"] - wide / 2) < 1e-9


@settings(max_examples=120)
@given(respelt())
def test_a_header_that_means_the_map_is_right_or_in_error_and_mended_in_any_case(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("h")
    data = pair(folder, text)
    report = checked(data)
    assert is_right(data, codes()) or not report.is_fit
    meant_twice = "recordtype" not in text.lower() or "\nrecord" not in text.lower()[:-1]
    made = mended(data, folder / "out.dir")
    if made.paths:
        assert is_right(folder / "out.dir", codes()) and checked(folder / "out.dir").faults == ()
    else:
        assert meant_twice or "cutval:" in text or made.left


@given(st.floats(-400, 400), st.integers(0, 12))
def test_a_number_is_read_back(value, decimals):
    text = f"{value:.{decimals}f}"
    assert number(" " + text) == float(text)
