"""What NaN and 0 say of an image: an absent band, a pixel without data, dark ground."""

import numpy as np
import pytest

from ecosg_update.errors import ModelError
from ecosg_update.sample import Sample, absent, arranged, measured

LABELS = np.zeros((3, 5), np.int16)


def image():
    """Three bands: the second absent, a pixel without data, one that is dark in one band."""
    values = np.random.default_rng(0).uniform(0.1, 0.5, (3, 3, 5)).astype(np.float32)
    values[:, 0, 1] = 0
    values[0, 2, 2] = 0
    values[1] = np.nan
    return values


def test_an_absent_band_hides_neither_data_nor_their_lack():
    values = image()
    seen = measured(values)
    assert np.count_nonzero(~seen) == 1 and not seen[0, 1]
    assert absent(values).tolist() == [False, True, False]
    np.testing.assert_array_equal(measured(np.stack([values, values]))[1], seen)
    assert absent(np.stack([values, values])).shape == (2, 3)
    assert Sample(values, LABELS).values is values


def test_nan_in_a_part_of_a_band_or_in_all_bands_is_a_fault():
    torn = image()
    torn[2, 1, 1] = np.nan
    for values in (torn, np.full((2, 3, 5), np.nan, np.float32)):
        with pytest.raises(ModelError, match="NaN in some pixels of a band, or in all bands"):
            Sample(values, LABELS)


def test_bands_are_arranged_by_name_and_what_is_not_given_is_absent():
    values = np.random.default_rng(0).random((2, 3, 5), dtype=np.float32)
    found = arranged(values, ("B08", "B04"), ("B02", "B04", "B08"))
    assert found.dtype == np.float32 and absent(found).tolist() == [True, False, False]
    np.testing.assert_array_equal(found[1:], values[::-1])
    np.testing.assert_array_equal(arranged(found, ("B02", "B04", "B08"), ("B08", "B04")), values)
    assert arranged(values, ("B08", "B04"), ("B08", "B04")) is values
