"""The catalogue item is valid STAC, tells the truth about the files beside it, and others can read it.

The core is checked against the published schema of STAC 1.1.0, which pystac carries. The schemas of the extensions
are only on the web: their rules for the fields that are written stand here as a schema of our own.
"""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ecosg_update import tables
from ecosg_update.errors import ConfigError
from ecosg_update.formats import products, stac
from ecosg_update.formats.stac import Period
from ecosg_update.grid import LatLonGrid
from tests.conftest import say
from tests.formats.maps import DATELINE, ECOSG, IRELAND, PROVENANCE, patch

NOON = datetime(2021, 6, 5, 12, tzinfo=UTC)
MOMENT = Period(NOON, NOON)
ABSENT = "pystac[validation] is not installed"
CLASS = {
    "type": "object",
    "required": ["value", "name"],
    "properties": {
        "value": {"type": "integer"},
        "name": {"type": "string", "pattern": "^[0-9A-Za-z_-]+$"},
        "title": {"type": "string"},
        "description": {"type": "string"},
        "color_hint": {"type": "string", "pattern": "^[0-9A-F]{6}$"},
        "nodata": {"type": "boolean"},
    },
    "additionalProperties": False,
}
CLASSES = {"type": "array", "minItems": 1, "uniqueItems": True, "items": CLASS}
ASSET = {
    "type": "object",
    "properties": {
        "classification:classes": CLASSES,
        "bands": {"type": "array", "items": {"properties": {"classification:classes": CLASSES}}},
        "file:size": {"type": "integer", "minimum": 0},
        "file:checksum": {"type": "string", "pattern": "^[0-9a-f]+$"},
    },
    "patternProperties": {"^(?!classification:|file:)": {}},
    "additionalProperties": False,
}
PROJECTED = {
    "type": "object",
    "properties": {
        "proj:code": {"type": "string"},
        "proj:shape": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        "proj:transform": {"type": "array", "items": {"type": "number"}, "minItems": 6, "maxItems": 6},
    },
    "patternProperties": {"^(?!proj:)": {}},
    "additionalProperties": False,
}
OURS = {"properties": {"assets": {"additionalProperties": ASSET}, "properties": PROJECTED}}


def item(folder: Path, grid: LatLonGrid, when: Period = MOMENT) -> dict:
    files = products.write_patch(patch(grid), folder / "a", provenance=PROVENANCE)
    held = {file: file for file in files}
    bands = stac.patch_bands(ECOSG)
    text = stac.text(folder / "a", grid, ECOSG, held, about=PROVENANCE, when=when, bands=bands)
    return json.loads(text)


@pytest.mark.parametrize("grid", [IRELAND, DATELINE, LatLonGrid(1, 0, 0, 180, 360)])
@pytest.mark.parametrize("when", [MOMENT, Period.parsed("2018-01-01/2018-12-31")])
def test_it_is_valid_against_the_published_schema_of_an_item(tmp_path, grid, when):
    pystac = pytest.importorskip("pystac", reason=ABSENT)
    pytest.importorskip("jsonschema", reason=ABSENT)
    validation = pytest.importorskip("pystac.validation.stac_validator")
    found = item(tmp_path, grid, when)
    validator = validation.JsonSchemaSTACValidator()
    kind = pystac.STACObjectType.ITEM
    assert validator.validate_core(found, kind, stac.VERSION).endswith("item.json")
    with pytest.raises(pystac.STACValidationError):
        validator.validate_core(found | {"bbox": [1.0]}, kind, stac.VERSION)


def test_the_fields_of_the_extensions_keep_their_rules(tmp_path):
    jsonschema = pytest.importorskip("jsonschema", reason=ABSENT)
    found = item(tmp_path, IRELAND)
    jsonschema.validate(found, OURS)
    found["assets"]["tif"]["classification:classes"][3]["name"] = "two words"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, OURS)


def test_pystac_reads_classes_lattice_and_files(tmp_path):
    pystac = pytest.importorskip("pystac", reason=ABSENT)
    classification, file, projection = (
        pytest.importorskip(f"pystac.extensions.{name}") for name in ("classification", "file", "projection")
    )
    found = pystac.Item.from_dict(item(tmp_path, IRELAND))
    assert found.datetime == NOON
    shown = classification.ClassificationExtension.ext(found.assets["tif"]).classes[1:]
    named = [(one.value, one.title, one.color_hint) for one in shown]
    colours = [bytes(colour).hex().upper() for colour in ECOSG.colours]
    assert named == list(zip(ECOSG.codes, ECOSG.names, colours, strict=True))
    lattice = projection.ProjectionExtension.ext(found)
    assert (lattice.epsg, lattice.shape) == (4326, [13, 21])
    assert lattice.transform == list(IRELAND.transform)[:6]
    assert file.FileExtension.ext(found.assets["dir"]).size == 13 * 21


def test_every_file_is_an_asset_with_its_own_checksum(tmp_path):
    found = item(tmp_path, IRELAND)
    assert set(found["assets"]) == {"dir", "hdr", "nc", "tif", "tif.aux.xml", "qml"}
    for asset in found["assets"].values():
        content = (tmp_path / asset["href"]).read_bytes()
        assert asset["file:size"] == len(content)
        assert asset["file:checksum"] == "1220" + hashlib.sha256(content).hexdigest()


def test_names_of_classes_are_those_of_the_netcdf_and_values_occur_once():
    for name in tables.legend_names():
        legend = tables.legend(name)
        found = stac.classes(legend)
        assert [one["value"] for one in found] == [0, *legend.codes]
        assert len({one["name"] for one in found}) == len(found)


def test_across_the_dateline_the_outline_is_two_boxes_of_the_same_area(tmp_path):
    found = item(tmp_path, DATELINE)
    west, south, east, north = found["bbox"]
    assert east < west and (south, north) == (DATELINE.south, DATELINE.north)
    assert found["geometry"]["type"] == "MultiPolygon"
    rings = [np.array(ring) for (ring,) in found["geometry"]["coordinates"]]
    assert all(np.abs(ring[:, 0]).max() <= 180 for ring in rings)
    spans = sum(np.ptp(ring[:, 0]) for ring in rings)
    assert spans == pytest.approx(DATELINE.cols / DATELINE.per_degree)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2018-07-01", "2018-07-01T00:00:00+00:00", "2018-07-01T00:00:00+00:00"),
        ("2018-07-01T12:30:00+02:00", "2018-07-01T10:30:00+00:00", "2018-07-01T10:30:00+00:00"),
        ("2018-01-01/2018-12-31", "2018-01-01T00:00:00+00:00", "2018-12-31T00:00:00+00:00"),
    ],
)
def test_a_time_is_a_moment_or_a_span(text, start, end):
    found = Period.parsed(text)
    assert (found.start.isoformat(), found.end.isoformat()) == (start, end)


@pytest.mark.parametrize(
    "text", ["", "2018", "last summer", "2018-01-01/2018-02-01/2018-03-01", "2019-01-01/2018-01-01"]
)
def test_another_text_is_no_time(text):
    with pytest.raises(ConfigError, match="time: "):
        Period.parsed(text)


def test_a_run_leaves_an_item_of_all_its_files(simulated):
    folder, _ = simulated
    output = folder / "output"
    found = json.loads((output / "simulated_demo.stac.json").read_text())
    named = {asset["href"].removeprefix("./") for asset in found["assets"].values()}
    assert named == {path.name for path in output.iterdir()} - {"simulated_demo.stac.json"}
    assert found["properties"]["datetime"] and len(found["assets"]["nc"]["bands"]) == 3
    manifest = json.loads((output / "simulated_demo_manifest.json").read_text())
    content = (output / "simulated_demo.stac.json").read_bytes()
    assert manifest["products"]["simulated_demo.stac.json"] == hashlib.sha256(content).hexdigest()


def test_export_writes_an_item_when_it_is_told_the_time(simulated, tmp_path):
    base = simulated[0] / "input" / "simulated_base.dir"
    said = say("export", base, "-o", tmp_path / "b.tif", "--stac", "2018-01-01/2018-12-31")
    assert said.code == 0 and said.out.split()[-1] == str(tmp_path / "b.stac.json")
    found = json.loads((tmp_path / "b.stac.json").read_text())
    assert found["properties"]["datetime"] is None
    assert found["properties"]["end_datetime"] == "2018-12-31T00:00:00Z"
    said = say("export", base, "-o", tmp_path / "c.tif", "--stac", "yesterday")
    assert said.code == 2 and "time: found 'yesterday'" in said.err
    said = say("export", base, "-o", tmp_path / "tiles", "--tiles", 1, "--stac", "2018-01-01")
    assert said.code == 2 and sorted(path.name for path in tmp_path.iterdir()) == [
        "b.qml", "b.stac.json", "b.tif", "b.tif.aux.xml"
    ]  # fmt: skip
