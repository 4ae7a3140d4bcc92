"""What the browser unpacks is the patch, and a page stays small by thinning what may be thinned."""

import base64
import zlib
from dataclasses import replace

import numpy as np

from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import Reason
from ecosg_update.report.layers import LEVELS, levels, packed
from tests.report.made import patch


def unpacked(one, shape):
    """As the script does it, in other words."""
    rows, cols = (-(-size // one.step) for size in shape)
    return np.frombuffer(zlib.decompress(base64.b64decode(one.text)), np.uint8).reshape(rows, cols)


def test_cover_original_and_reason_come_back_exactly():
    made = patch()
    made.base[3, 4], made.cover.codes[3, 4], made.reason[3, 4] = 0, 17, Reason.CHANGED
    made.base[5, 6], made.cover.codes[5, 6], made.reason[5, 6] = 17, 0, Reason.CHANGED
    layers = {one.name: one for one in packed(made, None) if one.kind == "codes"}
    found = {name: unpacked(one, made.base.shape) for name, one in layers.items()}
    cover, base = found["cover"], found["base"]
    assert np.array_equal(cover, made.cover.codes)
    original = np.where(base == 0, cover, np.where(base == 255, 0, base))
    assert np.array_equal(original, made.base)
    kept, new = (np.array(one) for one in layers["reason"].usual)
    usual = np.where(cover == original, kept[cover], new[cover])
    assert np.array_equal(np.where(found["reason"] == 0, usual, found["reason"]), made.reason)
    assert np.array_equal(found["second"], made.second)


def test_confidence_is_right_to_half_a_level_and_nothing_stays_nothing():
    made = patch()
    found = levels(made.confidence, 1)
    assert np.array_equal(found == 0, made.confidence == 0)
    held = found > 0
    assert np.abs((found[held] - 1.0) / LEVELS - made.confidence[held]).max() <= 0.5 / LEVELS + 1e-6


def test_thinned_confidence_is_the_mean_of_what_is_known():
    confidence = np.zeros((5, 7), np.float32)
    confidence[:2, :2] = [[0.2, 0.4], [0, 0.6]]
    confidence[4, 6] = 0.9
    found = levels(confidence, 2)
    assert found.shape == (3, 4)
    assert found[0, 0] == 1 + round(0.4 * LEVELS) and found[2, 3] == 1 + round(0.9 * LEVELS)
    assert np.count_nonzero(found) == 2


def test_a_tight_page_thins_confidence_and_leaves_second_choices_out_but_never_a_class():
    made = patch(LatLonGrid(360, 9000, 40000, 130, 170))
    whole = {one.name: one for one in packed(made, None)}
    exact = sum(len(whole[name].text) for name in ("cover", "base", "reason"))
    tight = {one.name: one for one in packed(made, None, most=exact + 4000)}
    assert whole["confidence"].step == 1 and "second" in whole
    assert tight["confidence"].step > 1 and "second" not in tight
    assert sum(len(one.text) for one in tight.values()) <= exact + 4000
    assert all(tight[name] == whole[name] for name in ("cover", "base", "reason"))


def test_an_image_is_packed_as_a_jpeg_of_its_own_size():
    image = np.zeros((40, 60, 3), np.uint8)
    found = next(one for one in packed(patch(), image) if one.name == "image")
    assert found.kind == "jpeg" and base64.b64decode(found.text)[:2] == b"\xff\xd8"


def test_reasons_that_go_with_the_cover_cost_nothing():
    made = patch(LatLonGrid(360, 9000, 40000, 130, 170))
    rule = np.where(made.changed, np.uint8(Reason.RULE_NEIGHBOURS), np.uint8(Reason.RULE_SUBTYPE))
    followed = replace(made, reason=np.where(made.cover.codes == 17, rule, made.reason))
    texts = [next(one.text for one in packed(one, None) if one.name == "reason") for one in (made, followed)]
    assert len(texts[1]) <= len(texts[0])
