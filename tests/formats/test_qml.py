"""The style beside a GeoTIFF says what the legend says, to any reader of QGIS's format and to QGIS itself."""

from xml.etree import ElementTree

import numpy as np
import pytest

from ecosg_update import tables
from ecosg_update.formats import geotiff, qml
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap
from ecosg_update.legend import Legend
from tests.formats.maps import IRELAND, PROVENANCE, cover


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
    core = pytest.importorskip("qgis.core", reason="QGIS (python3-qgis) is not installed for this Python")
    legend = tables.legend("ecosg")
    grid = LatLonGrid(360, 13212, 61524, 3, 11)
    codes = np.arange(1, 34, dtype=np.uint8).reshape(grid.shape)
    path, *_ = geotiff.write(CoverMap(codes, grid, legend), tmp_path / "a.tif", provenance=PROVENANCE)
    application = core.QgsApplication([], False)
    application.initQgis()
    layer = core.QgsRasterLayer(str(path), "cover", "gdal")
    message, found = layer.loadDefaultStyle()
    assert found, message
    shown = {int(one.value): (one.label, one.color.name()) for one in layer.renderer().classes()}
    named = zip(legend.codes, legend.names, legend.colours, strict=True)
    assert shown == {code: (f"{code} {name}", "#" + bytes(colour).hex()) for code, name, colour in named}
