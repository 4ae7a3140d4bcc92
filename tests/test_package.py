"""What is installed: the wheel carries the tables, the demo's weights and the command."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
    ]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_every_table_and_module(wheel):
    packed = {name for name in wheel.namelist() if name.startswith("ecosg_update/")}
    tables = {
        f"ecosg_update/_tables/{file.relative_to(ROOT / 'tables')}" for file in (ROOT / "tables").rglob("*.csv")
    }
    modules = {str(file.relative_to(ROOT)) for file in (ROOT / "ecosg_update").rglob("*.py")}
    weights = {f"ecosg_update/simulate/weights/demo.{ending}" for ending in ("safetensors", "json")}
    page = {f"ecosg_update/report/assets/page.{ending}" for ending in ("html", "css", "js")}
    assert tables and tables | modules | weights | page <= packed


def test_the_wheel_installs_the_command(wheel):
    entry = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "ecosg-update = ecosg_update.cli:main" in wheel.read(entry).decode()


def test_tables_are_found_in_an_unpacked_wheel(wheel, tmp_path):
    wheel.extractall(tmp_path)
    code = "from ecosg_update import tables; print(tables.path('legends'), len(tables.crosswalk('corine-l3').source))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / "ecosg_update" / "_tables" / "legends"), "44"]
