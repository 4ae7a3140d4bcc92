"""Random truth and classes for the tests of judging."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ecosg_update import tables

L1, L2, L3 = (tables.legend(f"corine-l{level}") for level in (1, 2, 3))


def rows(legend, shape, *, least=-1):
    """int16 rows of a legend, of few classes more often than of all."""
    few = st.lists(st.integers(least, len(legend) - 1), min_size=1, max_size=4)
    chosen = st.one_of(st.sampled_from(range(least, len(legend))), few.flatmap(st.sampled_from))
    return arrays.arrays(np.int16, shape, elements=chosen)


@st.composite
def pairs(draw, legend=L1, *, silent=True):
    """Truth (with unknown pixels) and classes of one shape, which may be empty."""
    shape = draw(st.tuples(st.integers(0, 9), st.integers(0, 7)))
    return draw(rows(legend, shape)), draw(rows(legend, shape, least=-1 if silent else 0))
