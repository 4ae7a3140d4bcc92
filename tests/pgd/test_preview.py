"""The whole preview against what the real PGD computed."""

import numpy as np
import pytest

from ecosg_update.errors import ConfigError, CoverageError, GridError
from ecosg_update.fractions import TILES, Fractions
from ecosg_update.pgd.preview import covered, filled_cells, preview, summary
from ecosg_update.pgd.rules import NamCover
from tests.pgd.cases import NAMES, reference, tangent, written

EXACT = 1e-14
"""PGD's own rounding is done as PGD does it, so that nothing but the order of sums is left."""


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_is_what_the_real_pgd_computed(name):
    case = reference(name)
    found = preview(case.stem, case.domain, rules=NamCover.parsed(case.settings))
    cover = case.result["cover"][:, 1:].T.reshape(found.cover.shape)
    np.testing.assert_allclose(found.cover, cover, atol=EXACT, rtol=0)
    np.testing.assert_array_equal(found.cover != 0, cover != 0)
    for tile, values in zip(TILES, found.tile, strict=True):
        np.testing.assert_allclose(values.ravel(), case.result[f"frac_{tile.lower()}"], atol=EXACT, rtol=0)
    lon, lat = case.domain.centres()
    np.testing.assert_allclose(lon.ravel(), case.result["lon"], atol=1e-12)
    np.testing.assert_allclose(lat.ravel(), case.result["lat"], atol=1e-12)
    np.testing.assert_allclose(found.cover.sum(axis=0), 1)
    np.testing.assert_allclose(found.tile.sum(axis=0), 1)


@pytest.mark.parametrize(("name", "filled"), [("mosaic_a_2500m_overhang", 486), ("muenster_60m_1000m", 0)])
def test_the_cells_that_pgd_fills_without_a_word_are_known(name, filled):
    case = reference(name)
    pixels = covered(case.stem, case.domain)
    found = preview(case.stem, case.domain)
    assert pixels.shape == case.domain.shape and (pixels == 0).sum() == filled == found.filled.sum()
    np.testing.assert_array_equal(pixels, found.pixels)
    assert summary(found)["filled"] == filled


def test_the_message_about_filled_cells_says_where():
    case = reference("mosaic_a_2500m_overhang")
    text = filled_cells(preview(case.stem, case.domain))
    lon, lat = case.domain.lonlat(0.5, 0.5)
    assert f"486 of 1,488 cells hold no pixel of the map (the first at {lon:.3f} E {lat:.3f} N)" in text


def test_a_uniform_map_gives_uniform_cells(tmp_path):
    stem = written(tmp_path, np.full((40, 60), 29), 53.2, 52.8, -9, -8)
    found = preview(stem, tangent("x", 5, 4, 2500.0, -8.5, 53.0))
    assert (found.cover[28] == 1).all() and found.cover.sum() == 20
    assert summary(found) == {
        "domain": "x",
        "cells": [5, 4],
        "pixels_per_cell": {"min": int(found.pixels.min()), "median": 4.0, "max": int(found.pixels.max())},
        "filled": 0,
        "tiles": {"sea": 0, "nature": pytest.approx(0.4), "water": 0, "town": pytest.approx(0.6)},
        "covers": [29],
    }


def test_a_domain_beside_the_map_is_not_covered(tmp_path):
    stem = written(tmp_path, np.full((40, 60), 29), 53.2, 52.8, -9, -8)
    with pytest.raises(CoverageError, match="domain away: no pixel of the map with data lies in its 20 cells"):
        preview(stem, tangent("away", 5, 4, 2500.0, 28.5, 53.0))
    assert not covered(stem, tangent("away", 5, 4, 2500.0, 28.5, 53.0)).any()


def test_rules_that_leave_nothing_of_a_cell_are_an_error_and_no_nan(tmp_path):
    stem = written(tmp_path, np.full((40, 60), 1), 53.2, 52.8, -9, -8)
    with pytest.raises(ConfigError, match="every cover of 20 cells"):
        preview(stem, tangent("x", 5, 4, 2500.0, -8.5, 53.0), rules=NamCover(xrm_sea=1))


def test_fractions_check_their_own_shape():
    domain = tangent("x", 5, 4, 2500.0, -8.5, 53.0)
    parts = [np.zeros((count, 4, 5)) for count in (33, 4, 20)]
    with pytest.raises(GridError, match="map pixels"):
        Fractions(domain, *parts, np.zeros((4, 5), np.int32))
    with pytest.raises(GridError, match="tile fractions: found float64 of shape"):
        Fractions(domain, parts[0], parts[2], parts[2], np.zeros((4, 5), np.int64))
