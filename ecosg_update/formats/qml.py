"""The style that QGIS gives to a raster of classes when it opens it: the legend's names and colours.

QGIS looks for it under the name of the raster with the ending `.qml`. Only the renderer is written: what the file
leaves out keeps the user's own defaults, so that every release since 3.4 takes it.
"""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from ecosg_update.legend import Legend

HEAD = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
"""QGIS's own first line of a style."""

SINCE = "3.4"
"""The release that brought the renderer `paletted` with its colours in this form."""


def style(legend: Legend) -> str:
    """The style of the classes of `legend` in band 1, one line a class in the legend's order; 0 is not drawn."""
    root = Xml.Element("qgis", version=SINCE, styleCategories="Symbology")
    pipe = Xml.SubElement(root, "pipe")
    renderer = Xml.SubElement(pipe, "rasterrenderer", type="paletted", band="1", opacity="1", alphaBand="-1")
    palette = Xml.SubElement(renderer, "colorPalette")
    for code, name, colour in zip(legend.codes, legend.names, legend.colours, strict=True):
        label = f"{code} {name}"
        Xml.SubElement(palette, "paletteEntry", value=str(code), label=label, color=text(colour), alpha="255")
    Xml.indent(root)
    return HEAD + Xml.tostring(root, encoding="unicode") + "\n"


def text(colour: tuple[int, int, int]) -> str:
    """A colour as #rrggbb."""
    return "#" + bytes(colour).hex()
