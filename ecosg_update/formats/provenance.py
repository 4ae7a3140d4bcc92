"""What a file says about its own origin."""

from __future__ import annotations

from dataclasses import dataclass

from ecosg_update import __version__

ECOCLIMAP_SG = "ECOCLIMAP-SG: https://opensource.umr-cnrm.fr/projects/ecoclimap-sg/wiki"


@dataclass(frozen=True)
class Provenance:
    """The global attributes of the CF conventions, as text; an empty one is left out of the file.

    title: one line, also the first line of a `.hdr`. source: the scenes and the engine. institution: who made
    it. history: what was run and when; the caller gives the time, so that equal input gives equal bytes.
    """

    title: str
    source: str
    institution: str = ""
    history: str = ""
    references: str = ECOCLIMAP_SG
    comment: str = ""


def about(title: str, source: str, *, exact: bool = False) -> Provenance:
    """What a file of this version says of its origin; `exact` where the title is to be as the user gave it."""
    text = title if exact else f"{title}, ecosg-update {__version__}"
    return Provenance(title=text, source=source, history=f"ecosg-update {__version__}")
