"""Losses of per-pixel logits. Each is a mean, float32, 0 where nothing has a label; none looks at unlabelled pixels.

logits: (n, class, y, x), unnormalised. labels: int64 (n, y, x), the class's row, -1 where unknown.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from ecosg_update.sample import UNLABELLED
from ecosg_update.segment.gpu import constant

Pooling = Literal["mean", "lse", "noisy-or"]
POOLINGS = get_args(Pooling)

SHARPNESS = 10.0
"""r of the log-sum-exp pooling: 0 is the mean of the probabilities, infinity their maximum."""
LEAST = 1e-6
"""Probabilities stay so far from 0 and 1 where a logarithm is taken of both."""


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean negative logarithm of the probability of the right class."""
    entropy = functional.cross_entropy(logits.float(), labels, ignore_index=UNLABELLED, reduction="none")
    return entropy.sum() / _known(labels)  # a GPU that sums in the same call adds in another order each time


def focal(logits: Tensor, labels: Tensor, *, gamma: float = 2.0) -> Tensor:
    """Cross-entropy times (1 - p)^gamma, p the probability of the right class: easy pixels weigh little.

    Lin et al. 2017 (arXiv 1708.02002), without their class weights.
    """
    entropy = functional.cross_entropy(logits.float(), labels, ignore_index=UNLABELLED, reduction="none")
    missed = -torch.expm1(-entropy)  # 1 - p; 0 for unlabelled pixels, whose entropy is 0
    return (missed.clamp(min=LEAST) ** gamma * entropy).sum() / _known(labels)


def soft_dice(logits: Tensor, labels: Tensor) -> Tensor:
    """1 - the mean, over the classes that the labels hold, of 2 |p t| / (|p| + |t|) (Milletari et al. 2016)."""
    known = labels != UNLABELLED
    probabilities = (logits.float().softmax(dim=1) * known[:, None]).movedim(1, -1).flatten(0, -2)  # (pixel, class)
    truth = functional.one_hot(labels.clamp(min=0), logits.shape[1]) * known[..., None]
    truth = truth.float().flatten(0, -2)  # (pixel, class)
    size = truth.sum(dim=0)
    dice = 2 * (probabilities * truth).sum(dim=0) / (probabilities.sum(dim=0) + size).clamp(min=LEAST)
    occurs = size > 0
    return ((1 - dice) * occurs).sum() / occurs.sum().clamp(min=1)


def grouped_cross_entropy(logits: Tensor, labels: Tensor, groups: tuple[int, ...]) -> Tensor:
    """The cross-entropy of groups of classes, whose probability is the sum of their members'.

    groups: the group of each class, numbered from 0 without a gap. Added to the cross-entropy of the classes it makes
    a network right at the coarse level first: a confusion within a group costs nothing here.
    """
    of_class = constant(groups, torch.int64, labels.device)
    coarse = torch.where(labels == UNLABELLED, UNLABELLED, of_class[labels.clamp(min=0)])
    chances = _grouped(logits.float().log_softmax(dim=1), groups)
    entropy = functional.nll_loss(chances, coarse, ignore_index=UNLABELLED, reduction="none")
    return entropy.sum() / _known(labels)


def weak(logits: Tensor, present: Tensor, *, pooling: Pooling = "lse") -> Tensor:
    """Binary cross-entropy of the classes that occur anywhere in an image, from the logits of its pixels.

    present: float32 (n, class), 1 or 0, NaN where unknown. All pixels count.
    """
    known = ~torch.isnan(present)
    log_yes, log_no = pooled(logits, pooling)
    truth = present.nan_to_num()
    entropy = -(truth * log_yes + (1 - truth) * log_no)
    return (entropy * known).sum() / known.sum().clamp(min=1)


def pooled(logits: Tensor, pooling: Pooling) -> tuple[Tensor, Tensor]:
    """Logarithms of the probabilities, both (n, class), that a class occurs in an image, and that it does not.

    mean: sigmoid of the mean logit, each class for itself, as a classifier with global average pooling; lse: a soft
    maximum log(mean(exp(r p))) / r of the pixels' probabilities p (Pinheiro and Collobert 2015, arXiv 1411.6228);
    noisy-or: 1 - the product of (1 - p), which presumes independent pixels and saturates on large images.
    """
    flat = logits.float().flatten(start_dim=2)  # (n, class, pixel)
    if pooling == "mean":
        mean = flat.mean(dim=2)
        return functional.logsigmoid(mean), functional.logsigmoid(-mean)
    chances = flat.softmax(dim=1)
    if pooling == "noisy-or":
        log_no = torch.log1p(-chances.clamp(max=1 - LEAST)).sum(dim=2).clamp(max=-LEAST)
        return torch.log(-torch.expm1(log_no)), log_no
    pixels = flat.shape[2]
    soft = (torch.logsumexp(SHARPNESS * chances, dim=2) - torch.tensor(float(pixels)).log()) / SHARPNESS
    soft = soft.clamp(LEAST, 1 - LEAST)
    return soft.log(), torch.log1p(-soft)


def distillation(logits: Tensor, teacher: Tensor, groups: tuple[int, ...]) -> Tensor:
    """The mean Kullback-Leibler divergence of the student from a teacher (Hinton et al. 2015, arXiv 1503.02531).

    teacher: (n, group, y, x), probabilities whose sum is at most 1: what is missing is the teacher's belief in
    classes that the student lacks, and weighs a pixel down; all 0 where there is no data. groups: the teacher's group
    of each class, -1 for one that the teacher does not know. Both are compared within the classes that both know.
    """
    given = [row for row, group in enumerate(groups) if group >= 0]
    rows = constant(tuple(given), torch.int64, logits.device)
    chances = logits.float().index_select(1, rows).log_softmax(dim=1)
    student = _grouped(chances, tuple(groups[row] for row in given))  # (n, group, y, x)
    mass = teacher.sum(dim=1, keepdim=True)
    share = teacher / mass.clamp(min=LEAST)
    divergence = functional.kl_div(student, share, reduction="none").sum(dim=1)  # (n, y, x)
    return (divergence * mass[:, 0]).sum() / (mass > 0).sum().clamp(min=1)


def _grouped(chances: Tensor, groups: tuple[int, ...]) -> Tensor:
    """Logarithms (n, group, y, x) of sums of the probabilities whose logarithms are `chances` (n, class, y, x)."""
    members = [[row for row, own in enumerate(groups) if own == group] for group in range(max(groups) + 1)]
    parts = [chances.index_select(1, constant(tuple(rows), torch.int64, chances.device)) for rows in members]
    return torch.stack([part.logsumexp(dim=1) for part in parts], dim=1)


def _known(labels: Tensor) -> Tensor:
    """How many pixels have a label, at least 1."""
    return (labels != UNLABELLED).sum().clamp(min=1)
