"""The command `check`: what it prints, its exit codes, and that it never touches its input."""

import json

import numpy as np

from tests.check.maps import TEXT, changed, codes, pair
from tests.conftest import say


def test_a_right_map_exits_0_with_one_line(tmp_path):
    said = say("check", pair(tmp_path))
    assert said.code == 0
    (line,) = said.out.splitlines()
    assert "0 errors, 0 warnings" in line and "1,961 bytes" in line


def test_a_warning_exits_0_and_an_error_6_errors_first(tmp_path):
    assert say("check", pair(tmp_path, TEXT[:-1])).code == 0
    said = say("check", pair(tmp_path, changed("nodata: 0\n", "").replace("\n", "\r\n")))
    assert said.code == 6
    lines = said.out.splitlines()
    assert lines[0] == "ERROR map.hdr: no nodata [nodata-missing]"
    assert lines[1].startswith("    effect: SURFEX takes 1, the sea") and lines[2].startswith("    cure:   add")
    assert lines[3].startswith("WARNING map.hdr:1: lines end with CR LF")
    assert "1 error, 1 warning" in lines[-1]


def test_json_has_the_faults_and_the_facts(tmp_path):
    said = say("check", pair(tmp_path, changed("nodata: 0\n", "")), "--json")
    found = json.loads(said.out)
    assert said.code == 6 and set(found) == {"path", "faults", "facts"}
    assert [fault["rule"] for fault in found["faults"]] == ["nodata-missing"]
    assert set(found["faults"][0]) == {"severity", "rule", "where", "what", "effect", "cure"}
    assert found["facts"]["rows"] == 37 and sum(found["facts"]["covers"].values()) == 37 * 53


def test_fix_writes_a_pair_that_checks_clean(tmp_path):
    data = pair(tmp_path, changed("north:", "North :"))
    said = say("check", data, "--fix", tmp_path / "out.dir")
    assert said.code == 0, said.err
    assert said.out.splitlines()[-2:] == [str(tmp_path / "out.dir"), str(tmp_path / "out.hdr")]
    assert "header: wrote 'north: 53.3000000000'" in said.out
    assert say("check", tmp_path / "out.dir").code == 0
    assert (tmp_path / "out.dir").read_bytes() == data.read_bytes()


def test_fix_refuses_what_it_would_have_to_guess_and_writes_nothing(tmp_path):
    content = codes()
    content[3, 3] = 40
    said = say("check", pair(tmp_path, content=content), "--fix", tmp_path / "out.dir")
    assert said.code == 6 and "[byte-illegal]" in said.out and "nothing written" in said.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.dir", "map.hdr"]


def test_fix_onto_the_input_is_an_error_of_the_output(tmp_path):
    data = pair(tmp_path)
    said = say("check", data, "--fix", data, "--overwrite")
    assert said.code == 5 and "never changed" in said.err
    assert data.read_bytes() == codes().tobytes()


def test_fix_in_json(tmp_path):
    said = say("check", pair(tmp_path, TEXT.upper()), "--fix", tmp_path / "out.dir", "--json")
    found = json.loads(said.out)
    assert said.code == 0 and found["changes"] and found["left"] == [] and len(found["written"]) == 2


def test_a_domain_and_a_base_are_taken(tmp_path):
    domain = tmp_path / "d.toml"
    domain.write_text(
        "[domain]\nname = 'd'\nnimax = 4\nnjmax = 4\nxdx = 1000.0\nxdy = 1000.0\nxloncen = -9.03\nxlatcen = 53.25\n"
        "xlon0 = -9.03\nxlat0 = 53.25\n"
    )
    data = pair(tmp_path, content=np.where(codes() == 0, 17, codes()))
    said = say("check", data, "--domain", domain, "--base", data)
    assert said.code == 0 and "0 of 16 cells would be filled" in said.out
    far = domain.read_text().replace("-9.03", "12.0")
    domain.write_text(far)
    said = say("check", data, "--domain", domain)
    assert said.code == 6 and "[domain-empty]" in said.out


def test_wrong_input_is_one_line_and_the_documented_code(tmp_path):
    said = say("check", tmp_path / "nothing.dir")
    assert said.code == 3 and len(said.err.splitlines()) == 1 and "nothing.dir" in said.err
    data = pair(tmp_path)
    assert say("check", data, "--domain", "ATLANTIS").code in (2, 3)
    assert say("check", data, "--base", tmp_path / "no.dir").code == 3
    assert say("check", data, "--fix", tmp_path / "o.dir", "--domain", "d").code == 2
    assert say("check").code == 2


def test_the_example_of_the_help_runs_and_the_demo_has_no_error(simulated):
    folder, _ = simulated
    said = say("check", folder / "output" / "simulated_demo.dir", "--base", folder / "input" / "simulated_base.dir")
    assert said.code == 0, said.out
    assert "check demo/output/simulated_demo.dir --base demo/input/simulated_base.dir" in " ".join(
        say("check", "--help").out.split()
    )
