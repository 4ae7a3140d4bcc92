from itertools import pairwise

import pytest
import torch

from ecosg_update.segment.train.recipe import Recipe
from ecosg_update.segment.train.schedule import pace


@pytest.mark.parametrize("steps", [5, 50, 600])
def test_one_cycle_is_that_of_torch(steps):
    recipe = Recipe(steps=steps, rate=0.01)
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.AdamW([weight], lr=recipe.rate)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps)
    for step in range(steps):
        group = optimiser.param_groups[0]
        assert pace(step, recipe) == pytest.approx((group["lr"], group["betas"][0]), rel=1e-9)
        optimiser.step()
        if step + 1 < steps:
            theirs.step()


def test_a_cosine_rises_over_the_warmup_and_then_only_falls():
    recipe = Recipe(steps=100, rate=0.5, schedule="cosine", warmup=0.1)
    rates = [pace(step, recipe).rate for step in range(100)]
    assert rates[:10] == pytest.approx([0.05 * (step + 1) for step in range(10)])
    assert rates[10] == 0.5 and rates[55] == pytest.approx(0.25)
    assert all(one > other for one, other in pairwise(rates[10:])) and 0 < rates[-1] < 1e-3


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine", "constant"])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_trainings_have_a_rate_too(schedule, steps):
    recipe = Recipe(steps=steps, rate=0.5, schedule=schedule)
    assert all(0 < pace(step, recipe).rate <= 0.5 for step in range(steps))
