"""`ecosg-update pgd`: the summary, the file, the warning, and refusals that write nothing."""

import json

import netCDF4
import numpy as np
import pytest

from tests.conftest import say, shared

DOMAIN = """
[domain]
name = "OVERHANG"
nimax = {nimax}
njmax = 48
xdx = 2500.0
xdy = 2500.0
xlon0 = {lon}
xlat0 = 52.75
xloncen = {lon}
xlatcen = 52.75
"""


@pytest.fixture
def place(tmp_path):
    """A folder with the domains of two reference cases, and one far away."""
    for name, nimax, lon in (("inside", 29, -8.25), ("overhang", 31, -8.8), ("away", 31, 28.8)):
        (tmp_path / f"{name}.toml").write_text(DOMAIN.format(nimax=nimax, lon=lon))
    return tmp_path


def pgd(place, domain, *options):
    stem = shared("pgd_reference", "mosaic_a.dir")
    return say("pgd", stem, "--domain", place / f"{domain}.toml", "-o", place / "out.nc", *options)


def test_the_file_holds_what_the_real_pgd_computed(place):
    said = pgd(place, "inside", "--nam-cover", "LRM_RIVER=T", "--nam-cover", "XRM_SEA=0.2")
    assert said.code == 0, said.err
    expected = np.load(shared("pgd_reference", "mosaic_a_2500m_norivers_sea20.npz"))
    with netCDF4.Dataset(place / "out.nc") as file:
        for number in range(1, 34):
            found = file[f"COVER{number:03d}"][:] if f"COVER{number:03d}" in file.variables else np.zeros((48, 29))
            np.testing.assert_allclose(found.ravel(), expected["cover"][:, number], atol=2e-8)
        assert "LRM_RIVER=True" in file.NAM_COVER and "XRM_SEA=0.2" in file.NAM_COVER
    assert "29 x 48 cells" in said.out and str(place / "out.nc") in said.out


def test_filled_cells_are_a_warning_on_stderr_and_a_figure_on_stdout(place):
    said = pgd(place, "overhang", "--json")
    assert said.code == 0
    found = json.loads(said.out)
    assert found["filled"] == 486 and found["cells"] == [31, 48] and found["pixels_per_cell"]["min"] == 0
    assert sum(found["tiles"].values()) == pytest.approx(1)
    assert "WARNING" in said.err and "486 of 1,488 cells hold no pixel" in said.err


def test_strict_makes_filled_cells_an_error_and_writes_nothing(place):
    said = pgd(place, "overhang", "--strict")
    assert said.code == 7 and "486 of 1,488 cells" in said.err.splitlines()[-1]
    assert not list(place.glob("out*"))
    assert pgd(place, "inside", "--strict").code == 7, "holes of the map inside the domain are filled as well"


def test_towns_can_be_arranged(place):
    towns = json.loads(pgd(place, "inside", "--json").out)["tiles"]
    rock = json.loads(pgd(place, "inside", "--json", "--ltown-to-rock", "--overwrite").out)["tiles"]
    gardens = json.loads(pgd(place, "inside", "--json", "--lgarden", "--overwrite").out)["tiles"]
    assert rock["town"] == 0 and rock["nature"] == pytest.approx(towns["nature"] + towns["town"])
    assert gardens["town"] > towns["town"] and gardens["sea"] == towns["sea"]


@pytest.mark.parametrize(
    ("domain", "options", "code", "words"),
    [
        ("away", [], 7, "no pixel of the map with data"),
        ("inside", ["--nam-cover", "XRM_TOWN=0.1"], 2, "XRM_COVER"),
        ("inside", ["--nam-cover", "XRM_SEA=1", "--nam-cover", "XRM_COVER=1"], 2, "divides 0 by 0"),
        ("absent", [], 2, "absent.toml"),
    ],
)
def test_what_cannot_be_previewed_is_one_line_and_no_file(place, domain, options, code, words):
    said = pgd(place, domain, *options)
    assert said.code == code and words in said.err.splitlines()[-1]
    assert said.err.splitlines()[-1].startswith("ecosg-update: error: ") and said.out == ""
    assert not list(place.glob("out*"))


def test_a_map_that_is_none_is_one_line_and_no_file(place):
    said = say("pgd", place / "absent.dir", "--domain", place / "inside.toml", "-o", place / "out.nc")
    assert said.code == 3 and "does not exist" in said.err and not list(place.glob("out*"))


def test_an_existing_output_is_refused_before_the_work(place):
    (place / "out.nc").write_text("mine")
    said = pgd(place, "away")
    assert said.code == 5 and (place / "out.nc").read_text() == "mine"


def test_help_ends_with_the_demos_example(simulated, tmp_path, monkeypatch):
    folder, _ = simulated
    said = say("pgd", "--help")
    example = said.out.split("Example:")[1].replace("\\\n", " ").split()
    assert example[:2] == ["ecosg-update", "pgd"]
    (tmp_path / "demo").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    assert say(*example[1:]).code == 0 and (tmp_path / "fractions.nc").exists()


def test_info_says_what_the_file_holds(place):
    mosaic = shared("pgd_reference", "mosaic_a.dir")
    summary = json.loads(say("pgd", mosaic, "--domain", place / "inside.toml", "-o", place / "out.nc", "--json").out)
    found = json.loads(say("info", place / "out.nc", "--json").out)
    assert found["cells"] == "29 x 48" and found["kind"].startswith("fractions")
    assert [int(text.split()[0]) for text in found["covers"]] == summary["covers"]
    assert found["mean of the tiles"] == [f"{name} {mean:.4f}" for name, mean in summary["tiles"].items()]
