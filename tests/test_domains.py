"""A domain is the same however its workflow writes it down, and a malformed one is named in one line."""

import json
import math
import tomllib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysurfex.geo import ConfProj as PysurfexConfProj
from pysurfex.geo import ConfProjFromHarmonie, get_geo_object_from_json_file

from ecosg_update import domains, tables
from ecosg_update.domain import RADIUS, ConfProj, Domain
from ecosg_update.domains import layouts
from ecosg_update.errors import ConfigError, EcosgError, GridError, TableError
from ecosg_update.grid import LatLonGrid

AROME_ARCTIC = {
    "nam_pgd_grid": {"cgrid": "CONF PROJ"},
    "nam_conf_proj": {"xlat0": 77.5, "xlon0": -25.0},
    "nam_conf_proj_grid": {
        "ilone": 11, "ilate": 11, "xlatcen": 75.4, "xloncen": 23.0,
        "nimax": 739, "njmax": 949, "xdx": 2500.0, "xdy": 2500.0,
    },
}  # fmt: skip
"""metno/pysurfex examples/domains/aa.json."""

DKCOEXP = """
[domain]
  gridtype = "linear"
  name = "DKCOEXP"
  nimax = 637
  njmax = 637
  tstep = 75
  xdx = 2500
  xdy = 2500
  xlatcen = 56.3
  xloncen = 9.9
  xlat0 = 56.3
  xlon0 = 0.0
"""
"""ACCORD-NWP/tactus tactus/data/config_files/include/domains/DKCOEXP.toml."""

LONLAT = {
    "nam_pgd_grid": {"cgrid": "LONLAT REG"},
    "nam_lonlat_reg": {"xlonmin": 10, "xlonmax": 11.1, "xlatmin": 60, "xlatmax": 61.2, "nlon": 11, "nlat": 24},
}


def written(tmp_path, content, name="given.json"):
    file = tmp_path / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def changed(block, key, value):
    """AROME_ARCTIC with one value changed, or without the key where the value is None."""
    document = json.loads(json.dumps(AROME_ARCTIC))
    document[block][key] = value
    if value is None:
        del document[block][key]
    return document


# The table


def test_every_row_of_the_table_is_a_domain_on_a_map():
    assert len(domains.listed()) > 80
    for one in domains.listed():
        assert domains.domain(one.domain.name) == one.domain
        box = LatLonGrid.from_bounds(360, one.domain.box(domains.MARGIN_CELLS))
        assert box.rows > 30 and one.title and "/" in one.source


def test_every_name_is_unique_in_any_case():
    names = [one.domain.name.casefold() for one in domains.listed()]
    assert len(set(names)) == len(names) == len(tables.rows(tables.path("domains.csv"), domains.COLUMNS))
    assert not any(domains.is_file(name) for name in names)


def test_sizes_with_the_extension_zone_are_products_of_2_3_and_5():
    """What the Fourier transforms of HARMONIE ask of NLON and NLAT (its documentation): a misprint would break it."""
    odd = set()
    for row in tables.rows(tables.path("domains.csv"), domains.COLUMNS):
        for key in ("nlon", "nlat") if row["ezone"] == "11" else ():
            rest = int(row[key])
            for factor in (2, 3, 5):
                while rest % factor == 0:
                    rest //= factor
            if rest > 1:
                odd.add(row["name"])
    assert odd == {"BG1_3000x3000_500m"}  # as it is published: nimax = njmax = 978


def test_pgd_has_no_extension_zone(tmp_path):
    """NLON less EZONE is the NIMAX that pysurfex and tactus publish for the same domains."""
    arctic = domains.domain(written(tmp_path, AROME_ARCTIC, "AROME_ARCTIC.json"))
    assert arctic == domains.domain("AROME_ARCTIC") and arctic.shape == (949, 739)
    assert domains.domain(written(tmp_path, DKCOEXP, "dk.toml")) == domains.domain("DKCOEXP")
    assert domains.domain("METCOOP25D").shape == (1069, 949)


def test_dini_has_the_corners_that_are_published():
    lon, lat = domains.domain("DINI").lonlat([0.5, 1905.5], [0.5, 1605.5])
    assert lon == pytest.approx([-25.421997, 40.069885], abs=1e-5)
    assert lat == pytest.approx([39.671, 62.667614], abs=1e-5)


@pytest.mark.parametrize("name", ["metcoop25d", " MetCoOp25D", "METCOOP25D"])
def test_a_name_is_known_in_any_case(name):
    assert domains.domain(name).name == "METCOOP25D"


def test_an_unknown_name_is_answered_with_those_near_it():
    with pytest.raises(ConfigError, match="'METCOP25' is not in the table, near it are METCOOP25"):
        domains.domain("METCOP25")
    with pytest.raises(ConfigError, match=r"'\?' is not in the table, \d+ are known"):
        domains.domain("?")
    with pytest.raises(ConfigError, match="is not in the table"):
        domains.domain("")


@pytest.mark.parametrize("change", [("960,1080", "96o,1080"), ("960,1080", "960,11"), ("63.3,15.0", "93.3,15.0")])
def test_a_row_that_is_no_domain_is_named(tmp_path, monkeypatch, change):
    text = tables.path("domains.csv").read_text()
    assert change[0] in text
    (tmp_path / "domains.csv").write_text(text.replace(*change))
    monkeypatch.setattr(tables, "path", tmp_path.joinpath)
    with pytest.raises(TableError, match="METCOOP25D"):
        domains.listed.__wrapped__()


# Files


@given(st.sampled_from([one.domain for one in domains.listed()]))
def test_both_layouts_are_read_back_as_they_were_written(found):
    assert layouts.of_pysurfex(json.loads(layouts.pysurfex_text(found)), found.name, "x.json") == found
    assert layouts.of_deode(tomllib.loads(layouts.deode_text(found)), "x", "x.toml") == found


def test_a_turned_grid_survives_deode_but_is_none_of_pysurfex():
    turned = Domain('a "b" \u00e9', 3, 5, 2e3, 1e3, 4.0, 52.0, ConfProj(4.0, 52.0, math.sin(math.radians(52)), 11.5))
    assert layouts.of_deode(tomllib.loads(layouts.deode_text(turned)), "x", "x.toml") == turned
    with pytest.raises(ConfigError, match="xbeta"):
        layouts.pysurfex_text(turned)


def test_a_cone_that_does_not_touch_at_lat0_is_not_written():
    cut = Domain("cut", 3, 5, 2e3, 1e3, 4.0, 52.0, ConfProj(4.0, 52.0, 0.7))
    for write in (layouts.pysurfex_text, layouts.deode_text):
        with pytest.raises(ConfigError, match=r"xrpk 0\.788011\), found 0\.700000"):
            write(cut)


def test_lonlat_edges_are_the_outer_ones_of_surfex(tmp_path):
    found = domains.domain(written(tmp_path, LONLAT))
    lon, lat = found.centres()
    assert (lon[0, 0], lon[0, -1]) == pytest.approx((10.05, 11.05))
    assert (lat[0, 0], lat[-1, 0]) == pytest.approx((60.025, 61.175))
    assert found.box() == pytest.approx((10, 60, 11.1, 61.2))
    again = layouts.of_pysurfex(json.loads(layouts.pysurfex_text(found)), "given", "x")
    assert again.box() == pytest.approx(found.box()) and again.shape == found.shape
    with pytest.raises(ConfigError, match="LONLAT REG"):
        layouts.deode_text(found)


def test_keys_are_read_in_any_case(tmp_path):
    document = {block.upper(): {key.upper(): keys[key] for key in keys} for block, keys in AROME_ARCTIC.items()}
    document["NAM_PGD_GRID"]["CGRID"] = "conf proj"
    upper = written(tmp_path, document, "AROME_ARCTIC.JSON")
    assert domains.domain(upper) == domains.domain("AROME_ARCTIC")


def test_a_namelist_with_its_own_cone_keeps_it(tmp_path):
    document = changed("nam_conf_proj", "xrpk", 0.9)
    document["nam_conf_proj"]["xbeta"] = 3
    assert domains.domain(written(tmp_path, document)).projection == ConfProj(-25.0, 77.5, 0.9, 3.0)


def test_a_deode_file_may_be_only_the_section(tmp_path):
    bare = DKCOEXP.replace("[domain]", "").replace('name = "DKCOEXP"', "")
    assert domains.domain(written(tmp_path, bare, "DKCOEXP.toml")) == domains.domain("DKCOEXP")


@pytest.mark.parametrize("origin", ["", '  xlat0 = ""\n  xlon0 = ""\n'])
def test_without_an_origin_deode_takes_the_middle(tmp_path, origin):
    text = "\n".join(line for line in DKCOEXP.splitlines() if "0 = " not in line) + "\n" + origin
    cone = domains.domain(written(tmp_path, text, "dk.toml")).projection
    assert (cone.lon0, cone.lat0, cone.rpk) == (9.9, 56.3, math.sin(math.radians(56.3)))


def pysurfex_earth(document):
    """A domain for pysurfex's Earth of 6,371,220 m: the same longitudes and latitudes as on SURFEX's."""
    smaller = json.loads(json.dumps(document))
    for key in ("xdx", "xdy"):
        smaller["nam_conf_proj_grid"][key] *= 6_371_220 / RADIUS
    return smaller


@pytest.mark.parametrize("name", ["AROME_ARCTIC", "DRAMMEN", "IRELAND25", "METCOOP25S", "GLA", "DEMO_60x80_2500m"])
def test_pysurfex_has_the_same_cells(name):
    found = domains.domain(name)
    theirs = PysurfexConfProj(pysurfex_earth(json.loads(layouts.pysurfex_text(found))))
    lon, lat = found.centres()
    np.testing.assert_allclose(theirs.lons.T, lon, rtol=0, atol=1e-7)
    np.testing.assert_allclose(theirs.lats.T, lat, rtol=0, atol=1e-8)


def test_pysurfex_reads_what_we_write(tmp_path):
    theirs = get_geo_object_from_json_file(written(tmp_path, layouts.pysurfex_text(domains.domain("DEOL"))))
    assert (theirs.nimax, theirs.njmax, theirs.xloncen, theirs.xlat0) == (709, 709, 8.0, 50.0)


def test_pysurfex_takes_the_same_cells_from_harmonie():
    """Its own reader of HARMONIE's variables subtracts the extension zone as we do."""
    for row in tables.rows(tables.path("domains.csv"), domains.COLUMNS):
        if row["name"] in ("IRELAND25_090", "METCOOP25S", "TROMSO"):
            theirs = ConfProjFromHarmonie({key.upper(): value for key, value in row.items()})
            assert (theirs.njmax, theirs.nimax) == domains.domain(row["name"]).shape


# Refusals


@pytest.mark.parametrize(
    "content, name, words",
    [
        ("{", "a.json", "a.json: is not JSON"),
        ("[domain", "a.toml", "a.toml: is not TOML"),
        ("[" * 100_000, "a.json", "a.json: is not JSON"),
        ("[1, 2]", "a.json", "expected a block of keys"),
        ({"METCOOP": {}}, "a.json", "nam_pgd_grid is missing, found metcoop"),
        ({}, "a.json", "nam_pgd_grid is missing, found nothing"),
        ({"nam_pgd_grid": 3}, "a.json", "nam_pgd_grid: found 3, expected a block"),
        (changed("nam_pgd_grid", "cgrid", None), "a.json", "cgrid is missing"),
        (changed("nam_pgd_grid", "cgrid", "IGN"), "a.json", "found 'IGN', expected CONF PROJ or LONLAT REG"),
        (changed("nam_pgd_grid", "cgrid", "LONLAT REG"), "a.json", "nam_lonlat_reg is missing"),
        (changed("nam_conf_proj_grid", "nimax", None), "a.json", "nam_conf_proj_grid: nimax is missing"),
        (changed("nam_conf_proj_grid", "nimax", 49.5), "a.json", "nimax: found 49.5, expected a whole number"),
        (changed("nam_conf_proj_grid", "nimax", True), "a.json", "nimax: found True, expected a number"),
        (changed("nam_conf_proj_grid", "nimax", [1]), "a.json", r"nimax: found \[1\], expected a number"),
        (changed("nam_conf_proj_grid", "xdx", "wide"), "a.json", "xdx: found 'wide', expected a number"),
        (changed("nam_conf_proj_grid", "xdx", 10**400), "a.json", "xdx: found .*, expected a number"),
        (changed("nam_conf_proj", "xlon0", None), "a.json", "nam_conf_proj: xlon0 is missing"),
        ({**LONLAT, "nam_lonlat_reg": {**LONLAT["nam_lonlat_reg"], "nlon": 0}}, "a.json", "found 0 x 24 cells"),
        (DKCOEXP.replace("xloncen", "xlon"), "a.toml", "domain: xloncen is missing, found gridtype, name"),
        ("domain = 3", "a.toml", "domain: found 3, expected a block"),
        ("", "a.toml", "xloncen is missing, found nothing"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_domain_is_refused_in_one_line(tmp_path, content, name, words):
    with pytest.raises(ConfigError, match=words) as caught:
        domains.domain(written(tmp_path, content, name))
    assert name in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "content",
    [
        changed("nam_conf_proj_grid", "nimax", -3),
        changed("nam_conf_proj_grid", "xdx", 0),
        changed("nam_conf_proj_grid", "xlatcen", 99),
        changed("nam_conf_proj", "xlat0", 99),
        changed("nam_conf_proj_grid", "xloncen", float("nan")),
        {**LONLAT, "nam_lonlat_reg": {**LONLAT["nam_lonlat_reg"], "xlonmax": 9}},
    ],
)
def test_a_domain_that_cannot_exist_is_refused_with_its_file(tmp_path, content):
    with pytest.raises(GridError, match=r"a\.json: domain") as caught:
        domains.domain(written(tmp_path, content, "a.json"))
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    for name in ("absent.json", "folder.json", "latin.toml"):
        with pytest.raises(EcosgError, match=name):
            domains.domain(tmp_path / name)


def test_the_margin_is_wider_than_what_pgd_looks_beyond_the_corners():
    assert domains.MARGIN_CELLS >= 1.5
    west, south, east, north = domains.bounds("IRELAND25")
    assert (west, south, east, north) == domains.domain("ireland25").box(domains.MARGIN_CELLS)
    inner = domains.domain("ireland25").box()
    assert west < inner[0] and south < inner[1] and east > inner[2] and north > inner[3]


def test_a_described_domain_holds_the_map_that_from_bounds_makes():
    shown = domains.described(domains.domain("DRAMMEN"), margin=5)
    assert shown["cells"] == [50, 60] and shown["size_km"] == [125.0, 150.0] and shown["source"].startswith("metno")
    for one in shown["maps"]:
        cells = LatLonGrid.from_bounds(one["per_degree"], tuple(shown["box"]))
        assert (one["rows"], one["cols"], one["bounds"]) == (cells.rows, cells.cols, list(cells.bounds))
        assert one["bytes"] == cells.rows * cells.cols
