"""Configurations over the real data, and the laws that every training set keeps."""

from tests.conftest import shared

LANDSAT = {
    "bands": ["B02", "B03", "B04", "B8A", "B11", "B12"],
    "quantification": 1 / 2.75e-5,
    "offset": -0.2 / 2.75e-5,
    "level": "L2A",
}


def lanjaron(**changes):
    """The real Landsat image with real CORINE polygons, as plain values of a configuration."""
    scene = shared("landsat8_clc_lanjaron", "landsat8_6band.tif")
    labels = shared("landsat8_clc_lanjaron", "clc2018_polygons.gpkg")
    document = {
        "samples": {"bands": LANDSAT["bands"], "pixel_m": 30, "level": "L2A", "tile": 32},
        "labels": {"level": 2},
        "source": [{"kind": "scene", "path": str(scene), "labels": str(labels), **LANDSAT}],
        "split": {"kind": "blocks", "side_km": 2.5, "margin_km": 0.3, "train": 0.5, "val": 0.2, "test": 0.3},
    }
    for section, keys in changes.items():
        document[section] = {**document.get(section, {}), **keys} if isinstance(keys, dict) else keys
    return document


def patches(version="bigearthnet-v1", **keys):
    """The real BigEarthNet patches as a source."""
    return {"kind": version, "path": str(shared("bigearthnet_s2_patches")), **keys}


def adds_up(counts):
    """Every pixel that came in was kept or dropped by one named rule; every piece is a sample or was lost to one."""
    assert counts["pixels"] == counts["labelled"] + sum(counts["dropped_pixels"].values())
    assert counts["pieces"] == counts["samples"] + sum(counts["dropped_pieces"].values())
    assert counts["pixels"] > 0
