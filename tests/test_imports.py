"""The dependency direction of the architecture, and what a cheap command may import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from ecosg_update.cli import COMMANDS

PACKAGE = Path(__file__).resolve().parents[1] / "ecosg_update"
STAGES = {
    "scene",
    "segment",
    "crosswalk",
    "patch",
    "pgd",
    "check",
    "parameters",
    "install",
    "simulate",
    "report",
    "judge",
    "baselines",
}
RANK = {
    "compiled": 0,
    "errors": 0,
    "fault": 0,
    "grid": 1,
    "legend": 1,
    "table_files": 2,
    "domain": 2,
    "layers": 2,
    "sample": 2,
    "fractions": 3,
    "tables": 3,
    "formats": 4,
} | dict.fromkeys(STAGES, 5)
RANK |= {
    "progress": 0,
    "table_check": 4,
    "domains": 4,
    "config": 6,
    "manifest": 6,
    "deciding": 7,
    "logbook": 7,
    "evidence": 7,
    "info": 7,
    "variants": 7,
    "export": 7,
    "pipeline": 8,
    "training": 8,
    "learning": 9,
    "stages": 9,
    "parameter_files": 9,
    "demo": 9,
    "looking": 9,
    "checking": 9,
    "comparing": 9,
    "scoring": 9,
    "learned": 9,
    "inspection": 9,
}
RANK |= {"insertion": 10, "installation": 10, "reporting": 10, "cli": 11}
ONLY_HOME = {
    "torch": {"segment"},
    "torchvision": {"segment"},
    "segmentation_models_pytorch": {"segment"},
    "sklearn": {"baselines"},
    "click": {"cli"},
    "netCDF4": {"formats"},
    "rasterio": {"scene", "formats", "simulate"},
    "pyogrio": {"formats"},
    "pyarrow": {"formats"},
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem != "__init__")


def room(path):
    """The room of a module: its folder, or its own name at the top of the package."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imported(path):
    """Every module that a file imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    home = room(path)
    for name in imported(path):
        parts = name.split(".")
        if parts[0] in ONLY_HOME:
            assert home in ONLY_HOME[parts[0]], f"{home} must not import {parts[0]}"
        if parts[0] == "ecosg_update" and len(parts) > 1 and parts[1] in RANK and parts[1] != home:
            assert RANK[parts[1]] < RANK[home], f"{home} must not import {parts[1]}"


def test_every_room_has_a_rank():
    assert {room(path) for path in MODULES} <= set(RANK)


def modules_after(*arguments):
    """The names in sys.modules after a run of the command line."""
    code = (
        "import sys\nfrom ecosg_update.cli import main\n"
        f"try: main({list(arguments)!r})\nexcept SystemExit: pass\nprint('|'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.strip().splitlines()[-1].split("|"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["params", "fill", "--help"],
        ["train", "run", "--help"],
        *([name, "--help"] for name in COMMANDS),
    ],
)
def test_help_imports_nothing_heavy(arguments):
    assert not modules_after(*arguments) & {
        "torch",
        "torchvision",
        "rasterio",
        "netCDF4",
        "numpy",
        "pyproj",
        "pydantic",
    }
