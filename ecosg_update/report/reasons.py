"""What the reasons of cells mean, in the words and colours of the page."""

from __future__ import annotations

from dataclasses import dataclass

from ecosg_update.layers import Reason
from ecosg_update.legend import Colour


@dataclass(frozen=True)
class Meaning:
    """How a reason is shown: its colour on the map and a sentence for people."""

    colour: Colour
    text: str


MEANINGS = {
    Reason.UNCHANGED: Meaning((222, 224, 219), "The image says what the original says."),
    Reason.CHANGED: Meaning((178, 24, 110), "The image says another cover, and is sure enough."),
    Reason.KEPT_NO_DATA: Meaning((70, 74, 86), "Kept: nothing was seen here (cloud, shadow, outside of the scene)."),
    Reason.KEPT_LOW_SHARE: Meaning((118, 123, 137), "Kept: too little of the cell was seen."),
    Reason.KEPT_LOW_CONFIDENCE: Meaning((240, 200, 80), "Kept: another cover seems likely, but not likely enough."),
    Reason.KEPT_PROTECTED: Meaning((120, 170, 220), "Kept: the policy protects this cover."),
    Reason.KEPT_BASE_LIKELIER: Meaning((170, 196, 130), "Kept: image and original together speak for the original."),
    Reason.KEPT_DISAGREEMENT: Meaning((222, 150, 105), "Kept: the looks at the land disagree."),
    Reason.RULE_SUBTYPE: Meaning((205, 190, 205), "Rule R1 chose the sub-type: the original's own."),
    Reason.RULE_NEIGHBOURS: Meaning((190, 140, 170), "Rule R2 chose the sub-type: the most frequent one around."),
    Reason.RULE_CROPS: Meaning((190, 165, 50), "Rule R3 chose the kind of crops."),
    Reason.RULE_WATER: Meaning((20, 90, 190), "Rule R4 chose the kind of water."),
    Reason.RULE_TOWNS: Meaning((215, 60, 50), "Rule R5 chose the kind of town."),
    Reason.RULE_SNOW: Meaning((110, 215, 225), "Rule R6 judged whether snow lasts."),
    Reason.RULE_PATCH_SIZE: Meaning((140, 95, 190), "Rule R7 took a patch that is too small away."),
    Reason.RULE_WETLANDS: Meaning((40, 140, 110), "Rule R8 chose the kind of wetland."),
    Reason.RULE_LOW_PLANTS: Meaning((200, 215, 150), "Rule R9 left grass and crops to the original."),
}
"""One for every reason."""
