import numpy as np
import pytest

from ecosg_update.errors import ConfigError, TableError
from ecosg_update.formats import direct
from ecosg_update.inspection.source import Piece, opened
from ecosg_update.inspection.strata import CHANGE, CONFIDENCE, stratification
from ecosg_update.layers import CoverMap
from tests.inspection.made import ECOSG, GRID, patched


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    patch, file = patched(tmp_path_factory.mktemp("strata"))
    return patch, opened(file)


def test_each_cell_is_in_the_stratum_whose_name_says_what_it_is(made):
    patch, source = made
    strata = stratification(source, ("class", "confidence", "change"))
    number = strata.numbers(source.read(GRID))
    for row, col in np.ndindex(GRID.shape):
        code, sure = int(patch.cover.codes[row, col]), float(patch.confidence[row, col])
        if code == 0:
            assert number[row, col] == -1
            continue
        level = CONFIDENCE[0 if sure == 0 else 1 + (sure >= 0.5) + (sure >= np.float32(0.8))]
        change = CHANGE[int(code != patch.base[row, col])]
        assert strata.names[number[row, col]] == f"{code} {ECOSG.name_of(code)}, {level}, {change}"


def test_groups_are_the_classes_put_together(made):
    _, source = made
    piece = source.read(GRID)
    by_class, by_group = (stratification(source, (one,)) for one in ("class", "group"))
    fine, coarse = by_class.numbers(piece), by_group.numbers(piece)
    for code, group in zip(ECOSG.codes, ECOSG.group, strict=True):
        own = fine == ECOSG.index(code)
        assert {by_group.names[at] for at in np.unique(coarse[own])} <= {group}


def test_what_is_left_out_is_left_out_only_where_both_maps_hold_it(made):
    patch, source = made
    number = stratification(source, ("class",), ("sea", "2")).numbers(source.read(GRID))
    both = np.isin(patch.cover.codes, (1, 2)) & np.isin(patch.base, (1, 2))
    assert np.array_equal(number == -1, both | (patch.cover.codes == 0))


def test_a_bare_map_knows_its_classes_and_with_its_original_its_changes(made, tmp_path):
    patch, _ = made
    new, old = tmp_path / "new.dir", tmp_path / "old.dir"
    direct.write(patch.cover, new, title="MADE new")
    direct.write(CoverMap(patch.base, GRID, ECOSG), old, title="MADE old")
    with pytest.raises(ConfigError, match="says nothing of change"):
        stratification(opened(new), ("class", "change"))
    with pytest.raises(ConfigError, match="says nothing of confidence"):
        stratification(opened(new, base=old), ("confidence",))
    source = opened(new, base=old)
    piece = source.read(GRID)
    changed = stratification(source, ("change",)).numbers(piece) == 1
    assert np.array_equal(changed, patch.changed)
    assert np.array_equal(
        stratification(opened(new), ("class",)).numbers(Piece(GRID, piece.cover)) >= 0, piece.cover > 0
    )


@pytest.mark.parametrize("by", [(), ("class", "class"), ("class", "group"), ("colour",)])
def test_strata_that_cannot_be_are_refused(made, by):
    with pytest.raises(ConfigError, match="expected some of class,group,confidence,change"):
        stratification(made[1], by)


def test_what_cannot_be_left_out_is_named(made):
    with pytest.raises(ConfigError, match="'marsh' is no code, group or family"):
        stratification(made[1], ("class",), ("marsh",))
    with pytest.raises(TableError, match="99"):
        stratification(made[1], ("class",), ("99",))


@pytest.mark.parametrize("by", [("class", "change"), ("confidence",), ("group", "confidence", "change")])
def test_the_table_of_combinations_says_what_the_cells_say(made, by):
    _, source = made
    strata = stratification(source, by, ("sea",))
    piece = source.read(GRID)
    assert np.array_equal(strata.table[strata.combined(piece)], strata.numbers(piece))
