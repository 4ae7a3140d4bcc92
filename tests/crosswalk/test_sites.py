"""Hard cases as regression sites: drawn landscapes with their truth, originals with mistakes, and the evidence.

The evidence is CORINE level 3 as an engine would see it; what the rules make of it is compared with the truth. No
real place is meant.
"""

from dataclasses import dataclass

import numpy as np

from ecosg_update import tables
from ecosg_update.config import CrosswalkSection, RulesSection
from ecosg_update.crosswalk.apply import covers
from ecosg_update.crosswalk.context import context
from ecosg_update.crosswalk.crops import crops
from ecosg_update.crosswalk.rules import applied, recorded
from ecosg_update.crosswalk.sieve import sieved
from ecosg_update.crosswalk.snow import snow
from ecosg_update.crosswalk.towns import towns_of_form
from ecosg_update.crosswalk.water import Waters, as_one_water, kinds, settled
from ecosg_update.crosswalk.wetlands import wetlands
from ecosg_update.deciding import rules
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Prediction, Reason
from ecosg_update.patch.decide import Policy, decided

ECOSG = tables.legend("ecosg")
CORINE = tables.legend("corine-l3")
FREE = Policy(protect=(), never_new=())
SHAPE = (24, 30)


@dataclass(frozen=True)
class Site:
    """classes: CORINE codes (y, x). base: covers (y, x). zone: of the crosswalk. doubt: part of each cell's
    probability that goes to a second class."""

    classes: np.ndarray
    base: np.ndarray
    zone: str = "temperate"
    doubt: tuple[float, int] = (0.0, 231)

    @property
    def grid(self):
        return LatLonGrid(360, 13212, 61524, *self.classes.shape)

    @property
    def original(self):
        return CoverMap(self.base.astype(np.uint8), self.grid, ECOSG)

    def evidence(self):
        sure, other = 1 - self.doubt[0], self.doubt[1]
        values = np.zeros((len(CORINE), *self.classes.shape), np.float32)
        for code in np.unique(self.classes):
            values[CORINE.index(int(code))] = sure * (self.classes == code)
        values[CORINE.index(other)] += self.doubt[0]
        return Prediction(values, np.ones(self.classes.shape, np.float32), CORINE, self.grid, "drawn")

    def context(self):
        crosswalk = tables.crosswalk("corine-l3")
        zone = crosswalk.zones.index(self.zone)
        return context(self.original, self.original, crosswalk, zone=zone)

    def patched(self, *cell_rules, water=False, told=False, smallest=1, policy=FREE):
        found = covers(self.evidence(), tables.crosswalk("corine-l3"), self.context())
        found, chosen = applied(found, cell_rules)
        if water:
            found = as_one_water(found, self.original.codes).prediction
        patch = recorded(decided(found, self.original, policy), chosen)
        patch = sieved(patch, found, smallest)
        if not water:
            return patch
        waters = Waters(patch.cover.codes, patch.base, np.zeros(SHAPE, np.bool_), (0.31, 0.19), told)
        return settled(patch, kinds(waters), protected=[], never_new=[])


def full(value):
    return np.full(SHAPE, value)


def drawn(ground, *boxes):
    """A map of one value with boxes (rows, columns, value) upon it."""
    layer = full(ground)
    for rows, cols, value in boxes:
        layer[slice(*rows), slice(*cols)] = value
    return layer


BOG, HEATH = ((4, 14), (3, 13)), ((4, 14), (16, 26))


def test_irish_bog_and_heath_are_told_apart_by_the_peat():
    """CORINE calls both 322: the one on peat is flooded grassland, the one on mineral soil shrubs."""
    site = Site(drawn(231, (*BOG, 322), (*HEATH, 322)), full(17), zone="ireland")
    peat = drawn(0.0, (*BOG, 1.0)).astype(np.float32)
    without = site.patched().cover.codes
    found = site.patched(lambda one: wetlands(one, site.context(), peat))
    assert (without[6, 5], without[6, 20]) == (15, 15)
    assert np.array_equal(found.cover.codes, drawn(17, (*BOG, 23), (*HEATH, 15)))
    assert (found.reason[4:14, 3:13] == Reason.RULE_WETLANDS).all()


def test_a_burren_of_bare_rock_is_not_snow():
    """Limestone shines like old snow: an engine that sees a glacier in the lowlands is overruled."""
    site = Site(drawn(231, ((3, 20), (5, 25), 335)), drawn(17, ((3, 20), (5, 25), 5)), zone="ireland")
    found = site.patched(lambda one: snow(one, site.context(), np.zeros(SHAPE, np.bool_)))
    assert np.array_equal(found.cover.codes, site.base) and (found.reason[3:20, 5:25] == Reason.RULE_SNOW).all()


def test_a_turlough_is_a_lake_and_not_a_river_nor_sea():
    """A seasonal lake on grass, seen in a wet winter as any water at all."""
    site = Site(drawn(231, ((8, 14), (10, 17), 523)), full(17), zone="ireland", doubt=(0.2, 231))
    found = site.patched(water=True).cover.codes
    assert np.array_equal(found, drawn(17, ((8, 14), (10, 17), 2)))


def test_an_estuary_is_sea_at_its_mouth_and_river_upstream_whatever_the_tide():
    """At high tide water covers the flats; the land-sea mask moves by the stated reach and no further."""
    site = Site(drawn(231, ((0, 24), (0, 4), 523), ((11, 13), (4, 30), 522)), drawn(17, ((0, 24), (0, 4), 1)))
    found = site.patched(water=True).cover.codes
    assert (found[:, :4] == 1).all() and (found[11:13, 4:14] == 1).all()
    assert (found[11:13, 15:] == 3).all()
    assert np.array_equal(site.patched(water=True, told=True).cover.codes, found)
    dry = Site(np.where(site.classes == 522, 231, site.classes), site.base).patched(water=True).cover.codes
    assert np.array_equal(dry, site.base)


def test_an_archipelago_keeps_its_islands_and_its_sea_is_one():
    """New islands of several cells stand, a single cell (a ship) does not, and water between islands is sea."""
    islands = [((3, 6), (4, 8)), ((10, 13), (14, 18)), ((16, 19), (6, 9))]
    truth = drawn(523, *((*box, 322) for box in islands), ((20, 21), (25, 26), 121))
    site = Site(truth, drawn(1, ((3, 6), (4, 8), 15), ((10, 13), (10, 18), 15)))
    found = site.patched(water=True).cover.codes
    assert np.array_equal(found, drawn(1, *((*box, 15) for box in islands)))


def test_an_alpine_glacier_keeps_its_ice_and_winter_snow_around_it_melts():
    """All is white in a winter scene; ice lasts where it was, or where a mask of glaciers has it."""
    ice = ((6, 12), (8, 16))
    site = Site(full(335), drawn(5, (*ice, 6), ((15, 24), (0, 30), 13)))
    section = CrosswalkSection(rules=RulesSection())
    found = site.patched(*rules.cell_rules(site.context(), site.original, section)).cover.codes
    assert (found[6:12, 8:16] == 6).all() and (found[18:] == 13).all() and (found[:, 26:] != 6).all()
    assert np.count_nonzero(found == 6) == (6 + 2 * 4) * (8 + 2 * 6)  # a kilometre: 4 rows, 6 columns at 53 N


def test_a_polder_behind_its_dike_is_no_sea_and_its_cut_off_water_is_a_lake():
    """A dam of new land closes a bay: what stays wet behind it is fresh."""
    site = Site(
        drawn(523, ((0, 24), (14, 16), 121), ((0, 10), (16, 30), 211)),
        full(1),
        zone="temperate",
    )
    found = site.patched(water=True).cover.codes
    assert (found[:, :14] == 1).all() and (found[10:, 16:] == 2).all()
    assert (found[:10, 16:] == 19).all() and (found[:, 14:16] == 31).all()


def test_a_rice_plain_follows_its_crop_map_and_flooded_fields_stay_fields():
    """Flooded fields are seen as water by a third: crops win, and the map says which."""
    site = Site(full(213), full(19), zone="mediterranean", doubt=(0.35, 512))
    rice = np.full(SHAPE, 20, np.uint8)
    found = site.patched(lambda one: crops(one, rice), water=True)
    assert (found.cover.codes == 20).all() and (found.reason == Reason.RULE_CROPS).all()


def test_an_airport_by_the_sea_is_grass_and_the_coast_stays():
    """Runways on a filled bay: the fill is land, its edge is the coast, no cell of sea is left inside."""
    site = Site(drawn(523, ((0, 24), (0, 12), 231), ((8, 14), (12, 20), 124)), drawn(1, ((0, 24), (0, 12), 17)))
    found = site.patched(water=True).cover.codes
    assert np.array_equal(found, drawn(1, ((0, 24), (0, 12), 17), ((8, 14), (12, 20), 17)))


def test_a_new_suburb_on_crops_is_open_and_low_and_its_single_farm_is_no_town():
    """The original has crops; sealing and height say which kind of town stands there now."""
    site = Site(drawn(211, ((6, 14), (8, 18), 112), ((20, 21), (25, 26), 112)), full(19), doubt=(0.3, 211))
    sealed = drawn(0.05, ((6, 10), (8, 18), 0.55), ((10, 14), (8, 18), 0.3)).astype(np.float32)
    low = full(6.0).astype(np.float32)
    found = site.patched(lambda one: towns_of_form(one, sealed, low), smallest=3)
    assert np.array_equal(found.cover.codes, drawn(19, ((6, 10), (8, 18), 29), ((10, 14), (8, 18), 32)))
    assert found.reason[20, 25] == Reason.RULE_PATCH_SIZE


def test_the_same_suburb_without_rasters_takes_the_towns_around_it():
    """R1 and R2: the majority of the original's local climate zones within the radius."""
    site = Site(drawn(211, ((6, 14), (8, 18), 112)), drawn(19, ((0, 3), (0, 6), 28)))
    assert (site.patched().cover.codes[6:14, 8:18] == 28).all()
