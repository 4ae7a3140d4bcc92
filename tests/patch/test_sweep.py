"""A change that sweeps over a kind of land is told; a renewal is not."""

import numpy as np
import pytest

from ecosg_update import tables
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Reason
from ecosg_update.patch.sweep import FEWEST, PART, moves, sweeps, swept

ECOSG = tables.legend("ecosg")
GRID = LatLonGrid(360, 100, 200, 20, 30)


def patch(codes, base, unseen=None):
    codes, base = (np.broadcast_to(np.asarray(one, np.uint8), GRID.shape).copy() for one in (codes, base))
    reason = np.where(codes == base, Reason.UNCHANGED, Reason.CHANGED).astype(np.uint8)
    if unseen is not None:
        reason[unseen] = Reason.KEPT_NO_DATA
    return Patch(CoverMap(codes, GRID, ECOSG), base, reason, np.ones(GRID.shape, np.float32))


def first(count, new=19, old=17):
    """Grass, the first cells of it another cover."""
    return np.where(np.arange(600) < count, new, old).reshape(GRID.shape)


def test_pasture_that_becomes_crops_by_several_names_is_one_sweep():
    codes = first(300)
    codes.ravel()[:150] = 21
    (found,) = sweeps(patch(codes, 17))
    assert (found.old, found.new, found.cells, found.part) == ("grassland", "crops", 300, 0.5)
    assert "50% of what was seen of grassland became crops (300 cells)" in found.text


@pytest.mark.parametrize(("count", "told"), [(int(600 * PART) - 1, 0), (int(600 * PART), 1)])
def test_the_part_of_what_was_seen_decides(count, told):
    assert len(sweeps(patch(first(count), 17))) == told


def test_what_was_not_seen_does_not_count():
    unseen = first(0).astype(bool)
    unseen.ravel()[:400] = False
    assert sweeps(patch(first(200), 17)) == ()
    assert sweeps(patch(first(200), 17, unseen))[0].part == 0.5


def test_few_cells_another_sub_type_and_no_data_are_no_sweep():
    rare = np.full(GRID.shape, 8)
    rare.ravel()[: FEWEST - 1] = 17
    assert sweeps(patch(8, rare)) == ()
    assert sweeps(patch(13, 8)) == ()
    assert sweeps(patch(17, 0)) == () and sweeps(patch(0, 17)) == ()


def test_pieces_of_a_map_add_up():
    whole = patch(first(300), 17)
    pieces = []
    for rows in (slice(0, 7), slice(7, 20)):
        cells = LatLonGrid(360, 100 + rows.start, 200, rows.stop - rows.start, 30)
        cover = CoverMap(whole.cover.codes[rows], cells, ECOSG)
        pieces.append(moves(Patch(cover, whole.base[rows], whole.reason[rows], whole.confidence[rows])))
    assert swept(pieces[0] + pieces[1], ECOSG) == sweeps(whole)
