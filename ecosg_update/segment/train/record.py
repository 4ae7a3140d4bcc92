"""The record of a training: a CSV always, TensorBoard where it is installed."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ecosg_update.errors import ModelError
from ecosg_update.formats.atomic import reported
from ecosg_update.segment.train.loop import Step

COLUMNS = ("step", "loss", "rate", "val_loss", "val_accuracy", "val_miou", "val_f1")


@contextmanager
def recorded(path: Path | None, *, start: int = 0, board: Path | None = None) -> Iterator[Callable[[Step], None]]:
    """Who writes each step down as it comes: a row of the CSV `path`, and scalars in the folder `board`.

    path: None for a process that does not write. start: the first step to come; rows from there on, left by a
    training that was interrupted, are dropped. Without the package tensorboard `board` is left alone. Raises
    OutputError where the file cannot be written.
    """
    if path is None:
        yield lambda step: None  # noqa: ARG005
        return
    before = _rows(path, start)
    with reported(path):
        file = path.open("w", encoding="utf-8", newline="")
    with file, _scalars(board, start) as scalars:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(before)

        def write(step: Step) -> None:
            row = _row(step)
            writer.writerow(row)
            if step.figures:
                file.flush()
            scalars(step.number, row)

        yield write


def _row(step: Step) -> dict[str, Any]:
    figures = {f"val_{name}": f"{value:.6g}" for name, value in step.figures.items()}
    return {"step": step.number, "loss": f"{step.loss:.6g}", "rate": f"{step.rate:.6g}", **figures}


def _rows(path: Path, start: int) -> list[dict[str, str]]:
    """The rows of the steps before `start`; the last row of a killed training may be half a row."""
    if not start or not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row.get("step") or "").isdigit()]
    if rows and list(rows[0]) != list(COLUMNS):
        raise ModelError(f"{path.name}: has other columns than a training's record; move it away")
    return [row for row in rows if int(row["step"]) < start]


@contextmanager
def _scalars(board: Path | None, start: int) -> Iterator[Callable[[int, dict[str, Any]], None]]:
    if board is None or find_spec("tensorboard") is None:
        yield lambda number, row: None  # noqa: ARG005
        return
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  (not installed everywhere)

    with SummaryWriter(str(board), purge_step=start) as writer:

        def write(number: int, row: dict[str, Any]) -> None:
            for name, value in row.items():
                if name != "step":
                    writer.add_scalar(name, float(value), number)

        yield write
