"""Each workflow reads its own text: TOML by a TOML reader, shell by a shell, JSON by a JSON reader."""

import json
import subprocess
import tomllib

import pytest

from ecosg_update.install.plan import Wish
from ecosg_update.install.tree import installed
from tests.install.made import cover_pair, data_tree, typed_pair


@pytest.fixture
def made(tmp_path):
    tree = data_tree(tmp_path / "data" / "ECOCLIMAP-SG")
    cover = cover_pair(tmp_path / "patched.dir", seed=5)
    return installed(Wish(tree, tree.parent / "SG-ie1", "1.3-ie", cover))


def test_deode_finds_the_tree_and_its_folders(made):
    found = tomllib.loads(made.workflows["deode.toml"])
    shadow = made.plan.target
    assert found["suite_control"] == {"create_static_data": True}
    assert found["platform"] == {
        "ecosg_data_path": str(shadow),
        "lai_dir": str(shadow / "LAI_SAT"),
        "tree_height_dir": str(shadow / "HT"),
        **{f"alb{band}_{of}_dir": str(shadow / "ALB_SAT") for band in ("nir", "vis") for of in ("soil", "veg")},
    }


def test_the_shell_sets_harmonies_variables(made):
    script = made.workflows["harmonie.sh"] + '\nprintf "%s\\n" "$ECOSG_DATA_PATH" $CREATE_CLIMATE $USE_REF_CLIMDIR'
    done = subprocess.run(["bash", "-eu", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(made.plan.target), "yes", "no"] and done.stderr == ""


def test_every_text_names_only_paths_that_exist_and_the_trap_is_told(made):
    system = json.loads(made.workflows["system.json"])
    assert system["ecoclimap_sg_cover_dir"] == system["ecosg_data_path"] + "/COVER"
    assert all((made.plan.target / path).is_dir() for path in system.values())
    for name in ("deode.toml", "harmonie.sh"):
        assert "cached climate directory silently ignores a new cover" in made.workflows[name]


def test_the_texts_lie_in_the_tree_as_they_were_told(made):
    folder = made.plan.target / "workflows"
    assert {path.name: path.read_text() for path in folder.iterdir()} == made.workflows


def test_folders_of_two_resolutions_are_left_to_the_workflow_until_one_is_filled(tmp_path):
    tree = data_tree(tmp_path / "data" / "ECOCLIMAP-SG")
    (tree / "LAI").mkdir()
    (tree / "LAI_SAT").rename(tree / "LAI" / "300M")
    typed_pair(tree / "LAI" / "60M" / "LAI_SAT_0105_c.dir")
    cover = cover_pair(tmp_path / "patched.dir", seed=5)
    one = installed(Wish(tree, tree.parent / "one", "1", cover))
    assert "lai_dir" not in json.loads(one.workflows["system.json"])
    filled = typed_pair(tmp_path / "filled" / "LAI" / "60M" / "LAI_SAT_0105_c.dir", seed=1).parents[2]
    two = installed(Wish(tree, tree.parent / "two", "2", cover, parameters=filled))
    assert json.loads(two.workflows["system.json"])["lai_dir"] == str(tree.parent / "two" / "LAI" / "60M")
