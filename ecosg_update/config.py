"""The configuration of a run: one TOML file, checked before anything is read."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ecosg_update import domains
from ecosg_update.crosswalk.context import DEFAULT_RADIUS_KM
from ecosg_update.errors import ConfigError
from ecosg_update.grid import Bounds
from ecosg_update.patch.attribution import Attribution
from ecosg_update.patch.decide import (
    DEFAULT_EVIDENCE,
    DEFAULT_MIN_CONFIDENCE,
    DEFAULT_MIN_SHARE,
    DEFAULT_MODE,
    DEFAULT_NEVER_NEW,
    DEFAULT_PROTECT,
    DEFAULT_SURE_OF,
    Mode,
    Policy,
    Proof,
    Sureness,
)
from ecosg_update.patch.ensemble import DEFAULT_CORRELATION_KM, MOST
from ecosg_update.patch.field import LONGEST_KM, SHORTEST_KM
from ecosg_update.tables import DEFAULT_FORM, DEFAULT_ZONE, Form

Product = Literal["dir", "nc", "tif"]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A section of the file: an unknown key is an error, not a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SceneSection(Section):
    """The Sentinel-2 product. The last four keys only where the product itself does not say."""

    path: Path
    bands: tuple[str, ...] | None = None
    level: Literal["L1C", "L2A"] | None = None
    quantification: float | None = Field(default=None, gt=0)
    offset: float | None = None


class LabelsSection(Section):
    """A raster of classes in place of a scene and an engine: CORINE or any other legend of the tables."""

    path: Path
    legend: str


class AtmosphereSection(Section):
    """What the atmosphere was, where the product does not say (surface to top-of-atmosphere conversion)."""

    aot550: float | None = Field(default=None, ge=0, le=3)
    water_vapour_cm: float | None = Field(default=None, ge=0, le=10)
    altitude_m: float = Field(default=0.0, ge=-500, le=9000)


DEFAULT_ENGINE = "corine-light"
"""The engine that comes with the package."""


class EngineSection(Section):
    """The network: one by its name, or a checkpoint that describes itself; without either, the package's own.

    weights: the folder of the published weights of `dynamicworld` or `so2sat-lcz`.
    """

    name: Literal["corine-light", "dynamicworld", "so2sat-lcz"] | None = None
    checkpoint: Path | None = None
    weights: Path | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    window: int = Field(default=512, ge=64, le=8192)
    atmosphere: AtmosphereSection = AtmosphereSection()

    @model_validator(mode="before")
    @classmethod
    def _own_engine(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("name") is None and given.get("checkpoint") is None:
            return {**given, "name": DEFAULT_ENGINE}
        return given

    @model_validator(mode="after")
    def _one_network(self) -> Self:
        if self.name is not None and self.checkpoint is not None:
            raise ValueError("give either name or checkpoint")
        if self.weights is not None and self.name in (None, DEFAULT_ENGINE):
            raise ValueError("weights are for dynamicworld and so2sat-lcz; name one of them")
        return self


class BaseSection(Section):
    """The map to renew: the `.dir` beside its `.hdr`."""

    path: Path


class TargetSection(Section):
    """The grid of the result: cells a degree (360 = 300 m, 1800 = 60 m), and where.

    bounds: west, south, east, north. domain: in their place, a model domain by its name or file. Neither: the
    whole base.
    """

    per_degree: int = Field(default=360, ge=1, le=10800)
    bounds: tuple[float, float, float, float] | None = None
    domain: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.bounds is not None and self.domain is not None:
            raise ValueError("give either bounds or domain")
        self.area()
        return self

    def area(self) -> Bounds | None:
        """West, south, east, north in degrees, with the margin of `domains.bounds`; None for the whole base."""
        return self.bounds if self.domain is None else domains.bounds(self.domain)

    @property
    def inputs(self) -> list[Path]:
        """The file of the domain, where it is one."""
        return [Path(self.domain)] if self.domain is not None and domains.is_file(self.domain) else []


class RulesSection(Section):
    """Which rules of context hold: see docs/rules.md. Those that need a raster speak only where it is given.

    inherit: R1, the sub-type is the original's own. neighbours: R2, else the most frequent one around. water: R4, off
    by default, as it lets the coast move once `patch.never_new` allows it. town_zones: of an LCZ prediction, the best
    zone takes a town's whole probability, or all take their share, for ensembles. smallest_patch: R7, new patches of
    fewer cells join a neighbour; 1 lets all be. low_plants: R9, grass and crops are "seen", or "kept" as the original
    has them; "auto" keeps them where the engine's card says that it does not tell them apart.
    """

    inherit: bool = True
    neighbours: bool = True
    crops: bool = True
    water: bool = False
    towns: bool = True
    town_zones: Literal["best", "all"] = "best"
    snow: bool = True
    smallest_patch: int = Field(default=1, ge=1, le=100)
    wetlands: bool = True
    low_plants: Literal["auto", "seen", "kept"] = "auto"


class CrosswalkSection(Section):
    """Which rows of the crosswalk hold, how far rule R1 looks for a sub-type, and what the other rules may see.

    form: "hard" takes each class to the cover that stands best for it, "fractional" to the mixture that the sources
    give. tables: a folder of the user's own legends and crosswalks, over those that ship. lcz: the NetCDF that
    `predict --engine so2sat-lcz` wrote on the target's cells. imperviousness: a GeoTIFF whose value of fully sealed
    ground is `imperviousness_full`. building_height: in metres, 0 where nothing is built. crop_types: codes of
    `tables/crop_types.csv`. glaciers, wetlands: masks, above 0 where they hold. Any projection and pixel size.
    """

    zone: str = DEFAULT_ZONE
    form: Form = DEFAULT_FORM
    tables: Path | None = None
    radius_km: float = Field(default=DEFAULT_RADIUS_KM, gt=0, le=200)
    lcz: Path | None = None
    imperviousness: Path | None = None
    imperviousness_full: float = Field(default=100.0, gt=0)
    building_height: Path | None = None
    crop_types: Path | None = None
    glaciers: Path | None = None
    wetlands: Path | None = None
    rules: RulesSection = RulesSection()

    @property
    def inputs(self) -> list[Path]:
        """The files that the rules read."""
        return [path for key in RULE_FILES if (path := getattr(self, key)) is not None]


RULE_FILES = ("lcz", "imperviousness", "building_height", "crop_types", "glaciers", "wetlands")


class PatchSection(Section):
    """When a cell may change: see `ecosg_update.patch.decide.Policy`."""

    min_share: Share = DEFAULT_MIN_SHARE
    min_confidence: Share = DEFAULT_MIN_CONFIDENCE
    protect: tuple[str, ...] = DEFAULT_PROTECT
    never_new: tuple[str, ...] = DEFAULT_NEVER_NEW
    mode: Mode = DEFAULT_MODE
    evidence: Proof = DEFAULT_EVIDENCE
    sure_of: Sureness = DEFAULT_SURE_OF

    def policy(self) -> Policy:
        """The same as the patch stage's noun."""
        return Policy(**self.model_dump())


class OutputSection(Section):
    """Where the products go: FOLDER/STEM.dir, .hdr, .nc, .tif, STEM_quicklook.png, STEM_manifest.json.

    members: covers of an ensemble, STEM_m00.dir ..., the best estimate first, the others drawn (docs/ensembles.md);
    0 for none. correlation_km and seed: of its draws. products: further maps in which one kind of change is applied,
    STEM_urban.dir ...; "full" is the map itself, which is always written.
    """

    folder: Path
    stem: str = Field(default="ecosg_final_map", min_length=1, max_length=24, pattern=r"^[A-Za-z0-9._-]+$")
    formats: tuple[Product, ...] = ("dir", "nc", "tif")
    title: str | None = None
    overwrite: bool = False
    members: int = Field(default=0, ge=0, le=MOST)
    correlation_km: float = Field(default=DEFAULT_CORRELATION_KM, ge=SHORTEST_KM, le=LONGEST_KM)
    seed: int = Field(default=0, ge=0, lt=2**63)
    products: tuple[Attribution, ...] = ("full",)


class Config(Section):
    """A whole run."""

    scene: SceneSection | None = None
    labels: LabelsSection | None = None
    engine: EngineSection | None = None
    base: BaseSection
    target: TargetSection = TargetSection()
    crosswalk: CrosswalkSection = CrosswalkSection()
    patch: PatchSection = PatchSection()
    output: OutputSection

    @model_validator(mode="before")
    @classmethod
    def _own_engine(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("scene") is not None and given.get("engine") is None:
            return {**given, "engine": {}}
        return given

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.scene is None) == (self.labels is None):
            raise ValueError("give either a [scene], with an [engine] if not the package's own, or [labels]")
        if self.scene is None and self.engine is not None:
            raise ValueError("[scene] and [engine] go together; [labels] needs neither")
        return self


def load(path: Path, overrides: dict[str, dict[str, Any]] | None = None) -> Config:
    """The configuration of a TOML file; relative paths are relative to the file.

    overrides: section -> key -> value, stronger than the file (from the command line). Raises ConfigError that
    names the key, what was found and what was expected.
    """
    document = document_of(path)
    for section, keys in _relative_to(path.parent, document).items():
        document[section] = keys
    for section, keys in (overrides or {}).items():
        document[section] = {**document.get(section, {}), **keys}
    return checked(Config, document, str(path))


def document_of(path: Path) -> dict[str, Any]:
    """The document of a TOML file; ConfigError where it cannot be read or is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give the path of a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML ({error})") from error


Kind = TypeVar("Kind", bound=BaseModel)


def checked(kind: type[Kind], document: dict[str, Any], name: str) -> Kind:
    """A section, or a whole `Config`, from plain values; ConfigError for the first fault.

    name: what the values came from, for the message.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(str(part) for part in fault["loc"]) or "the file as a whole"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        found = f", found {fault['input']!r}" if fault["loc"] and fault["type"] != "missing" else ""
        raise ConfigError(f"{name}: {key}: {fault['msg'].removeprefix('Value error, ')}{found[:80]}{more}") from error


def _relative_to(folder: Path, document: dict[str, Any]) -> dict[str, Any]:
    """The sections of a document with every path resolved against the folder of its file."""
    places = {("scene", "path"), ("labels", "path"), ("base", "path"), ("output", "folder"), ("engine", "checkpoint")}
    places |= {("engine", "weights"), ("crosswalk", "tables"), *(("crosswalk", key) for key in RULE_FILES)}
    resolved = {}
    for section, keys in document.items():
        if not isinstance(keys, dict):
            continue
        if section == "target" and domains.is_file(str(keys.get("domain", ""))):
            places.add(("target", "domain"))
        resolved[section] = {
            key: str(folder / Path(value).expanduser())
            if (section, key) in places and isinstance(value, str)
            else value
            for key, value in keys.items()
        }
    return resolved


def toml(config: Config) -> str:
    """The resolved configuration as TOML text: what a run leaves beside its products, and can be run again."""
    lines: list[str] = []
    document = config.model_dump(mode="json", exclude_none=True)
    for section, keys in document.items():
        nested = {key: value for key, value in keys.items() if isinstance(value, dict)}
        lines += [f"[{section}]", *(f"{key} = {_value(value)}" for key, value in keys.items() if key not in nested)]
        for name, values in nested.items():
            lines += ["", f"[{section}.{name}]", *(f"{key} = {_value(value)}" for key, value in values.items())]
        lines.append("")
    return "\n".join(lines)


def _value(value: Any) -> str:
    """A TOML value: text, number, truth or a flat list of them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return repr(value)
