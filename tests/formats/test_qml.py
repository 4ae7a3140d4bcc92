"""The style beside a GeoTIFF says what the legend says, to any reader of QGIS's format and to QGIS itself."""

import json
import os
import subprocess
from xml.etree import ElementTree

import numpy as np
import pytest

from ecosg_update import tables
from ecosg_update.formats import geotiff, qml
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap
from ecosg_update.legend import Legend
from tests.formats.maps import IRELAND, PROVENANCE, cover

IN_QGIS = """
import json, sys
from qgis.core import QgsApplication, QgsRasterLayer
application = QgsApplication([], False)
application.initQgis()
layer = QgsRasterLayer(sys.argv[1], "cover", "gdal")
classes = [[int(one.value), one.label, one.color.name()] for one in layer.renderer().classes()]
print(json.dumps({"classes": classes, "grid": [layer.crs().authid(), layer.width(), layer.height()]}))
"""
"""What QGIS makes of a raster that is merely opened: no style is loaded by hand."""


@pytest.mark.parametrize("name", ["ecosg", "corine-l2", "worldcover"])
def test_each_class_has_its_code_name_and_colour_once(name):
    legend = tables.legend(name)
    root = ElementTree.fromstring(qml.style(legend))
    (renderer,) = root.iter("rasterrenderer")
    assert renderer.get("type") == "paletted" and renderer.get("band") == "1"
    entries = [(int(one.get("value")), one.get("label"), one.get("color")) for one in root.iter("paletteEntry")]
    shown = zip(legend.codes, legend.names, legend.colours, strict=True)
    assert entries == [(code, f"{code} {text}", "#{:02x}{:02x}{:02x}".format(*rgb)) for code, text, rgb in shown]


def test_names_with_the_signs_of_xml_come_back():
    odd = Legend("odd", (1,), ('<a> & "b"',), ((1, 2, 255),), ("x",), (1,))
    (entry,) = ElementTree.fromstring(qml.style(odd)).iter("paletteEntry")
    assert entry.get("label") == '1 <a> & "b"' and entry.get("color") == "#0102ff"


def test_the_style_has_the_name_that_qgis_looks_for(tmp_path):
    *_, style = geotiff.write(cover(IRELAND), tmp_path / "ecosg_V0.1.tif", provenance=PROVENANCE)
    assert style == tmp_path / "ecosg_V0.1.qml" and style.read_text().startswith("<!DOCTYPE qgis")


def test_qgis_itself_draws_the_legend(tmp_path):
    python = os.environ.get("QGIS_PYTHON", "python3")
    asked = subprocess.run([python, "-c", "import qgis.core"], capture_output=True, check=False)
    if asked.returncode:
        pytest.skip(f"{python} has no QGIS (python3-qgis); name one that has as QGIS_PYTHON")
    legend = tables.legend("ecosg")
    grid = LatLonGrid(360, 13212, 61524, 3, 11)
    codes = np.arange(1, 34, dtype=np.uint8).reshape(grid.shape)
    path, *_ = geotiff.write(CoverMap(codes, grid, legend), tmp_path / "a.tif", provenance=PROVENANCE)
    done = subprocess.run([python, "-c", IN_QGIS, path], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    named = zip(legend.codes, legend.names, legend.colours, strict=True)
    assert found["classes"] == [[code, f"{code} {name}", qml.text(colour)] for code, name, colour in named]
    assert found["grid"] == ["EPSG:4326", 11, 3]
