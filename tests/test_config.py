"""A configuration is checked as a whole before anything is read."""

import tomllib

import pytest

from ecosg_update import domains
from ecosg_update.config import Config, checked, load, toml
from ecosg_update.domains import layouts
from ecosg_update.errors import ConfigError

SMALL = """
[labels]
path = "clc.tif"
legend = "corine-l3"
[base]
path = "../base/map.dir"
[output]
folder = "out"
"""


def written(tmp_path, text):
    file = tmp_path / "run.toml"
    file.write_text(text)
    return file


def test_paths_are_relative_to_the_file(tmp_path):
    config = load(written(tmp_path, SMALL))
    assert config.labels.path == tmp_path / "clc.tif"
    assert config.base.path == tmp_path / "../base/map.dir"
    assert config.output.folder == tmp_path / "out"


def test_defaults_are_those_of_the_stages(tmp_path):
    config = load(written(tmp_path, SMALL))
    assert config.target.per_degree == 360
    assert config.patch.policy().min_share == 0.5
    assert config.output.formats == ("dir", "nc", "tif")


def test_the_resolved_configuration_can_be_run_again(tmp_path):
    text = SMALL + 'stem = "clover \\"x"\n'.replace(' \\"x', "") + "[target]\nbounds = [-9.5, 52.0, -8.0, 53.0]\n"
    config = load(written(tmp_path, text))
    again = checked(Config, tomllib.loads(toml(config)), "again")
    assert again == config


def test_an_engine_section_survives_the_round_trip(tmp_path):
    text = SMALL.replace("[labels]", "[scene]").replace('legend = "corine-l3"', "")
    text += '[engine]\nname = "dynamicworld"\n[engine.atmosphere]\naot550 = 0.2\n'
    config = load(written(tmp_path, text))
    assert checked(Config, tomllib.loads(toml(config)), "again") == config


@pytest.mark.parametrize("section", ["", "[engine]\nwindow = 256\n"])
def test_a_scene_without_a_named_engine_takes_the_package_s_own(tmp_path, section):
    text = SMALL.replace("[labels]", "[scene]").replace('legend = "corine-l3"', "") + section
    config = load(written(tmp_path, text))
    assert config.engine is not None and config.engine.name == "corine-light"
    assert checked(Config, tomllib.loads(toml(config)), "again") == config


@pytest.mark.parametrize(
    "change, message",
    [
        (("folder", "foldr"), r"output\.folder: Field required"),
        (('legend = "corine-l3"', ""), r"labels\.legend"),
        (("[base]", "[target]\nper_degree = 0\n[base]"), r"target\.per_degree: .*, found 0"),
        (("[base]", "[patch]\nmin_share = 2\n[base]"), r"patch\.min_share: .* found 2"),
        (("[base]", "[scene]\npath = 'x'\n[base]"), "either a"),
        (("[base]", "[engine]\nname = 'dynamicworld'\n[base]"), "go together"),
        (("[base]", "[engine]\nname = 'so2sat-lcz'\ncheckpoint = 'x'\n[base]"), "either name or checkpoint"),
        (("[base]", "[engine]\nweights = 'x'\n[base]"), "weights are for dynamicworld and so2sat-lcz"),
        (("[base]", "[flags]\nx = 1\n[base]"), "flags: Extra inputs"),
        (("[base]", "[target]\ndomain = 'DKCOEXP'\nbounds = [0, 1, 2, 3]\n[base]"), "give either bounds or domain"),
        (("[base]", "[target]\ndomain = 'METCOP25'\n[base]"), "near it are METCOOP25"),
        (("[base]", "[target]\ndomain = 'absent.json'\n[base]"), r"absent\.json: cannot be read"),
        (("[base]", "[target]\ndomain = 7\n[base]"), r"target\.domain: .*, found 7"),
        (('"out"', '"out"\nstem = "a_stem_of_more_than_24_chars"'), r"output\.stem"),
        (("[labels]", "[labels"), "is not TOML"),
    ],
)
def test_a_fault_is_one_line_that_names_the_key(tmp_path, change, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load(written(tmp_path, SMALL.replace(*change)))
    assert "\n" not in str(caught.value)


def test_the_command_line_is_stronger_than_the_file(tmp_path):
    config = load(written(tmp_path, SMALL), {"output": {"folder": "/elsewhere", "overwrite": True}})
    assert str(config.output.folder) == "/elsewhere" and config.output.overwrite


def test_a_missing_file_is_a_configuration_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "absent.toml")


def test_a_domain_is_the_box_of_its_name(tmp_path):
    config = load(written(tmp_path, SMALL + '[target]\ndomain = "dkcoexp"\n'))
    assert config.target.area() == domains.bounds("DKCOEXP") and config.target.inputs == []
    assert checked(Config, tomllib.loads(toml(config)), "again") == config


def test_the_file_of_a_domain_is_relative_to_the_configuration(tmp_path):
    (tmp_path / "dk.json").write_text(layouts.pysurfex_text(domains.domain("DKCOEXP")))
    config = load(written(tmp_path, SMALL + '[target]\ndomain = "dk.json"\n'))
    assert config.target.inputs == [tmp_path / "dk.json"]
    assert config.target.area() == domains.bounds("DKCOEXP")


def test_mode_and_evidence_reach_the_policy_and_others_are_refused(tmp_path):
    policy = load(written(tmp_path, SMALL)).patch.policy()
    assert (policy.mode, policy.evidence) == ("confident", "bayes")
    policy = load(written(tmp_path, SMALL + '[patch]\nmode = "agreement"\nevidence = "engine"\n')).patch.policy()
    assert (policy.mode, policy.evidence) == ("agreement", "engine")
    for line in ('mode = "never"', 'evidence = "guess"'):
        with pytest.raises(ConfigError, match=f"patch.{line.split()[0]}"):
            load(written(tmp_path, SMALL + f"[patch]\n{line}\n"))
