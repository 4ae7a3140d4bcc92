"""The configuration of a training: one TOML file, checked before anything is read.

[data]
folder = "set"

[output]
folder = "run"
licence = "CC-BY-4.0"

[[step]]
name = "segmentation"
engine = "unet"
arguments = { encoder = "resnet50" }
start = { kind = "imagenet" }
hierarchy = ["group"]
epochs = 30
recipe = { batch = 16, crop = 120, rate = 1e-3, schedule = "cosine", objective = { hierarchical = 0.5 } }
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, Field, model_validator

from ecosg_update.config import Section, checked, document_of
from ecosg_update.errors import ConfigError, ModelError
from ecosg_update.segment.card import EngineLevel
from ecosg_update.segment.train.recipe import Recipe

Split = Literal["train", "val", "test"]
Part = TypeVar("Part", bound=BaseModel)


class DataSection(Section):
    """A training set of `train prepare`. level: what the card says where the set mixes levels, as a rule "any"."""

    folder: Path
    level: EngineLevel | None = None


class StartSection(Section):
    """The first weights: random, ImageNet's (from `path` or the web), a checkpoint's, or those of the step before.

    "ukis-csmask" takes the encoder of DLR's cloud masks, from `path` or the installed package.
    """

    kind: Literal["random", "imagenet", "ukis-csmask", "checkpoint", "previous"] = "random"
    path: Path | None = None

    @model_validator(mode="after")
    def _path_where_it_is_read(self) -> Self:
        if self.kind == "checkpoint" and self.path is None:
            raise ValueError("a checkpoint needs its path")
        if self.kind in ("random", "previous") and self.path is not None:
            raise ValueError(f"{self.kind} takes no path")
        return self


class SameSection(Section):
    """Codes of the teacher and of the legend that together mean the same."""

    teacher: tuple[int, ...]
    student: tuple[int, ...]


class TeacherSection(Section):
    """An engine whose probabilities are learned: Dynamic World with its published weights, or a checkpoint."""

    name: Literal["dynamicworld"] | None = None
    weights: Path | None = None
    checkpoint: Path | None = None
    same: tuple[SameSection, ...] = ()

    @model_validator(mode="after")
    def _one_engine(self) -> Self:
        if (self.name is None) == (self.checkpoint is None):
            raise ValueError("give either name or checkpoint")
        return self


class StepSection(Section):
    """One training: what it makes, from what, and how. Checkpoints are called after `name`.

    data: in place of the file's. optional: bands that samples and scenes may lack. logarithm: see the card's
    normalisation. hierarchy: columns of the legend whose groups the hierarchical loss sums. epochs: in place of the
    recipe's steps, one being as many crops as there are samples.
    """

    name: str = Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_-]+$")
    engine: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    data: DataSection | None = None
    optional: tuple[str, ...] = ()
    logarithm: float = Field(default=0.0, ge=0, le=1)
    start: StartSection = StartSection()
    teacher: TeacherSection | None = None
    hierarchy: tuple[str, ...] = ()
    epochs: float | None = Field(default=None, gt=0)
    recipe: Recipe = Recipe()
    calibrate_on: Split | None = "val"
    notes: str = ""


class OutputSection(Section):
    """Where checkpoints, records and states go, and what the cards say of the licence."""

    folder: Path
    licence: str = Field(min_length=1)
    save_every: int = Field(default=500, ge=1)
    tensorboard: bool = True


class MachineSection(Section):
    """What trains. threads, or, where above 0, processes: that make batches while the network learns.

    Processes are forks of this one, as those of torch's loader; they are worth it where a GPU learns.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = Field(default=1, ge=0, le=64)
    processes: int = Field(default=0, ge=0, le=64)


class Training(Section):
    """The whole file: at least one step, each may start from the step before it."""

    data: DataSection
    output: OutputSection
    machine: MachineSection = MachineSection()
    step: tuple[StepSection, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _chain(self) -> Self:
        names = [step.name for step in self.step]
        if len(set(names)) < len(names):
            raise ValueError("two steps have the same name")
        if self.step[0].start.kind == "previous":
            raise ValueError("the first step has no previous one to start from")
        return self


def load(path: Path) -> Training:
    """The configuration of a TOML file; relative paths are relative to the file.

    Raises ConfigError that names the key, what was found and what was expected.
    """
    document = document_of(path)
    try:
        return _beside(path.parent, checked(Training, document, str(path)))
    except ModelError as error:
        raise ConfigError(f"{path}: {error}") from error


def _beside(folder: Path, section: Part) -> Part:
    """A section with every path in it resolved against a folder."""
    return section.model_copy(update={name: _resolved(folder, value) for name, value in section})


def _resolved(folder: Path, value: Any) -> Any:
    if isinstance(value, Path):
        return folder / value.expanduser()
    if isinstance(value, BaseModel):
        return _beside(folder, value)
    if isinstance(value, tuple) and any(isinstance(item, BaseModel) for item in value):
        return tuple(_resolved(folder, item) for item in value)
    return value
