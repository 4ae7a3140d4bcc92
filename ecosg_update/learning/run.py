"""The run: each step of the chain becomes a checkpoint; a step that is complete is not trained again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ecosg_update import __version__, tables
from ecosg_update.errors import ConfigError
from ecosg_update.learning import place as places
from ecosg_update.learning.config import DataSection, StepSection, TeacherSection, Training
from ecosg_update.learning.place import Place
from ecosg_update.legend import Legend
from ecosg_update.progress import Progress, silent
from ecosg_update.segment import checkpoint, ukis, weights
from ecosg_update.segment.card import Card, EngineLevel, Normalisation
from ecosg_update.segment.engine import device
from ecosg_update.segment.engines import design
from ecosg_update.segment.train import Extras, Recipe, Step, standard, train
from ecosg_update.segment.train.calibrate import calibrated
from ecosg_update.segment.train.crew import Crew, crew
from ecosg_update.segment.train.makers import Makers
from ecosg_update.segment.train.record import recorded
from ecosg_update.segment.train.state import reached
from ecosg_update.segment.train.teacher import Teacher, teacher
from ecosg_update.segment.transfer import Start, begun
from ecosg_update.training.store import MANIFEST, Store, opened


@dataclass(frozen=True)
class Done:
    """A finished step: its checkpoint, the card, and whether it was there before."""

    name: str
    checkpoint: Path
    card: Card
    before: bool


def run(config: Training, *, overwrite: bool = False, progress: Progress = silent) -> tuple[Done, ...]:
    """Train what a configuration asks for, and go on where an earlier run of it was interrupted.

    Under torchrun all processes train together, the first one writes. overwrite: files of another training in the
    folder are replaced. Raises ConfigError where a set, a column or a number of steps does not fit, OutputError where
    files of another training lie there, and the errors of the sets, engines and `train`.
    """
    done: list[Done] = []
    with crew(config.machine.device) as party:
        for step in config.step:
            previous = done[-1].checkpoint if done else None
            done.append(_step(config, step, previous, party, overwrite=overwrite, progress=progress))
    return tuple(done)


def _step(
    config: Training, step: StepSection, previous: Path | None, party: Crew, *, overwrite: bool, progress: Progress
) -> Done:
    section = step.data or config.data
    store = opened(section.folder)
    start = _start(step, section, store, previous)
    recipe = _recipe(step, store)
    where = Place(config.output.folder, step.name)
    plan = _plan(step, recipe, section, start)
    places.check(where, plan, overwrite=overwrite)
    complete = where.finished and not overwrite
    party.wait()
    if complete:
        return Done(step.name, where.checkpoint, checkpoint.card(where.checkpoint), before=True)
    if party.leads:
        places.prepare(where, plan, overwrite=overwrite)
    party.wait()
    card = _trained(config, _Task(step, store, recipe, start, section), where, party, progress)
    return Done(step.name, where.checkpoint, card, before=False)


@dataclass(frozen=True, eq=False)
class _Task:
    step: StepSection
    store: Store
    recipe: Recipe
    start: Start
    data: DataSection


def _trained(config: Training, task: _Task, where: Place, party: Crew, progress: Progress) -> Card:
    """Train, calibrate and write; the card as it was written."""
    step, store = task.step, task.store
    card = _card(config, task)
    network = begun(card, task.start, seed=task.recipe.seed)
    looks: list[dict[str, float]] = []
    board = where.board if config.output.tensorboard else None
    with recorded(where.record if party.leads else None, start=reached(where.state), board=board) as write:

        def report(one: Step) -> None:
            write(one)
            looks.extend([dict(one.figures)] if one.figures else [])
            progress(step.name, one.number + 1, task.recipe.steps)

        extras = Extras(
            weights=store.weights("train").tolist(),
            validation=store.samples("val"),
            teacher=_teacher(step.teacher, card, config.machine.device),
            state=where.state,
            save_every=config.output.save_every,
            crew=party,
            makers=Makers(config.machine.threads, config.machine.processes),
            report=report,
        )
        trained = train(
            network, store.samples("train"), card, recipe=task.recipe, on=config.machine.device, extras=extras
        )
    held_out = store.samples(step.calibrate_on) if step.calibrate_on else ()
    if len(held_out) and task.recipe.objective.of_pixels:
        network = trained.network.to(device(config.machine.device))
        card = calibrated(network, held_out, card, seed=task.recipe.seed)
    best = min(looks, key=lambda figures: figures["loss"], default={})
    card = replace(card, notes=_joined([card.notes, _measured(best), _reliable(card, step.calibrate_on)]))
    if party.leads:
        card = checkpoint.save(trained.network, card, where.checkpoint)
        where.state.unlink(missing_ok=True)
    party.wait()
    return card


def _start(step: StepSection, data: DataSection, store: Store, previous: Path | None) -> Start:
    if step.start.kind == "previous":
        return Start("checkpoint", previous)
    if step.start.kind == "ukis-csmask":
        return Start("ukis-csmask", ukis.model(step.start.path, bands=store.bands, level=_level(data, store)))
    return Start(step.start.kind, step.start.path)


def _recipe(step: StepSection, store: Store) -> Recipe:
    """The step's recipe, its epochs as steps and its hierarchy as groups."""
    recipe = step.recipe
    if step.epochs is not None:
        recipe = replace(recipe, steps=max(1, round(step.epochs * len(store.entries("train")) / recipe.batch)))
    if not step.hierarchy:
        return recipe
    groups = tuple(_groups(store.legend, column) for column in step.hierarchy)
    return replace(recipe, objective=replace(recipe.objective, groups=groups))


def _groups(legend: Legend, column: str) -> tuple[int, ...]:
    """The group number of each class of a legend by one of its columns."""
    whole = tables.legend(legend.name) if legend.name in tables.legend_names() else legend
    columns = {"group": whole.group, **whole.columns}
    if column not in columns:
        raise ConfigError(f"hierarchy: legend {legend.name} has no column {column!r}, it has {', '.join(columns)}")
    of_code = dict(zip(whole.codes, columns[column], strict=True))
    cells = [of_code[code] for code in legend.codes]
    names = list(dict.fromkeys(cells))
    return tuple(names.index(cell) for cell in cells)


def _card(config: Training, task: _Task) -> Card:
    """The card before anything is measured."""
    step, store, form = task.step, task.store, design(task.step.engine)
    return Card(
        engine=step.engine,
        arguments=step.arguments,
        optional=step.optional,
        bands=store.bands,
        level=_level(task.data, store),
        pixel_m=store.pixel_m,
        normalisation=_normalisation(task),
        legend=store.legend.name,
        codes=store.legend.codes,
        halo=form.halo,
        stride=form.stride,
        seamless=form.seamless,
        provenance=_provenance(task),
        licence=config.output.licence,
        notes=_joined([step.notes, _unseen(store)]),
    )


def _normalisation(task: _Task) -> Normalisation:
    """That of the training split, but for filters that come with their own: they know the numbers it gave them."""
    start, store = task.start, task.store
    if start.kind == "checkpoint" and start.path is not None:
        theirs = checkpoint.card(start.path)
        if theirs.bands == store.bands:
            return theirs.normalisation
    own = standard(store.samples("train"), logarithm=task.step.logarithm)
    if start.kind == "ukis-csmask" and start.path is not None:
        return ukis.carried(own, bands=store.bands, path=start.path)
    return own


def _level(section: DataSection, store: Store) -> EngineLevel:
    if store.level == "mixed":
        if section.level is None:
            raise ConfigError(
                f"{section.folder}: mixes product levels; say in data.level which one the card names, "
                'or "any" for an engine that eats both'
            )
        return section.level
    if section.level not in (None, store.level):
        raise ConfigError(f"{section.folder}: is of level {store.level}, data.level says {section.level}")
    return store.level


def _provenance(task: _Task) -> str:
    start, recipe, folder = task.start, task.recipe, task.data.folder
    begin = ukis.LICENCE if start.kind == "ukis-csmask" else start.kind
    if start.path is not None:
        begin += f" {start.path.name} ({_sha256(start.path)[:12]})"
    if start.kind == "checkpoint" and start.path is not None:  # what its licences ask for holds for what comes of it
        begin += f", of which its card says: {checkpoint.card(start.path).provenance.removesuffix('.')}"
    return (
        f"Trained by ecosg-update {__version__} on {len(task.store.entries('train'))} samples of {folder.name} "
        f"(manifest {_sha256(folder / MANIFEST)[:12]}), at most {recipe.steps} steps of {recipe.batch} crops of "
        f"{recipe.crop} x {recipe.crop} pixels, seed {recipe.seed}; first weights: {begin}."
    )


def _unseen(store: Store) -> str:
    """Which classes no labelled pixel and no sample of the training split has."""
    seen = store.counts("train").sum(axis=0) > 0
    for line in store.entries("train"):
        for code in line.present or ():
            seen[store.legend.index(code)] = True
    names = [str(code) for code, one in zip(store.legend.codes, seen, strict=True) if not one]
    return f"Classes never seen in training: {', '.join(names)}." if names else ""


def _measured(best: dict[str, float]) -> str:
    figures = ", ".join(f"{name} {value:.4f}" for name, value in best.items())
    return f"On the split val at its lowest loss: {figures}." if best else ""


def _reliable(card: Card, split: str | None) -> str:
    if card.reliability is None:
        return ""
    return f"Temperature {card.temperature:g} fitted on the split {split}."


def _teacher(section: TeacherSection | None, card: Card, on: str) -> Teacher | None:
    if section is None:
        return None
    if section.checkpoint is not None:
        engine = checkpoint.load(section.checkpoint, on=on)
    else:
        engine = weights.published(folder=section.weights, on=on)
    return teacher(engine, card, same=[(pair.teacher, pair.student) for pair in section.same])


_PLANNED = {"engine", "arguments", "optional", "logarithm", "teacher", "calibrate_on", "notes"}


def _plan(step: StepSection, recipe: Recipe, data: DataSection, start: Start) -> dict[str, Any]:
    """What a step's result depends on, as plain values; places of files are told by what is in them."""
    settings = step.model_dump(mode="json", include=_PLANNED)
    return {
        **settings,
        "recipe": _plain(asdict(recipe)),
        "data": _sha256(data.folder / MANIFEST),
        "level": data.level,
        "start": [start.kind, None if start.path is None else _sha256(start.path)],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; give the path of a file that exists") from error


def _joined(parts: Iterable[str]) -> str:
    return " ".join(part for part in parts if part)
