"""An engine whose probabilities another network learns from, on scenes that nobody labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ecosg_update.errors import ModelError
from ecosg_update.sample import absent, measured
from ecosg_update.segment.card import Card
from ecosg_update.segment.engine import Engine

Same = tuple[tuple[int, ...], tuple[int, ...]]
"""Codes of the teacher and codes of the student that together mean the same."""


@dataclass(frozen=True, eq=False)
class Teacher:
    """An engine, and how its classes are the student's.

    rows: the teacher's bands among the student's. teacher: the group of each class of the teacher, groups: of each
    class of the student; -1 for one that the other does not know.
    """

    engine: Engine
    rows: tuple[int, ...]
    teacher: tuple[int, ...]
    groups: tuple[int, ...]

    def probabilities(self, clean: Tensor) -> Tensor:
        """float32 (n, group, y, x) of reflectance (n, band, y, x) of the student's bands; 0 where there is none.

        An image that lacks a band which the teacher needs has none.
        """
        values = clean.cpu().numpy()
        fed = np.ascontiguousarray(values[:, self.rows])
        blind = absent(fed)[:, self.engine.card.needed].any(axis=1)  # (n,)
        fed[blind] = 0
        found = self.engine.batch(fed)  # (n, class, y, x)
        sums = np.zeros((len(found), max(self.groups) + 1, *found.shape[2:]), np.float32)
        for row, group in enumerate(self.teacher):
            if group >= 0:
                sums[:, group] += found[:, row]
        sums *= measured(values)[:, None]
        sums[blind] = 0
        return torch.from_numpy(sums).to(clean.device)


def teacher(engine: Engine, card: Card, *, same: Sequence[Same] = ()) -> Teacher:
    """The teacher of a network with `card`; without `same`, equal codes mean the same.

    A teacher of level "any" teaches on every level; a student of "any" has samples of both, which no other teacher
    can be fed. Raises ModelError where the teacher needs another level, pixel size or band, or knows no class of the
    student.
    """
    own = engine.card
    lacking = [band for band in own.bands if band not in card.bands]
    if lacking or not own.eats(card.level) or own.pixel_m != card.pixel_m:
        raise ModelError(
            f"teacher {own.engine}: needs {', '.join(own.bands)} of {own.level} at {own.pixel_m:g} m, the samples "
            f"have {', '.join(card.bands)} of {card.level} at {card.pixel_m:g} m; take another teacher"
        )
    pairs = list(same) or [((code,), (code,)) for code in own.codes if code in card.codes]
    if not pairs:
        raise ModelError(f"teacher {own.engine}: none of its codes is one of the student's; say which mean the same")
    return Teacher(
        engine,
        tuple(card.bands.index(band) for band in own.bands),
        _groups(own.codes, [codes for codes, _ in pairs], own.engine),
        _groups(card.codes, [codes for _, codes in pairs], card.engine),
    )


def _groups(codes: tuple[int, ...], members: Sequence[tuple[int, ...]], name: str) -> tuple[int, ...]:
    named = [code for group in members for code in group]
    wrong = [code for code in named if code not in codes or named.count(code) > 1]
    if wrong or not all(members):
        what = f"{wrong[0]} is no class of {name} or stands twice" if wrong else "a group is empty"
        raise ModelError(f"teacher: {what}; name each class in at most one group")
    return tuple(next((n for n, group in enumerate(members) if code in group), -1) for code in codes)
