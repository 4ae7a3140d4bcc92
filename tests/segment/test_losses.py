"""Each loss against numpy written from its definition, and its gradient against finite differences."""

from functools import partial

import numpy as np
import pytest
import torch

from ecosg_update.segment import losses

RNG = np.random.default_rng(11)
LOGITS = RNG.normal(0, 2, (2, 4, 3, 5))
LABELS = RNG.integers(-1, 3, (2, 3, 5))  # the last class never occurs
LABELS[0, 0, 0] = -1
PRESENT = np.array([[1, 0, np.nan, 1], [0, 1, 0, np.nan]], np.float32)
TEACHER = np.moveaxis(RNG.dirichlet(np.ones(3), (2, 3, 5)), -1, 1)[:, :2].copy()  # sums below 1
TEACHER[1, :, 2] = 0
GROUPS, SOME = (0, 0, 1, 1), (1, 0, -1, 1)

LOSSES = {
    "cross-entropy": lambda z: losses.cross_entropy(z, torch.from_numpy(LABELS)),
    "focal": lambda z: losses.focal(z, torch.from_numpy(LABELS), gamma=1.5),
    "dice": lambda z: losses.soft_dice(z, torch.from_numpy(LABELS)),
    "grouped": lambda z: losses.grouped_cross_entropy(z, torch.from_numpy(LABELS), GROUPS),
    "mean": lambda z: losses.weak(z, torch.from_numpy(PRESENT), pooling="mean"),
    "lse": lambda z: losses.weak(z, torch.from_numpy(PRESENT), pooling="lse"),
    "noisy-or": lambda z: losses.weak(z, torch.from_numpy(PRESENT), pooling="noisy-or"),
    "distillation": lambda z: losses.distillation(z, torch.from_numpy(TEACHER).float(), SOME),
}


def chances(logits=LOGITS):
    grown = np.exp(logits)
    return grown / grown.sum(axis=1, keepdims=True)


def labelled():
    """(image, row, col, class) of each labelled pixel."""
    return [(*place, LABELS[tuple(place)]) for place in np.argwhere(LABELS >= 0)]


def of_right(probabilities):
    return np.array([probabilities[n, c, y, x] for n, y, x, c in labelled()])


def by_dice():
    p, parts = chances(), []
    for c in range(4):
        truth = c == LABELS
        if truth.any():
            known = p[:, c][LABELS >= 0]
            parts.append(1 - 2 * p[:, c][truth].sum() / (known.sum() + truth.sum()))
    return np.mean(parts)


def by_presence(p):
    known = ~np.isnan(PRESENT)
    truth = PRESENT[known]
    return -np.mean(truth * np.log(p[known]) + (1 - truth) * np.log(1 - p[known]))


def by_divergence():
    p, total, pixels = chances(), 0.0, 0
    for n, y, x in np.ndindex(2, 3, 5):
        teacher = TEACHER[n, :, y, x]
        if teacher.sum() == 0:
            continue
        student = np.array([p[n, 1, y, x], p[n, 0, y, x] + p[n, 3, y, x]])
        share, own = teacher / teacher.sum(), student / student.sum()
        total += teacher.sum() * (share * np.log(share / own)).sum()
        pixels += 1
    return total / pixels


def expected(name):
    p, flat = chances(), chances().reshape(2, 4, -1)
    grouped = np.stack([p[:, [0, 1]].sum(axis=1)] * 2 + [p[:, [2, 3]].sum(axis=1)] * 2, axis=1)
    right = of_right(p)
    return {
        "cross-entropy": lambda: -np.log(right).mean(),
        "focal": ((1 - right) ** 1.5 * -np.log(right)).mean,
        "dice": by_dice,
        "grouped": lambda: -np.log(of_right(grouped)).mean(),
        "mean": lambda: by_presence(1 / (1 + np.exp(-LOGITS.mean(axis=(2, 3))))),
        "lse": lambda: by_presence(np.log(np.exp(10 * flat).mean(axis=2)) / 10),
        "noisy-or": lambda: by_presence(1 - np.prod(1 - flat, axis=2)),
        "distillation": by_divergence,
    }[name]()


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_what_its_definition_says(name):
    assert LOSSES[name](torch.from_numpy(LOGITS)).item() == pytest.approx(expected(name), rel=2e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_is_that_of_the_loss(name):
    logits = torch.from_numpy(LOGITS).float().requires_grad_()
    LOSSES[name](logits).backward()
    for place in [(0, 0, 1, 1), (1, 2, 2, 4), (0, 3, 2, 2), (1, 1, 0, 0)]:
        moved = [torch.from_numpy(LOGITS).float() for _ in range(2)]
        moved[0][place] += 0.02
        moved[1][place] -= 0.02
        slope = (LOSSES[name](moved[0]) - LOSSES[name](moved[1])).item() / 0.04
        assert logits.grad[place].item() == pytest.approx(slope, abs=3e-4)


@pytest.mark.parametrize("name", ["cross-entropy", "focal", "dice", "grouped"])
def test_an_unlabelled_pixel_has_no_gradient(name):
    logits = torch.from_numpy(LOGITS).float().requires_grad_()
    LOSSES[name](logits).backward()
    unknown = np.broadcast_to((LABELS < 0)[:, None], LOGITS.shape)
    assert not logits.grad.numpy()[unknown].any() and logits.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "loss",
    [losses.cross_entropy, losses.focal, losses.soft_dice, partial(losses.grouped_cross_entropy, groups=GROUPS)],
)
def test_without_any_label_the_loss_is_zero_and_so_is_its_gradient(loss):
    logits = torch.randn(1, 4, 2, 3, requires_grad=True)
    value = loss(logits, torch.full((1, 2, 3), -1))
    value.backward()
    assert value.item() == 0 and not logits.grad.any()


def test_nothing_known_of_presence_and_no_data_for_the_teacher_cost_nothing():
    logits = torch.randn(1, 4, 2, 3)
    assert losses.weak(logits, torch.full((1, 4), torch.nan)).item() == 0
    assert losses.distillation(logits, torch.zeros(1, 2, 2, 3), SOME).item() == 0


def test_focal_without_an_exponent_is_cross_entropy():
    found = losses.focal(torch.from_numpy(LOGITS), torch.from_numpy(LABELS), gamma=0)
    assert found.item() == pytest.approx(expected("cross-entropy"), rel=1e-5)


def test_a_confusion_within_a_group_costs_nothing_in_the_grouped_loss():
    logits = torch.tensor([0.0, 30.0, 0.0, 0.0]).reshape(1, 4, 1, 1)
    same, other = torch.zeros(1, 1, 1).long(), torch.full((1, 1, 1), 2)
    assert losses.grouped_cross_entropy(logits, same, GROUPS).item() < 1e-6
    assert losses.grouped_cross_entropy(logits, other, GROUPS).item() > 20
    assert losses.cross_entropy(logits, same).item() > 20


def test_a_student_that_says_what_the_teacher_says_pays_nothing():
    teacher = torch.from_numpy(np.ascontiguousarray(chances())).float()
    assert losses.distillation(torch.from_numpy(LOGITS), teacher, (0, 1, 2, 3)).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("pooling", losses.POOLINGS)
def test_pooled_probabilities_of_yes_and_no_sum_to_one(pooling):
    for scale in (1, 50):
        yes, no = losses.pooled(scale * torch.from_numpy(LOGITS), pooling)
        torch.testing.assert_close(yes.exp() + no.exp(), torch.ones(2, 4), rtol=0, atol=1e-5)
