import numpy as np

from ecosg_update import tables
from ecosg_update.simulate.landscape import CLASSES
from ecosg_update.simulate.sky import classified, clear_sky, seen_through, sky
from ecosg_update.simulate.surface import BANDS, materials, surface


def test_every_class_of_a_landscape_has_a_material():
    assert materials().codes == CLASSES


def test_the_true_cover_of_a_class_is_of_the_group_that_the_crosswalk_chooses():
    """The demo's truth follows the tables that it demonstrates, but for sub-types (LCZ of the old town)."""
    cross, ecosg = tables.crosswalk("corine-l3"), tables.legend("ecosg")
    for code, cover in zip(CLASSES, materials().cover, strict=True):
        default = cross.weights[0, cross.source.index(code)].argmax()
        assert ecosg.group[default] == ecosg.group[ecosg.index(int(cover))], code


def test_spectra_are_reflectances():
    spectra = materials().spectra
    assert spectra.shape == (len(CLASSES), 2, len(BANDS))
    assert (spectra > 0).all()
    assert (spectra < 0.7).all()


def test_every_row_of_the_spectra_says_where_it_comes_from():
    rows = tables.rows(tables.path("simulated", "spectra.csv"), ("corine", "state", "source"))
    assert all(row["source"].startswith(("measured", "chosen", "half")) for row in rows)


def test_a_class_looks_like_a_mixture_of_its_two_states(land):
    """Inside stands (away from edges) the mean of each class lies in the box of its states, 15 % wider."""
    values, made_of = surface(land, seed=2), materials()
    for row, code in enumerate(made_of.codes):
        where = land.codes == code
        inner = where[1:-1, 1:-1] & where[:-2, 1:-1] & where[2:, 1:-1] & where[1:-1, :-2] & where[1:-1, 2:]
        if inner.sum() < 50:
            continue
        mean = values[:, 1:-1, 1:-1][:, inner].mean(axis=1)
        low, high = made_of.spectra[row].min(axis=0), made_of.spectra[row].max(axis=0)
        assert (mean > 0.85 * low).all() and (mean < 1.15 * high).all(), code


def test_another_seed_changes_the_season_and_not_the_land(land):
    one, again, other = surface(land, seed=2), surface(land, seed=2), surface(land, seed=3)
    assert np.array_equal(one, again)
    fields = land.codes == 211
    assert np.abs(one - other)[:, fields].mean() > 0.005


def test_a_clear_sky_changes_nothing(land):
    values = surface(land, seed=2)
    above = clear_sky(land.grid.shape)
    assert np.array_equal(seen_through(values, above), values)
    assert set(np.unique(classified(land, values, above))) <= {4, 5, 6}


def test_clouds_cover_what_they_should_and_the_shadow_lies_away_from_the_sun():
    above = sky((402, 390), seed=6)
    assert 0.02 < (above.cloud > 0.02).mean() < 0.09
    # Sun 31.2 degrees from the zenith in the south-south-east, cloud base 1200 m: 66 rows up, 31 columns left.
    moved = above.cloud[66:, 31:]
    lit_by_no_other = above.cloud[:-66, :-31] == 0
    assert np.allclose(above.shadow[:-66, :-31][lit_by_no_other], moved[lit_by_no_other])


def test_clouds_are_bright_and_shadows_dark(land):
    values = surface(land, seed=2)
    above = sky(land.grid.shape, seed=2)
    seen = seen_through(values, above)
    red = BANDS.index("B04")
    assert (seen[red][above.cloud > 0.9] > 0.4).all()
    shaded = (above.shadow > 0.95) & (above.cloud == 0)
    assert (seen[red][shaded] < 0.5 * values[red][shaded]).all()


def test_the_classification_knows_water_cloud_shadow_and_no_data(land):
    values = surface(land, seed=2)
    above = sky(land.grid.shape, seed=2)
    scl = classified(land, values, above)
    assert set(np.unique(scl)) <= {0, 3, 4, 5, 6, 8, 9, 10}
    assert np.array_equal(scl == 0, ~above.valid)
    clear = above.valid & (above.cloud == 0) & (above.shadow == 0)
    assert np.array_equal((scl == 6)[clear], np.isin(land.codes, (511, 512, 523))[clear])
    assert np.isin(scl[above.valid & (above.cloud > 0.7)], (8, 9)).all()
