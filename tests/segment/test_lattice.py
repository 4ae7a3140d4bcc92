import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import GridError, ModelError
from ecosg_update.segment.lattice import Lattice, lattice


@st.composite
def layouts(draw) -> tuple[Lattice, tuple[int, int], dict[str, int]]:
    """A lattice for a scene of any shape, its shape, and what it was made with."""
    stride = draw(st.sampled_from([1, 2, 8]))
    halo = draw(st.integers(0, 9))
    overlap = -(-2 * halo // stride) * stride + stride * draw(st.integers(0, 3))
    size = 2 * overlap + stride * draw(st.integers(1, 5))
    shape = draw(st.integers(1, 150)), draw(st.integers(1, 150))
    options = {"size": size, "overlap": overlap, "halo": halo, "stride": stride}
    return lattice(shape, **options), shape, options


@given(layouts())
def test_the_weights_of_each_pixel_sum_to_one(made):
    layout, shape, _ = made
    for spans, length in zip((layout.rows, layout.cols), shape, strict=True):
        total = np.zeros(length)
        for span in spans:
            total[span.core] += span.weights(span.core)
        np.testing.assert_allclose(total, 1, atol=1e-6)


@given(layouts())
def test_no_window_speaks_within_the_halo_of_an_inner_edge(made):
    layout, shape, options = made
    for spans, length in zip((layout.rows, layout.cols), shape, strict=True):
        for span in spans:
            assert span.core.start == 0 or span.core.start >= span.start + options["halo"]
            assert span.core.stop == length or span.core.stop <= span.stop - options["halo"]
            assert span.weights(span.core).min() > 0


@given(layouts())
def test_windows_begin_on_the_stride_and_never_exceed_the_size(made):
    layout, _, options = made
    for span in (*layout.rows, *layout.cols):
        assert span.start % options["stride"] == 0
        assert 0 < span.stop - span.start <= options["size"]


@given(layouts(), st.data())
def test_a_part_of_a_scene_lies_in_windows_of_the_whole(made, data):
    layout, shape, options = made
    rows, cols = (
        data.draw(st.tuples(st.integers(0, n - 1), st.integers(1, n)).filter(lambda p: p[0] < p[1])) for n in shape
    )
    part = lattice(shape, window=(slice(*rows), slice(*cols)), **options)
    assert set(part.rows) <= set(layout.rows)
    assert set(part.cols) <= set(layout.cols)
    covered = {row for span in part.rows for row in range(span.core.start, span.core.stop)}
    assert covered >= set(range(*rows))


@given(layouts(), st.data())
def test_strips_end_where_the_next_row_of_windows_begins_to_speak_and_at_last_with_the_asked_rows(made, data):
    _, shape, options = made
    top = data.draw(st.integers(0, shape[0] - 1))
    asked = slice(top, data.draw(st.integers(top + 1, shape[0])))
    part = lattice(shape, window=(asked, slice(0, shape[1])), **options)
    ends = [end for _, end in part.strips()]
    assert ends == sorted(ends)
    assert ends[-1] == asked.stop
    assert len(ends) == len(part.rows)
    for (_, end), following in zip(part.strips(), part.rows[1:], strict=False):
        assert asked.start <= end <= max(asked.start, following.core.start)


def test_a_window_is_predicted_about_once():
    layout = lattice((10980, 10980), size=512, overlap=44, halo=22, stride=2)
    predicted = sum(row.stop - row.start for row in layout.rows) * sum(col.stop - col.start for col in layout.cols)
    assert layout.windows == 24 * 24
    assert predicted / 10980**2 < 1.21


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 65, "overlap": 12, "halo": 2, "stride": 2}, "multiples of the engine's 2"),
        ({"size": 64, "overlap": 2, "halo": 2}, r"overlap is 2, expected two halos \(4\)"),
        ({"size": 64, "overlap": 34, "halo": 2}, r"half a window \(32\)"),
        ({"size": 0, "overlap": 0, "halo": 0}, "multiples"),
    ],
)
def test_windows_that_cannot_fit_together_are_refused(options, message):
    with pytest.raises(ModelError, match=message):
        lattice((100, 100), **options)


@pytest.mark.parametrize(
    "window", [(slice(0, 101), slice(0, 9)), (slice(5, 5), slice(0, 9)), (slice(-1, 5), slice(0, 9))]
)
def test_a_window_outside_the_scene_is_refused(window):
    with pytest.raises(GridError, match="leaves the scene"):
        lattice((100, 100), size=64, overlap=4, halo=2, window=window)
