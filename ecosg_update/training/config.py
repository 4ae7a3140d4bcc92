"""The configuration of a training set: one TOML file, checked before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from ecosg_update.config import Section, checked, document_of
from ecosg_update.errors import SceneError
from ecosg_update.scene.bands import band_name

Share = Annotated[float, Field(ge=0, le=1)]
PATHS = {"path", "labels", "legend", "grouping", "metadata", "maps", "countries", "checkpoint"}
"""Keys that name files; relative ones are relative to the configuration."""


class SamplesSection(Section):
    """What every sample is: bands in order, pixel size, product level, least side of a tile of a scene in pixels.

    optional: the bands that a source may lack; its samples say so.
    """

    bands: tuple[str, ...] = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
    pixel_m: float = Field(default=10.0, gt=0)
    level: Literal["L1C", "L2A", "mixed"] = "L2A"
    tile: int = Field(default=256, ge=16, le=4096)
    optional: tuple[str, ...] = ()

    @field_validator("bands", "optional")
    @classmethod
    def _of_sentinel2(cls, bands: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(map(band_name, bands))
        except SceneError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _never_without_bands(self) -> Self:
        if not set(self.optional) < set(self.bands):
            raise ValueError("optional takes some of the bands, not all")
        return self


class LabelsSection(Section):
    """What is learnt: a level of CORINE, or a user's own legend and grouping.

    level: 1, 2 or 3. legend: a CSV (code,name[,colour,group]) or the name of a legend of the tables. grouping: a CSV
    (code,group) from the codes of the sources to codes or names of the legend; alone it implies the legend, its
    groups numbered 1, 2, ... A legend alone takes the sources' codes as they are.
    """

    level: Literal[1, 2, 3] | None = None
    legend: str | None = None
    grouping: Path | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.level is None) == (self.legend is None and self.grouping is None):
            raise ValueError("give either level, or legend and grouping")
        return self


class SceneSource(Section):
    """A scene that the tool reads, with a map of classes over it.

    labels: a GeoTIFF of codes, or polygons (GeoPackage, shapefile) with the code in `attribute` of `layer`. legend:
    what the codes mean, a name of the tables or a CSV. grouping: in place of [labels] grouping, for this source.
    """

    kind: Literal["scene"]
    path: Path
    labels: Path
    name: str | None = None
    legend: str = "corine-l3"
    attribute: str | None = None
    layer: str | None = None
    grouping: Path | None = None
    country: str = ""
    bands: tuple[str, ...] | None = None
    level: Literal["L1C", "L2A"] | None = None
    quantification: float | None = Field(default=None, gt=0)
    offset: float | None = None


class PatchSource(Section):
    """BigEarthNet, v1 (labels in json) or v2 (maps and metadata), below one folder.

    metadata: the published metadata.parquet: split, country, flags, and v2's labels where there are no maps.
    """

    kind: Literal["bigearthnet-v1", "bigearthnet-v2"]
    path: Path
    name: str | None = None
    metadata: Path | None = None
    maps: Path | None = None

    @model_validator(mode="after")
    def _labelled(self) -> Self:
        if self.kind == "bigearthnet-v2" and self.metadata is None and self.maps is None:
            raise ValueError("version 2 has its labels in metadata (metadata.parquet) or maps (Reference_Maps)")
        if self.kind == "bigearthnet-v1" and self.maps is not None:
            raise ValueError("version 1 has no maps; leave them out")
        return self


SourceSection = Annotated[SceneSource | PatchSource, Field(discriminator="kind")]


class NoiseSection(Section):
    """Likely wrong labels: see `ecosg_update.training.noise`. checkpoint: a model that must disagree, too."""

    agreement: Share = 0.25
    action: Literal["drop", "weight"] = "drop"
    checkpoint: Path | None = None


class SelectSection(Section):
    """Which pixels and pieces are kept: see `ecosg_update.training.select.Rules`.

    balance: power of a class's rarity in the weight of a sample, 0 none, 0.5 the root, 1 all.
    """

    border_m: float = Field(default=0.0, ge=0, le=5000)
    mixed: bool = False
    flags: tuple[Literal["cloud", "snow"], ...] = ("cloud", "snow")
    least_labelled: Share = 0.01
    dominant_share: Share = 1.0
    dominant_keep: Share = 1.0
    splits: tuple[Literal["train", "val", "test"], ...] = ("train",)
    balance: Share = 0.5
    noise: NoiseSection | None = None


class SplitSection(Section):
    """Who trains and who judges: see `ecosg_update.training.split`.

    kind: "blocks" (blocks of side_km by shares of train, val, test), "countries" (test and val_countries held out,
    the rest in blocks by train and val), "published" (BigEarthNet v2's). countries: a vector file of countries with
    their names in `attribute`; without it the publisher's country counts, and no distance is kept.
    """

    kind: Literal["blocks", "countries", "published"] = "blocks"
    side_km: float = Field(default=20.0, gt=0)
    margin_km: float = Field(default=1.0, ge=0)
    train: Share = 0.7
    val: Share = 0.15
    test: Share = 0.15
    seed: int = 0
    test_countries: tuple[str, ...] = ()
    val_countries: tuple[str, ...] = ()
    countries: Path | None = None
    layer: str | None = None
    attribute: str = "name"

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        if (self.kind == "countries") != bool(self.test_countries):
            raise ValueError('test_countries goes with kind = "countries" and it needs them')
        if set(self.test_countries) & set(self.val_countries):
            raise ValueError("a country is in test_countries and in val_countries")
        if self.kind == "blocks" and abs(self.train + self.val + self.test - 1) > 1e-6:
            raise ValueError("train, val and test must sum to 1")
        return self


class Config(Section):
    """A whole training set."""

    samples: SamplesSection = SamplesSection()
    labels: LabelsSection
    source: tuple[SourceSection, ...] = Field(min_length=1)
    select: SelectSection = SelectSection()
    split: SplitSection = SplitSection()


def load(path: Path) -> Config:
    """The configuration of a TOML file; relative paths are relative to the file.

    Raises ConfigError that names the key, what was found and what was expected.
    """
    document = document_of(path)
    return checked(Config, _resolved(path.parent, document), str(path))


def _resolved(folder: Path, value: Any, key: str = "") -> Any:
    """The document with every path resolved; a `legend` that is no .csv is a name of the tables."""
    if isinstance(value, dict):
        return {name: _resolved(folder, item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolved(folder, item, key) if isinstance(item, dict) else item for item in value]
    if key in PATHS and isinstance(value, str) and (key != "legend" or value.lower().endswith(".csv")):
        return str(folder / Path(value).expanduser())
    return value
