"""How the base errs: the table adds up and cites, and the region teaches what it holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Prediction
from ecosg_update.patch import census as census_module
from ecosg_update.patch.census import ALIKE, census, strips
from ecosg_update.patch.confusion import COLUMNS, STRENGTH, Confusion, believed, learned, shipped

ECOSG = tables.legend("ecosg")
SHIPPED = shipped(ECOSG)
ROWS = tables.rows(tables.path("priors", "ecosg.csv"), COLUMNS)


def scene(truth, base, *, doubt=0.0, per_degree=360, share=1.0):
    """An image that says `truth` with a doubt spread over all covers, and a base, both uint8 (y, x)."""
    grid = LatLonGrid(per_degree, 200, 300, *truth.shape)
    values = (np.arange(1, 34)[:, None, None] == truth) * np.float32(1 - doubt) + np.float32(doubt / 33)
    seen = np.full(truth.shape, share, np.float32)
    return Prediction(values.astype(np.float32), seen, ECOSG, grid, "made up"), CoverMap(base, grid, ECOSG)


def confused(seed, rate, shape=(150, 150)):
    """Grassland and crops in equal parts, and a base that calls so many of the crops grassland."""
    rng = np.random.default_rng(seed)
    truth = rng.choice([17, 19], shape).astype(np.uint8)
    return truth, np.where((truth == 19) & (rng.random(shape) < rate), 17, truth).astype(np.uint8)


def rate_of(confusion, truth, base):
    return confusion.rates[confusion.families.index(truth), confusion.families.index(base)]


def test_the_labels_of_the_table_are_the_five_of_walsh():
    label_of = {row["family"]: row["label"] for row in ROWS}
    lines = tables.rows(tables.path("groupings", "ecosg--corine-l1.csv"), ("code", "group"))
    five = {int(line["code"]): line["group"] for line in lines}
    family_of = dict(zip(ECOSG.codes, ECOSG.columns["family"], strict=True))
    pairs = {(label_of[family_of[code]], five[code]) for code in ECOSG.codes}
    assert len(pairs) == 5


def test_each_row_adds_up_and_names_its_source_and_confidence():
    for row in ROWS:
        assert sum(float(row[name]) for name in ("right", "near", "far")) == pytest.approx(1)
        assert row["confidence"] in "ABC" and row["source"]
        assert ("ours" in row["source"].split(";")[0]) == (row["confidence"] == "C")


def test_published_rates_are_those_of_walsh_at_fifteen_and_at_five_labels():
    for row in ROWS:
        if row["confidence"] == "B":
            assert float(row["right"]) == 0.824
            assert float(row["right"]) + float(row["near"]) == pytest.approx(0.898)


def test_the_shipped_rates_are_probabilities_and_spread_as_the_table_says():
    assert np.allclose(SHIPPED.rates.sum(axis=1), 1) and SHIPPED.rates.min() > 0
    assert rate_of(SHIPPED, "grassland", "grassland") == 0.824
    assert rate_of(SHIPPED, "grassland", "crops") == pytest.approx(0.074)
    assert rate_of(SHIPPED, "grassland", "snow") == pytest.approx(0.102 / 16)


@given(st.integers(0, 2**32 - 1))
def test_likelihood_and_what_the_base_says_are_probabilities_and_agree_with_bayes(seed):
    belief = believed(SHIPPED, np.random.default_rng(seed).integers(0, 500, 33).astype(float))
    assert np.allclose(belief.likelihood.sum(axis=1), 1)
    assert np.allclose(belief.of_base.sum(axis=1), 1)
    prior = belief.families[SHIPPED.family_of] * belief.covers
    assert prior.sum() == pytest.approx(1)
    joint = prior[:, None] * belief.likelihood
    assert np.allclose(joint / joint.sum(axis=0), belief.of_base.T)


def test_covers_of_a_family_keep_the_proportions_of_the_base():
    cells = np.zeros(33)
    cells[18], cells[20] = 300, 100
    belief = believed(SHIPPED, cells)
    assert belief.covers[[18, 19, 20]] == pytest.approx([0.75, 0, 0.25], abs=1e-4)


def test_nothing_seen_leaves_the_table():
    truth, base = confused(0, 0.4, (20, 20))
    found = learned(SHIPPED, census(SHIPPED, [scene(truth, base, share=0.3)]))
    assert np.allclose(found.confusion.rates, SHIPPED.rates)


@pytest.mark.parametrize("rate", [0.1, 0.4])
def test_a_region_teaches_how_often_its_base_errs(rate):
    truth, base = confused(1, rate)
    found = learned(SHIPPED, census(SHIPPED, [scene(truth, base, doubt=0.2)]))
    counted = truth.size / 2 / ALIKE
    wanted = (STRENGTH * rate_of(SHIPPED, "crops", "grassland") + counted * rate) / (STRENGTH + counted)
    assert rate_of(found.confusion, "crops", "grassland") == pytest.approx(wanted, abs=0.02)
    assert found.families[SHIPPED.families.index("crops")] == pytest.approx(0.5, abs=0.05)


def test_an_image_in_doubt_is_not_taken_for_an_error_of_the_base():
    """A naive table of co-occurrence would find the image's doubt in every row."""
    truth, _ = confused(2, 0)
    prediction, base = scene(truth, truth, doubt=0.6)
    found = learned(SHIPPED, census(SHIPPED, [(prediction, base)]))
    naive = float(prediction.values[16][truth == 19].mean())
    assert naive > 0.015 and rate_of(found.confusion, "crops", "grassland") < 0.5 * naive + 0.074 * 0.1
    assert rate_of(found.confusion, "crops", "crops") > rate_of(SHIPPED, "crops", "crops")


def test_pieces_count_as_the_whole_and_finer_cells_for_less():
    truth, base = confused(3, 0.3, (40, 30))
    whole = census(SHIPPED, [scene(truth, base, doubt=0.1)])
    parts = census(SHIPPED, [scene(truth[at], base[at], doubt=0.1) for at in (slice(0, 13), slice(13, 40))])
    assert np.allclose(parts.pairs(SHIPPED.rates), whole.pairs(SHIPPED.rates))
    assert np.allclose(parts.cells, whole.cells)
    block = np.ones((5, 5), np.uint8)
    fine = census(SHIPPED, [scene(np.kron(truth, block), np.kron(base, block), doubt=0.1, per_degree=1800)])
    assert np.allclose(fine.pairs(SHIPPED.rates), whole.pairs(SHIPPED.rates), rtol=1e-4)
    assert np.allclose(fine.cells, whole.cells)


@pytest.mark.parametrize("shape", [(3, 5), (400, 300), (9000, 9000), (7, 200_001), (100_000, 1)])
def test_a_sample_is_rows_of_the_region_and_small(shape):
    cells = LatLonGrid(1800, 1000, 5, *shape)
    found = list(strips(cells))
    rows = [row for strip in found for row in range(strip.row, strip.row + strip.rows)]
    assert len(rows) == len(set(rows)) and all(cells.contains(strip) for strip in found)
    assert sum(strip.cells for strip in found) <= max(census_module.SAMPLE_CELLS, 4 * shape[1])
    if cells.cells <= census_module.SAMPLE_CELLS // 2:
        assert found == [cells]


def test_rates_that_do_not_add_up_and_tables_that_lack_a_family_are_refused(monkeypatch, tmp_path):
    count = len(SHIPPED.families)
    with pytest.raises(TableError, match="rows sum to 1"):
        Confusion(ECOSG, np.full((count, count), 0.5), SHIPPED.cover)
    with pytest.raises(TableError, match="above 0"):
        Confusion(ECOSG, np.eye(count), SHIPPED.cover)
    with pytest.raises(TableError, match=f"expected {count} families"):
        Confusion(ECOSG, np.eye(3), SHIPPED.cover)
    with pytest.raises(TableError, match=r"corine-l1\.csv: cannot be read"):
        shipped(tables.legend("corine-l1"))
    (tmp_path / "priors").mkdir()
    text = tables.path("priors", "ecosg.csv").read_text().splitlines(keepends=True)
    monkeypatch.setattr(tables, "path", tmp_path.joinpath)
    (tmp_path / "priors" / "ecosg.csv").write_text("".join(text[:-1]))
    with pytest.raises(TableError, match="expected one row for each"):
        shipped.__wrapped__(ECOSG)
    (tmp_path / "priors" / "ecosg.csv").write_text("".join(text).replace("0.824", "1.824", 1))
    with pytest.raises(TableError, match=r"1\.824, expected 0\.\.1"):
        shipped.__wrapped__(ECOSG)
