"""The written table: read again it is the posterior, and what was not learned is the expert's, letter by letter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.errors import ConfigError, TableError
from ecosg_update.learned.counts import Counts
from ecosg_update.learned.posterior import Posterior
from ecosg_update.learned.prior import prior
from ecosg_update.learned.rows import PARTS, parts, rows, text

SOURCE, COVERS = tables.legend("dynamicworld"), tables.legend("ecosg")


def counts(classes=(1, 4, 8), target=COVERS, seed=0):
    """Twenty blocks in which only some classes occur."""
    rng, found = np.random.default_rng(seed), Counts.zero(SOURCE, target)
    for _ in range(20):
        block = np.zeros((len(SOURCE), len(target)))
        for at in classes:
            block[at] = rng.multinomial(80, rng.dirichlet(np.ones(len(target))))
        found.add(block)
    return found


def written(folder, found, expert, zone="temperate"):
    """The learned table on the disk."""
    path = folder / f"{expert.source.name}--{expert.target.name}.csv"
    path.write_text(text(rows(found, expert, zone=zone, reference="a test, for certain")))
    return path


@given(st.lists(st.floats(0, 1), min_size=1, max_size=44).filter(any))
def test_rounded_weights_sum_to_one_and_are_less_than_a_part_away(values):
    weights = np.array(values) / np.sum(values)
    found = parts(weights)
    assert found.sum() == PARTS
    assert np.abs(found / PARTS - weights).max() < 1 / PARTS + 1e-12


def test_the_table_that_is_read_again_is_the_posterior(tmp_path):
    expert = prior(SOURCE, COVERS)
    found = Posterior(expert.weights, counts())
    again = tables.crosswalk_file(written(tmp_path, found, expert))
    np.testing.assert_allclose(again.weights[0], found.weights, atol=1.01 / PARTS)
    shipped = tables.crosswalk("dynamicworld")
    assert again.zones == shipped.zones
    assert (again.inherit, again.neighbours) == (shipped.inherit, shipped.neighbours)


def test_without_data_the_file_is_the_experts(tmp_path):
    expert = prior(SOURCE, COVERS)
    path = written(tmp_path, Posterior(expert.weights, Counts.zero(SOURCE, COVERS)), expert)
    lines = tables.rows(path, tables.CROSSWALK_COLUMNS)
    assert sorted(map(tuple, (line.items() for line in lines))) == sorted(
        map(tuple, (line.items() for line in tables.table("dynamicworld--ecosg")))
    )


def test_only_the_learned_zone_changes(tmp_path):
    expert = prior(SOURCE, COVERS, zone="boreal")
    again = tables.crosswalk_file(written(tmp_path, Posterior(expert.weights, counts()), expert, "boreal"))
    shipped = tables.crosswalk("dynamicworld")
    boreal = shipped.zones.index("boreal")
    np.testing.assert_array_equal(
        np.delete(again.weights, boreal, axis=0), np.delete(shipped.weights, boreal, axis=0)
    )
    assert (again.weights[boreal][[1, 4, 8]] != shipped.weights[boreal][[1, 4, 8]]).any(axis=1).all()


@pytest.mark.parametrize("target", ["corine-l1", "corine-l2", "corine-l3"])
def test_a_table_towards_corine_comes_from_groupings_alone(tmp_path, target):
    legend = tables.legend(target)
    expert = prior(SOURCE, legend)
    found = Posterior(expert.weights, counts(target=legend))
    again = tables.crosswalk_file(written(tmp_path, found, expert))
    np.testing.assert_allclose(again.weights[0], found.weights, atol=1.01 / PARTS)
    assert {*again.inherit[0], *again.neighbours[0]} == {"cover"}


def test_a_finer_legend_is_split_evenly_within_the_coarse_class():
    found = prior(SOURCE, tables.legend("corine-l3"))
    trees = dict(zip(tables.legend("corine-l3").codes, found.weights[1], strict=True))
    assert {code: weight for code, weight in trees.items() if weight} == pytest.approx(
        {311: 1 / 3, 312: 1 / 3, 313: 1 / 3}
    )


def test_a_legend_without_a_grouping_goes_over_the_covers():
    found = prior(tables.legend("lcz"), tables.legend("corine-l2"))
    assert found.origin == "crosswalk lcz--ecosg, grouping ecosg--corine-l2"
    np.testing.assert_allclose(found.weights.sum(axis=1), 1)


def test_where_no_way_leads_the_file_to_write_is_named():
    with pytest.raises(
        TableError, match=r"write crosswalks/lcz--dynamicworld.csv or groupings/lcz--dynamicworld.csv"
    ):
        prior(tables.legend("lcz"), SOURCE)


def test_a_zone_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="'arctic' is no zone of dynamicworld, found temperate"):
        prior(SOURCE, COVERS, zone="arctic")
    with pytest.raises(ConfigError, match="'boreal' needs a crosswalk"):
        prior(SOURCE, tables.legend("corine-l1"), zone="boreal")


def test_a_file_whose_name_names_no_legends_is_refused(tmp_path):
    with pytest.raises(TableError, match=r"SOURCE--TARGET.csv; rename it"):
        tables.crosswalk_file(tmp_path / "mine.csv")
