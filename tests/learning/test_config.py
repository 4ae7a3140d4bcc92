import pytest

from ecosg_update.errors import ConfigError
from ecosg_update.learning.config import load
from ecosg_update.segment.train.recipe import Light, Objective, Recipe, Watch
from tests.learning.made import CHAIN, CONFIG

MINIMAL = """
data = { folder = "set" }
output = { folder = "run", licence = "MIT" }
[[step]]
name = "net"
engine = "unet"
"""


def write(folder, text):
    path = folder / "training.toml"
    path.write_text(text)
    return path


def test_what_is_not_said_is_the_recipe_s_own_default(tmp_path):
    step = load(write(tmp_path, MINIMAL)).step[0]
    assert step.recipe == Recipe() and step.start.kind == "random" and step.calibrate_on == "val"


def test_every_number_of_the_recipe_can_be_said(tmp_path):
    recipe = load(write(tmp_path, CONFIG)).step[0].recipe
    assert recipe == Recipe(
        steps=30, batch=4, crop=16, rate=1e-2, watch=Watch(every=10), objective=Objective(hierarchical=0.5)
    )
    light = (
        load(write(tmp_path, MINIMAL + "recipe = { light = { atmosphere = 0.5, low_sun = 75 } }"))
        .step[0]
        .recipe.light
    )
    assert light == Light(atmosphere=0.5, low_sun=75)


def test_paths_are_relative_to_the_file(tmp_path):
    more = 'start = { kind = "imagenet", path = "a/net.safetensors" }\nteacher = { checkpoint = "/b/t.safetensors" }'
    found = load(write(tmp_path, MINIMAL + more))
    assert found.data.folder == tmp_path / "set" and found.output.folder == tmp_path / "run"
    assert found.step[0].start.path == tmp_path / "a" / "net.safetensors"
    assert str(found.step[0].teacher.checkpoint) == "/b/t.safetensors"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "data: Field required"),
        ("[data", "is not TOML"),
        (MINIMAL + "speed = 3", "step.0.speed: Extra inputs are not permitted"),
        (MINIMAL + "recipe = { stepps = 3 }", "step.0.recipe.stepps"),
        (MINIMAL + "recipe = { steps = 0 }", "steps, batch, crop and rate must be above 0"),
        (MINIMAL + "recipe = { schedule = 'warm' }", "step.0.recipe.schedule"),
        (MINIMAL + "recipe = { objective = { pooling = 'max' } }", "step.0.recipe.objective.pooling"),
        (MINIMAL + "recipe = { objective = { cross_entropy = 0 } }", "one of them above 0"),
        (MINIMAL + "recipe = { light = { atmosphere = 2 } }", "atmosphere and clearing are shares"),
        (MINIMAL + "start = { kind = 'previous' }", "no previous one"),
        (MINIMAL + "start = { kind = 'checkpoint' }", "a checkpoint needs its path"),
        (MINIMAL + "start = { kind = 'random', path = 'a' }", "random takes no path"),
        (MINIMAL + "teacher = {}", "give either name or checkpoint"),
        (MINIMAL + "epochs = 0", "step.0.epochs"),
        (MINIMAL.replace('"net"', '"../net"'), "step.0.name"),
        (MINIMAL + "[[step]]\nname = 'net'\nengine = 'unet'", "two steps have the same name"),
        (MINIMAL.replace(', licence = "MIT"', ""), "output.licence: Field required"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_place(tmp_path, text, expected):
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_the_cloud_masks_need_no_path(tmp_path):
    assert load(write(tmp_path, MINIMAL + "start = { kind = 'ukis-csmask' }")).step[0].start.path is None


def test_the_chain_of_the_tests_is_a_configuration(tmp_path):
    assert [step.start.kind for step in load(write(tmp_path, CHAIN)).step] == ["random", "previous"]
