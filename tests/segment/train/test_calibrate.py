from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ecosg_update.errors import ModelError
from ecosg_update.sample import UNLABELLED, Sample
from ecosg_update.segment import card as cards
from ecosg_update.segment.card import Standard
from ecosg_update.segment.checkpoint import load, save
from ecosg_update.segment.engine import Engine
from ecosg_update.segment.train.calibrate import BINS, calibrated, reliability, temperature
from tests.segment.train.cases import CARD, LEGEND, image, network


def drawn(heat: float, pixels: int = 40_000):
    """Logits, and labels drawn with the probabilities that they have at a temperature."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (pixels, 4))
    chances = np.exp(logits / heat) / np.exp(logits / heat).sum(axis=1, keepdims=True)
    return logits, (chances.cumsum(axis=1) > rng.random((pixels, 1))).argmax(axis=1)


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_the_temperature_with_which_labels_were_drawn_is_found(heat):
    assert temperature(*drawn(heat)) == pytest.approx(heat, rel=0.03)


def test_calibration_leaves_little_error():
    logits, labels = drawn(3.0)
    assert reliability(logits, labels).ece > 0.2
    assert reliability(logits / temperature(logits, labels), labels).ece < 0.01


def test_the_error_is_that_of_bins_counted_one_by_one():
    logits, labels = drawn(2.0, pixels=500)
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found, error = reliability(logits, labels), 0.0
    for number in range(BINS):
        inside = [
            (row.max(), row.argmax() == label)
            for row, label in zip(chances, labels, strict=True)
            if number / BINS < row.max() <= (number + 1) / BINS
        ]
        assert found.pixels[number] == len(inside)
        if inside:
            sure, right = np.mean(inside, axis=0)
            assert found.confidence[number] == pytest.approx(sure, abs=1e-4)
            assert found.accuracy[number] == pytest.approx(right, abs=1e-4)
            error += abs(sure - right) * len(inside) / 500
    assert found.ece == pytest.approx(error, abs=1e-5) and sum(found.pixels) == 500


class Proud(nn.Module):
    """Logits that are ten times the bands: nearly sure of the brighter band, whatever the difference."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(10.0))

    def forward(self, bands):
        return self.gain * torch.cat([bands, torch.full_like(bands[:, :1], -5)], dim=1)


def test_the_card_says_what_the_engine_then_does():
    """Labels are right half of the time where the network is nearly sure: its confidence comes down to that."""
    rng = np.random.default_rng(1)
    values = rng.normal(0, 1, (2, 60, 70)).astype(np.float32)
    guess = rng.integers(0, 2, (60, 70))
    labels = np.where(rng.random((60, 70)) < 0.5, values.argmax(axis=0), guess).astype(np.int16)
    labels[:, 0] = UNLABELLED
    card = replace(CARD, normalisation=Standard((0.0, 0.0), (1.0, 1.0)))
    found = calibrated(Proud(), [Sample(values, labels)], card)
    assert found.temperature > 4 and found.reliability.ece < 0.6 * found.reliability.ece_before
    assert sum(found.reliability.pixels) == 60 * 69
    assert cards.from_json(cards.to_json(found), "card") == found
    hot, cold = (Engine(Proud(), one, LEGEND, torch.device("cpu"))(values) for one in (found, card))
    np.testing.assert_array_equal(hot.argmax(axis=0), cold.argmax(axis=0))
    np.testing.assert_allclose(np.log(hot[0] / hot[1]), np.log(cold[0] / cold[1]) / found.temperature, atol=1e-3)


def test_the_temperature_is_kept_by_a_checkpoint(tmp_path):
    save(network(), replace(CARD, temperature=2.5), tmp_path / "net.safetensors")
    warm = load(tmp_path / "net.safetensors", on="cpu", legend=LEGEND)
    values = image(1).values
    cold = Engine(network(), CARD, LEGEND, torch.device("cpu"))
    np.testing.assert_allclose(
        np.log(warm(values)[0] / warm(values)[1]), np.log(cold(values)[0] / cold(values)[1]) / 2.5, atol=1e-4
    )


def test_samples_without_a_label_cannot_calibrate():
    with pytest.raises(ModelError, match="no pixel of the held-out samples has a label"):
        calibrated(network(), [image(1, unlabelled=1)], CARD)


@pytest.mark.parametrize("heat", [0.0, -1.0, float("inf")])
def test_an_impossible_temperature_is_refused(heat):
    with pytest.raises(ModelError, match="temperature"):
        replace(CARD, temperature=heat)
