"""The sources and the division that a configuration names."""

from __future__ import annotations

from pathlib import Path

from ecosg_update.errors import ConfigError
from ecosg_update.legend import Legend
from ecosg_update.training import bigearthnet, labelling, split
from ecosg_update.training.config import Config, LabelsSection, PatchSource, SceneSource, SplitSection
from ecosg_update.training.labelling import Labelling
from ecosg_update.training.labelmap import label_map
from ecosg_update.training.noise import Noise
from ecosg_update.training.piece import Source
from ecosg_update.training.scenes import SceneSource as Tiles
from ecosg_update.training.scenes import Wanted
from ecosg_update.training.select import Rules


def target(labels: LabelsSection) -> Legend:
    """The legend that is learnt; TableError where its tables do not add up."""
    if labels.level is not None:
        return labelling.legend(labelling.CORINE[labels.level])
    if labels.legend is not None:
        return labelling.legend(labels.legend)
    assert labels.grouping is not None
    return labelling.legend_of_groups(labels.grouping)


def to_target(source: str, labels: LabelsSection, wanted: Legend, grouping: Path | None = None) -> Labelling:
    """From the legend of a source to the one that is learnt; `grouping` of the source goes before the common one."""
    legend = labelling.legend(source)
    table = grouping or labels.grouping
    if table is not None:
        return labelling.grouped(legend, wanted, table)
    if labels.level is not None:
        return labelling.to_level(legend, labels.level)
    if legend != wanted:
        raise ConfigError(
            f"labels: a source has the legend {legend.name}, the set {wanted.name}; give a grouping (CSV: code,group)"
        )
    return labelling.identity(legend)


def sources(config: Config, legend: Legend) -> tuple[Source, ...]:
    """Every source, opened as far as it takes to see that it can be read; their names are unique."""
    wanted = Wanted(
        config.samples.bands,
        config.samples.pixel_m,
        config.samples.tile,
        config.samples.level,
        reach_m=config.select.border_m,
        pure=config.select.mixed,
        optional=config.samples.optional,
    )
    names = _names([section.name or section.path.stem for section in config.source])
    return tuple(
        _scene(name, section, config, legend, wanted)
        if isinstance(section, SceneSource)
        else _patches(name, section, config, legend, wanted)
        for name, section in zip(names, config.source, strict=True)
    )


def division(section: SplitSection) -> split.Division:
    """How pieces are given to splits."""
    if section.kind == "published":
        return split.Published()
    if section.kind == "blocks":
        shares = {"train": section.train, "val": section.val, "test": section.test}
        return split.Blocks(section.side_km, section.margin_km, shares, section.seed)
    val = 0.0 if section.val_countries else section.val / max(section.train + section.val, 1e-9)
    rest = split.Blocks(section.side_km, section.margin_km, {"train": 1 - val, "val": val}, section.seed)
    held = dict.fromkeys(section.test_countries, "test") | dict.fromkeys(section.val_countries, "val")
    if section.countries is None:
        return split.Countries(held, rest, section.margin_km)
    shapes, names = split.countries(section.countries, section.layer, section.attribute)
    split.check_known(tuple(held), names)
    return split.Countries(held, rest, section.margin_km, shapes, names)


def rules(config: Config) -> Rules:
    """The rules of selection."""
    section = config.select
    noise = Noise(section.noise.agreement, section.noise.action) if section.noise else None
    return Rules(
        border_m=section.border_m,
        mixed=section.mixed,
        flags=frozenset(section.flags),
        least_labelled=section.least_labelled,
        dominant_share=section.dominant_share,
        dominant_keep=section.dominant_keep,
        noise=noise,
        splits=frozenset(section.splits),
        seed=config.split.seed,
    )


def _scene(name: str, section: SceneSource, config: Config, legend: Legend, wanted: Wanted) -> Source:
    meaning = to_target(section.legend, config.labels, legend, section.grouping)
    known = label_map(section.labels, meaning, attribute=section.attribute, layer=section.layer)
    stated = {key: getattr(section, key) for key in ("bands", "level", "quantification", "offset")}
    return Tiles(name, section.path, known, wanted, section.country, stated)


def _patches(name: str, section: PatchSource, config: Config, legend: Legend, wanted: Wanted) -> Source:
    meaning = to_target("corine-l3", config.labels, legend)
    known = bigearthnet.metadata(section.metadata) if section.metadata else None
    return bigearthnet.Patches(name, bigearthnet.patches(section.path), wanted, meaning, known, section.maps)


def _names(names: list[str]) -> list[str]:
    """Names that stand twice get a number."""
    return [name if names.count(name) == 1 else f"{name}-{at + 1}" for at, name in enumerate(names)]
