"""Training: samples make a network's weights. `train` is the loop; losses stand in `segment.losses`."""

from ecosg_update.segment.train.loop import Extras, Step, Trained, train
from ecosg_update.segment.train.recipe import Recipe
from ecosg_update.segment.train.standard import standard

__all__ = ["Extras", "Recipe", "Step", "Trained", "standard", "train"]
