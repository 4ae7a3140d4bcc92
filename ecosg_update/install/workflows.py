"""What a workflow must be told to read a shadow tree: HARMONIE, Deode, pysurfex, and PGD's namelist."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path

from ecosg_update.install.layout import FOLDER_KEYS

TRAP = (
    "A cached climate directory silently ignores a new cover: PGD runs only where its files are not there yet.",
    "Start a new experiment, or empty the climate directory (HARMONIE and Deode: CLIMDIR, pysurfex: the file of -o).",
)
"""What nobody is told by the workflow itself."""


def texts(tree: Path, *, version: str, folders: Mapping[str, Path], namelist: str) -> dict[str, str]:
    """File name -> content; every path is absolute.

    folders: key of `FOLDER_KEYS` -> the folder in the tree; a key without a folder is left to the workflow.
    """
    return {
        "deode.toml": deode(tree, version=version, folders=folders),
        "harmonie.sh": harmonie(tree, version=version),
        "system.json": pysurfex(tree, folders=folders),
        "OPTIONS.nam_ecosg": namelist,
    }


def deode(tree: Path, *, version: str, folders: Mapping[str, Path]) -> str:
    """A TOML for `deode case ?CONFIGURATION THIS.toml -o case.toml`."""
    paths = {"ecosg_data_path": tree, **_ordered(folders)}
    head = _comment(f"ECOCLIMAP-SG {version}: append it to the files of `deode case`", *TRAP)
    lines = ["[platform]", *(f"{key} = {json.dumps(str(path), ensure_ascii=False)}" for key, path in paths.items())]
    return "\n".join([*head, "", *lines, "", "[suite_control]", "create_static_data = true", ""])


def harmonie(tree: Path, *, version: str) -> str:
    """Shell variables for HARMONIE: the tree's place in `Env_system`, the climate's in `ecf/config_exp.h`."""
    head = _comment(
        f"ECOCLIMAP-SG {version}: HARMONIE's variables",
        *TRAP,
        "So does USE_REF_CLIMDIR=yes, which takes climate files that somebody made before.",
    )
    body = [
        "# Env_system (config-sh/config.YOURHOST)",
        f"export ECOSG_DATA_PATH={shlex.quote(str(tree))}   # by default $HM_CLDATA/ECOCLIMAP-SG; HM_CLDATA stays",
        "USE_REF_CLIMDIR=no",
        "# ecf/config_exp.h",
        "ECOCLIMAP_VERSION=SG",
        "CREATE_CLIMATE=yes   # and empty CLIMDIR ($HM_DATA/climate/$DOMAIN) before the run",
    ]
    return "\n".join([*head, *body, ""])


def pysurfex(tree: Path, *, folders: Mapping[str, Path]) -> str:
    """Keys for the `system.json` of `pgd -s`; JSON has no comments, the trap is in the other files."""
    paths = {"ecosg_data_path": tree, "ecoclimap_sg_cover_dir": tree / "COVER", **_ordered(folders)}
    return json.dumps({key: str(path) for key, path in paths.items()}, indent=2, ensure_ascii=False) + "\n"


def _ordered(folders: Mapping[str, Path]) -> dict[str, Path]:
    return {key: folders[key] for key in FOLDER_KEYS if key in folders}


def _comment(*lines: str) -> list[str]:
    return [f"# {line}" for line in lines]
