"""Domains on the command line: listed, shown, printed for the workflows, and taken in place of bounds."""

import json
import tomllib

import pytest

from ecosg_update import domains
from ecosg_update.demo import CHECKPOINT
from ecosg_update.formats import direct, netcdf
from ecosg_update.grid import LatLonGrid
from tests.conftest import say, shared


def test_the_list_names_every_domain_with_its_source():
    said = say("domains")
    rows = json.loads(say("domains", "--json").out)
    assert said.code == 0 and len(said.out.splitlines()) == len(rows) == len(domains.listed())
    by_name = {row["name"]: row for row in rows}
    assert by_name["METCOOP25D"]["cells"] == [949, 1069] and "Hirlam/HarmonieConfig" in said.out


def test_a_domain_is_shown_with_corners_and_the_map_that_holds_it():
    said = say("domains", "ireland25")
    shown = json.loads(say("domains", "ireland25", "--json").out)
    assert said.code == 0 and "529 x 489 = 258,681 of 2500 x 2500 m" in said.out
    assert f"{shown['maps'][0]['rows']:,} rows" in said.out and shown["margin_cells"] == domains.MARGIN_CELLS
    wide = json.loads(say("domains", "ireland25", "--json", "--margin", 10).out)
    assert wide["box"][0] < shown["box"][0] and wide["maps"][0]["bytes"] > shown["maps"][0]["bytes"]


def test_the_printed_bounds_are_the_map_itself():
    """What is printed can be copied after --bounds: it snaps to the same cells."""
    shown = json.loads(say("domains", "METCOOP25D", "--json").out)
    lines = [line.split() for line in say("domains", "METCOOP25D").out.splitlines()]
    printed = {words[1]: words[2:6] for words in lines if words[0] == "map"}
    for one in shown["maps"]:
        copied = tuple(float(edge) for edge in printed[f"1/{one['per_degree']}"])
        assert LatLonGrid.from_bounds(one["per_degree"], copied).shape == (one["rows"], one["cols"])


@pytest.mark.parametrize("layout, ending", [("--toml", "toml"), ("--pysurfex", "json")])
def test_what_is_printed_for_a_workflow_is_a_domain_again(tmp_path, layout, ending):
    file = tmp_path / f"DKCOEXP.{ending}"
    file.write_text(say("domains", "DKCOEXP", layout).out)
    assert domains.domain(file) == domains.domain("DKCOEXP")
    assert say("domains", file, "--json").out == say("domains", "DKCOEXP", "--json").out


def test_the_help_states_the_margin():
    assert f"{domains.MARGIN_CELLS:g}" in say("domains", "--help").out.split("Default: ")[1][:2]
    assert f"margin of {domains.MARGIN_CELLS:g} cells" in " ".join(say("export", "--help").out.split())


@pytest.fixture(scope="module")
def small(simulated, tmp_path_factory):
    """A model domain of 5 x 7 cells of 500 m in the middle of the demo's base, as a file; and that base."""
    folder, _ = simulated
    base = folder / "input" / "simulated_base.dir"
    west, south, east, north = direct.info(base).grid.bounds
    keys = {"nimax": 5, "njmax": 7, "xdx": 500.0, "xdy": 500.0}
    keys |= {"xloncen": (west + east) / 2, "xlatcen": (south + north) / 2}
    file = tmp_path_factory.mktemp("domain") / "small.toml"
    file.write_text("[domain]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()))
    return file, base


def test_an_export_for_a_domain_is_the_export_of_its_box(small, tmp_path):
    file, base = small
    box = domains.bounds(file)
    for name, area in {"domain.dir": ("--domain", file), "bounds.dir": ("--bounds", *box)}.items():
        said = say("export", base, *area, "-o", tmp_path / name)
        assert said.code == 0, said.err
    assert (tmp_path / "domain.dir").read_bytes() == (tmp_path / "bounds.dir").read_bytes()
    assert direct.info(tmp_path / "domain.dir").grid == LatLonGrid.from_bounds(360, box)


def test_predict_takes_a_domain(simulated, small, tmp_path):
    file, _ = small
    scene = next((simulated[0] / "input").glob("*.SAFE"))
    said = say("predict", scene, "--checkpoint", CHECKPOINT, "--domain", file, "-o", tmp_path / "p.nc")
    assert said.code == 0, said.err
    assert netcdf.grid(tmp_path / "p.nc") == LatLonGrid.from_bounds(360, domains.bounds(file))


def test_a_run_takes_a_domain_beside_its_configuration(simulated, small, tmp_path):
    file, _ = small
    folder, _ = simulated
    lines = (folder / "demo.toml").read_text().splitlines()
    text = "\n".join('domain = "small.toml"' if line.startswith("per_degree") else line for line in lines)
    assert 'domain = "small.toml"' in text
    (folder / "small.toml").write_text(file.read_text())
    (folder / "domain_run.toml").write_text(text)
    said = say("run", folder / "domain_run.toml", "--output", tmp_path / "out")
    assert said.code == 0, said.err
    made = direct.info(tmp_path / "out" / "simulated_demo.dir").grid
    assert made == LatLonGrid.from_bounds(360, domains.bounds(file))
    manifest = json.loads((tmp_path / "out" / "simulated_demo_manifest.json").read_text())
    assert "small.toml" in json.dumps(manifest["inputs"])
    resolved = tomllib.loads((tmp_path / "out" / "simulated_demo_run.toml").read_text())
    assert resolved["target"]["domain"] == str(folder / "small.toml")


@pytest.mark.parametrize("command", ["export", "predict", "map"])
def test_bounds_and_a_domain_exclude_each_other(small, tmp_path, command):
    _, base = small
    further = ("--base", base) if command == "map" else ()
    area = ("--bounds", 1, 2, 3, 4, "--domain", "IRELAND25")
    said = say(command, base, *further, *area, "-o", tmp_path / "x.nc")
    assert said.code == 2 and "--bounds and --domain both say where" in said.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (("domains", "METCOP25"), 2, "near it are METCOOP25"),
        (("domains", "absent.json"), 2, "absent.json: cannot be read"),
        (("domains", "--toml"), 2, "name it"),
        (("domains", "DKCOEXP", "--margin", "-1"), 2, "--margin"),
        (("export", "absent.dir", "--domain", "METCOP25", "-o", "x.dir"), 2, "near it are"),
    ],
)
def test_a_fault_is_said_in_one_line(arguments, code, words):
    said = say(*arguments)
    assert said.code == code and words in said.err.splitlines()[-1]


def test_a_domain_beyond_the_map_is_not_covered(small, tmp_path):
    said = say("export", small[1], "--domain", "TURKEY_2.5", "-o", tmp_path / "x.dir")
    assert said.code == 7 and not list(tmp_path.iterdir())


def test_map_takes_a_domain(tmp_path):
    labels = shared("landsat8_clc_lanjaron", "clc2018_level3_30m.tif")
    base = shared("ecosg_like", "lanjaron_300m.dir")
    file = tmp_path / "valley.json"
    west, south, east, north = direct.info(base).grid.bounds
    grid = {"nimax": 3, "njmax": 5, "xdx": 700, "xdy": 700}
    grid |= {"xloncen": (west + east) / 2, "xlatcen": (south + north) / 2}
    cone = {"xlon0": 0.0, "xlat0": 37.0}
    blocks = {"nam_pgd_grid": {"cgrid": "CONF PROJ"}, "nam_conf_proj": cone, "nam_conf_proj_grid": grid}
    file.write_text(json.dumps(blocks))
    said = say("map", labels, "--legend", "corine-l3", "--base", base, "--domain", file, "-o", tmp_path / "c.nc")
    assert said.code == 0, said.err
    assert netcdf.grid(tmp_path / "c.nc") == LatLonGrid.from_bounds(360, domains.bounds(file))
