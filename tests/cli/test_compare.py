"""`ecosg-update compare`: what it says, what it writes, when it fails."""

import csv
import json

import netCDF4
import numpy as np
import pytest

from ecosg_update.comparing.written import NAMES
from ecosg_update.formats import covers
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap
from tests.comparing.made import ECOSG, codes, histogram
from tests.conftest import say, shared

GRID = LatLonGrid.from_bounds(360, (-9.0, 52.5, -8.0, 53.0))
DOMAIN = """
[domain]
name = "HERE"
nimax = 9
njmax = 7
xdx = 2500.0
xdy = 2500.0
xlon0 = -8.5
xlat0 = 52.75
xloncen = -8.5
xlatcen = 52.75
"""
STATIONS = (
    "USAF,STATION NAME,CTRY,LAT,LON\n039720,HERE,EI,52.7501,-8.4999\n039730,THERE,EI,57.0,-8.5\n039740,X,EI,,\n"
)


@pytest.fixture
def place(tmp_path):
    """A folder with two maps, a domain and a list of stations."""
    for name, one in zip(("old.dir", "new.nc"), codes(GRID, 11, no_data=0.01), strict=True):
        covers.write(CoverMap(one, GRID, ECOSG), tmp_path / name, Provenance("A map", "made up"))
    (tmp_path / "here.toml").write_text(DOMAIN)
    (tmp_path / "list.csv").write_text(STATIONS)
    return tmp_path


def compare(place, *options):
    return say("compare", place / "old.dir", place / "new.nc", *options)


def test_a_folder_holds_the_document_the_tables_and_the_model_s_cells(place):
    said = compare(
        place, "--domain", place / "here.toml", "--stations", place / "list.csv", "-o", place / "out", "--json"
    )
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert sorted(path.name for path in (place / "out").iterdir()) == sorted(NAMES)
    assert document["files"] == [str(place / "out" / name) for name in sorted(NAMES)]
    stored = json.loads((place / "out" / "compare.json").read_text())
    assert stored == {key: value for key, value in document.items() if key != "files"}
    assert document["stations_listed"] == {"inside": 1, "outside": 1, "without_place": 1}
    (station,) = document["stations"]
    assert station["id"] == "039720" and sum(station["after"].values()) == pytest.approx(1)
    assert document["changes"][0]["station"]["id"] == "039720"
    _check_tables(place / "out", document)
    _check_domain(place / "out" / "domain.nc", document)


def _check_tables(folder, document):
    tables = {}
    for name in ("transitions", "classes", "changes", "stations"):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            tables[name] = list(csv.DictReader(stream))
        assert len(tables[name]) == len(document[name])
    assert [float(row["km2"]) for row in tables["transitions"]] == [row["km2"] for row in document["transitions"]]
    assert float(tables["stations"][0]["NATURE_after"]) == document["stations"][0]["after"]["NATURE"]
    assert float(tables["changes"][0]["station_km"]) == document["changes"][0]["station"]["distance_km"]


def _check_domain(path, document):
    with netCDF4.Dataset(path) as file:
        assert file.Conventions == "CF-1.11"
        for tile, row in document["domain"]["tiles"].items():
            before, after, change = (file[f"FRAC_{tile}_{side}"][:] for side in ("before", "after", "change"))
            assert before.shape == (7, 9) and before.mean() == pytest.approx(row["before_mean"])
            np.testing.assert_array_equal(after - before, change)
            assert np.abs(change).max() == pytest.approx(row["max_abs_change"])
        rough = document["domain"]["fields"]["roughness_length"]
        assert file["roughness_length_after"][:].mean() == pytest.approx(rough["after_mean"])
        assert file["roughness_length_after"].units == "m" and file["compared"][:].all()
        flips = document["domain"]["mask_flips"]
        assert (file["mask_flip"][:] == -1).sum() == flips["to_sea"]


def test_the_document_s_sums_agree_with_the_maps(place):
    document = json.loads(compare(place, "--json").out)
    old, new = codes(GRID, 11, no_data=0.01)
    both = histogram(old, new)[1:, 1:]
    assert document["cells"] == {"compared": int(both.sum()), "changed": int(both.sum() - np.trace(both))}
    assert document["no_data"] == {
        "old": int((old == 0).sum()), "new": int((new == 0).sum()), "both": int(((old == 0) & (new == 0)).sum())
    }  # fmt: skip
    for name in ("classes", "groups"):
        for side in ("before", "after"):
            assert sum(row[f"{side}_cells"] for row in document[name]) == both.sum()
            assert sum(row[f"{side}_km2"] for row in document[name]) == pytest.approx(document["km2"]["compared"])
    for name in ("transitions", "group_transitions"):
        assert sum(row["cells"] for row in document[name]) == both.sum()
        assert [row["km2"] for row in document[name]] == sorted((row["km2"] for row in document[name]), reverse=True)
    assert document["domain"] is None and document["stations"] == [] and document["stations_listed"] is None
    assert document["grid"]["per_degree"] == 360 and document["legend"] == "ecosg"


def test_people_read_a_table(place):
    said = compare(place, "--domain", place / "here.toml", "--stations", place / "list.csv", "--largest", "2")
    assert said.code == 0, said.err
    for text in (
        "compared  15,527 cells",
        "no data ",
        "% of the area",
        "largest of ",
        "roughness_length, m",
        "stations: 1 inside",
    ):
        assert text in said.out
    assert not (place / "out").exists()


def test_an_unchanged_map_says_so(place):
    said = say("compare", place / "old.dir", place / "old.dir", "--fail-above", "0")
    assert said.code == 0 and "changed   0 cells, 0.00 km2: 0 % of the area" in said.out


def test_more_change_than_allowed_is_exit_code_6_and_still_written(place):
    assert compare(place, "--fail-above", "99").code == 0
    said = compare(place, "--fail-above", "1.5", "-o", place / "out")
    assert said.code == 6 and (place / "out" / "compare.json").exists()
    assert not (place / "out" / "stations.csv").exists() and not (place / "out" / "domain.nc").exists()


def test_a_folder_that_exists_is_kept_unless_it_is_to_be_replaced(place):
    assert compare(place, "-o", place / "out").code == 0
    before = (place / "out" / "compare.json").read_bytes()
    said = compare(place, "-o", place / "out")
    assert said.code == 5 and "exists already" in said.err and said.out == ""
    assert compare(place, "-o", place / "out", "--overwrite").code == 0
    assert (place / "out" / "compare.json").read_bytes() == before
    (place / "out" / "mine.txt").write_text("mine")
    said = compare(place, "-o", place / "out", "--overwrite")
    assert said.code == 5 and "holds mine.txt, which no comparison wrote" in said.err
    assert (place / "out" / "mine.txt").exists()


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["--bounds", "0", "50", "1", "51"], 7, "share no cell within"),
        (["--stations", "absent.csv"], 3, "absent.csv: cannot be read"),
        (["--domain", "NOWHERE"], 2, "'NOWHERE' is not in the table"),
        (["--domain", "METCOOP25D", "--bounds", "0", "50", "1", "51"], 2, "give one of them"),
        (["--fail-above", "101"], 2, "--fail-above"),
    ],
)
def test_what_cannot_be_is_one_line_and_a_code(place, options, code, text):
    said = compare(place, *options)
    assert said.code == code and text in said.err and said.out == ""


def test_a_real_map_against_its_own_renewal_by_the_stations_of_europe(tmp_path):
    """The land cover around Muenster at 300 m, crops sealed: the stations there see it."""
    old = covers.opened(shared("pgd_reference", "muenster_300m.dir"))
    whole = old.read(old.grid)
    new = CoverMap(np.where(whole.codes == 19, 29, whole.codes).astype(np.uint8), old.grid, ECOSG)
    covers.write(new, tmp_path / "new.tif", Provenance("A map", "made up"))
    said = say(
        "compare",
        old.path,
        tmp_path / "new.tif",
        "--stations",
        shared("stations", "isd_stations_europe.csv"),
        "--json",
    )
    document = json.loads(said.out)
    assert document["cells"]["changed"] == int((whole.codes == 19).sum())
    assert {pair["to"] for pair in document["transitions"] if pair["from"] == 19} == {29}
    west, south, east, north = old.grid.bounds
    assert document["stations"]
    for row in document["stations"]:
        assert west <= row["lon"] <= east and south <= row["lat"] <= north and row["distance_km"] < 0.25
        code = whole.codes[row["row"], row["col"]]
        assert row["changed"] == (code == 19)
        assert row["before"]["TOWN"] > 0 or code < 24
