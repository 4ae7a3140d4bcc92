import numpy as np

from ecosg_update.scene.mask import SceneClass, measured, votes


def test_cloud_shadow_snow_and_unknown_classes_never_vote():
    codes = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert set(codes[votes(codes)].tolist()) == {2, 4, 5, 6, 7}


def test_no_data_and_saturation_are_not_measured():
    stored = np.array([[0, 1, 65534, 65535, 1000]], np.uint16)
    assert measured(stored, None).tolist() == [[False, True, True, False, True]]


def test_a_files_own_no_data_value_counts_too():
    assert measured(np.array([[-1, 5, 32767]], np.int16), 32767).tolist() == [[True, True, False]]
    assert measured(np.array([[np.nan, np.inf, 0.5]], np.float32), float("nan")).tolist() == [[False, False, True]]


def test_the_classes_have_the_numbers_of_the_specification():
    assert [member.value for member in SceneClass] == list(range(12))
