"""Every command of the README runs as it stands."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ecosg_update.config import Config, checked
from ecosg_update.deciding.crossing import zone_number
from ecosg_update.segment.weights import shipped

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [block.strip().splitlines() for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)]
MAKE, *OTHERS = BLOCKS


def test_the_two_commands_are_targets_of_the_makefile():
    assert MAKE == ["make demo", "make test"]
    for command in MAKE:
        done = subprocess.run([*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_configuration_is_whole_and_its_zone_is_one_of_the_engines_classes():
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    found = checked(Config, tomllib.loads(text), "README.md")
    assert found.engine.name == "corine-light"
    assert zone_number(shipped(on="cpu").legend.name, found.crosswalk) >= 0


@pytest.fixture(scope="module")
def workplace(simulated, tmp_path_factory):
    """A folder as it is after `make demo`: the demo in demo/, the sources beside it, the command on the path."""
    folder, _ = simulated
    place = tmp_path_factory.mktemp("readme")
    (place / "demo").symlink_to(folder)
    (place / "ecosg_update").symlink_to(ROOT / "ecosg_update")
    command = place / "bin" / "ecosg-update"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable}\nfrom ecosg_update.cli import main\nmain()\n")
    command.chmod(0o755)
    return place


def test_every_other_command_runs_in_the_order_of_the_page(workplace):
    environment = {**os.environ, "PATH": f"{workplace / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    commands = [line for block in OTHERS for line in block if line and not line.startswith("#")]
    assert len(commands) >= 8 and all(shlex.split(line)[0] == "ecosg-update" for line in commands)
    for line in commands:
        done = subprocess.run(
            ["bash", "-c", line], cwd=workplace, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    assert (workplace / "patched.tif").exists()
