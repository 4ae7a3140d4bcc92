"""The files of one step, and whether they are those of the step that is asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecosg_update.errors import OutputError
from ecosg_update.formats import atomic


@dataclass(frozen=True)
class Place:
    """Names in a folder.

    plan: what was asked for, written before the first step. state: of a training under way, removed when its
    checkpoint is complete. record: loss and figures of each step.
    """

    folder: Path
    name: str

    @property
    def checkpoint(self) -> Path:
        """The weights; the card lies beside them."""
        return self.folder / f"{self.name}.safetensors"

    @property
    def plan(self) -> Path:
        """What was asked for."""
        return self.folder / f"{self.name}.plan.json"

    @property
    def state(self) -> Path:
        """What an interrupted training goes on from."""
        return self.folder / f"{self.name}.state.safetensors"

    @property
    def record(self) -> Path:
        """The figures as CSV."""
        return self.folder / f"{self.name}.csv"

    @property
    def board(self) -> Path:
        """The folder for TensorBoard."""
        return self.folder / f"{self.name}.board"

    @property
    def finished(self) -> bool:
        """Whether the checkpoint is complete."""
        return self.checkpoint.exists() and self.checkpoint.with_suffix(".json").exists() and not self.state.exists()

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the step but those of TensorBoard."""
        return (self.checkpoint, self.checkpoint.with_suffix(".json"), self.plan, self.state, self.record)


def check(place: Place, plan: dict[str, Any], *, overwrite: bool) -> None:
    """Refuse the work of another plan, without `overwrite`, with an OutputError.

    Work is a checkpoint or the state of a training under way: a run that failed before its first state left nothing.
    """
    work = (place.checkpoint, place.checkpoint.with_suffix(".json"), place.state)
    found = [path for path in work if path.exists()]
    if overwrite or not found or _plan(place) == plan:
        return
    raise OutputError(
        f"{found[0]}: belongs to a training with other settings, data or start; pass overwrite (--overwrite) or name "
        "another folder"
    )


def prepare(place: Place, plan: dict[str, Any], *, overwrite: bool) -> None:
    """Have the plan on the disk; files of another plan go, with `overwrite` those of this one too."""
    with atomic.reported(place.plan):
        place.folder.mkdir(parents=True, exist_ok=True)
        if _plan(place) == plan and not overwrite:
            return
        for path in place.files:
            path.unlink(missing_ok=True)
    text = json.dumps(plan, indent=2) + "\n"
    with atomic.parts(place.plan, overwrite=True, needed=len(text)) as (part,):
        part.write_text(text, encoding="utf-8")


def _plan(place: Place) -> Any:
    try:
        return json.loads(place.plan.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
