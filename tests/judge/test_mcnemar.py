import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ecosg_update.errors import GridError, TableError
from ecosg_update.judge.mcnemar import McNemar, mcnemar
from tests.judge.maps import L1, rows

COUNTS = st.integers(0, 60)


@given(COUNTS, COUNTS)
def test_p_is_the_binomial_s_where_few_differ_and_chi_squared_s_where_many_do(first, second):
    found = McNemar(first, second)
    discordant = first + second
    if discordant == 0:
        assert found.p == 1
    elif discordant < 25:
        assert found.p == pytest.approx(stats.binomtest(first, discordant).pvalue)
    else:
        statistic = max(0, abs(first - second) - 1) ** 2 / discordant
        assert found.p == pytest.approx(stats.chi2.sf(statistic, 1))


def test_the_textbook_s_approval_ratings_are_reproduced():
    """Agresti 2002, Table 10.1: 150 and 86 of 1600 change their mind; z squared is 17.36 without the correction."""
    found = McNemar(150, 86)
    assert found.statistic == pytest.approx(63**2 / 236)
    assert found.p == pytest.approx(4.1e-5, rel=0.02)


@given(st.data())
def test_counts_add_up_over_blocks_and_leave_unknown_pixels_out(data):
    truth, one, other = (data.draw(rows(L1, (4, 5))) for _ in range(3))
    whole = mcnemar(truth, one, other)
    assert mcnemar(truth[:1], one[:1], other[:1]) + mcnemar(truth[1:], one[1:], other[1:]) == whole
    pixels = list(zip(truth.flat, one.flat, other.flat, strict=True))
    assert whole.only_first == sum(t >= 0 and a == t != b for t, a, b in pixels)
    assert whole.only_second == sum(t >= 0 and b == t != a for t, a, b in pixels)
    assert mcnemar(truth, other, one).p == whole.p


def test_shapes_and_counts_that_cannot_be_are_refused():
    flat = np.zeros(3, np.int16)
    with pytest.raises(GridError, match="one grid"):
        mcnemar(flat, flat, flat[:2])
    with pytest.raises(TableError, match="at least 0"):
        McNemar(-1, 2)
