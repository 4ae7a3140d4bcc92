"""The report of a run: two files or none, from a folder or a manifest, with what was asked for in them."""

import json
import re

import numpy as np
import pytest

from ecosg_update.errors import ConfigError, FormatError, OutputError
from ecosg_update.formats import direct
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap
from ecosg_update.reporting import report
from ecosg_update.reporting.image import LEAST, MOST, size
from ecosg_update.scoring.mapped import Question
from tests.conftest import say
from tests.report import made


def test_a_report_is_a_page_and_a_document_that_agree(tmp_path):
    run, patch = tmp_path / "run", made.patch()
    made.run(run, patch)
    found = report(run)
    assert json.loads((run / "report.json").read_text()) == json.loads(json.dumps(found))
    assert found["compare"]["cells"]["changed"] == patch.changed.sum() == found["evidence"]["changed"]["cells"]
    page = (run / "report.html").read_text()
    assert all(figure["value"] in page for figure in found["figures"])
    assert found["compare"]["old"] == "base.dir" and "tmp" not in found["compare"]["old"]


def test_the_same_run_gives_the_same_bytes(tmp_path):
    run = made.run(tmp_path / "run", made.patch())
    for name in ("one", "two"):
        report(run / "made_manifest.json", tmp_path / name)
    for file in ("report.html", "report.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_nothing_of_the_page_is_fetched(tmp_path):
    run = made.run(tmp_path / "run", made.patch())
    report(run)
    page = (run / "report.html").read_text()
    head = page[: page.index("<body>")]
    assert "default-src 'none'" in head and "unsafe" not in head
    assert re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]*\"", page) == [] and "http" not in page.replace(
        "http-equiv", ""
    )
    assert " style=" not in page  # the policy would refuse it


def test_a_truth_that_is_the_new_map_makes_the_verdict_better(tmp_path):
    patch = made.patch(LatLonGrid(360, 13327, 61720, 60, 80))
    run = made.run(tmp_path / "run", patch)
    truth = tmp_path / "truth.dir"
    direct.write(patch.cover, truth, title="truth")
    found = report(run, truth=Question(truth, groupings=("ecosg",)))
    assert found["verdict"]["word"] == "better"
    whole = {row["contestant"]: row["scores"]["accuracy"]["value"] for row in found["score"]["rows"]}
    seen = patch.changed.size
    assert whole["new"] == 1 and np.isclose(whole["original"], 1 - patch.changed.sum() / seen)
    other = tmp_path / "other.dir"
    direct.write(CoverMap(patch.base, patch.cover.grid, patch.cover.legend), other, title="truth")
    assert report(run, overwrite=True, truth=Question(other))["verdict"]["word"] == "worse"


def test_a_report_is_complete_or_absent(tmp_path):
    run = made.run(tmp_path / "run", made.patch())
    before = sorted(run.iterdir())
    (run / "made.nc").write_bytes((run / "made.nc").read_bytes()[:3000])
    with pytest.raises(FormatError):
        report(run)
    assert sorted(run.iterdir()) == before
    with pytest.raises(FormatError):
        report(run, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_report_that_exists_is_kept(tmp_path):
    run = made.run(tmp_path / "run", made.patch())
    (run / "report.json").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        report(run)
    assert (run / "report.json").read_text() == "mine" and not (run / "report.html").exists()


def test_what_is_no_run_is_refused_with_a_hint(tmp_path):
    with pytest.raises(FormatError, match="holds no"):
        report(tmp_path)
    (tmp_path / "x_manifest.json").write_text("[]")
    with pytest.raises(FormatError, match="no manifest of a run"):
        report(tmp_path)
    run = made.run(tmp_path / "run", made.patch())
    record = json.loads((run / "made_manifest.json").read_text())
    (run / "made_manifest.json").write_text(json.dumps(record | {"products": {"made.dir": ""}}))
    with pytest.raises(FormatError, match=r"wrote no made\.nc"):
        report(run)
    (run / "other_manifest.json").write_text("{}")
    with pytest.raises(ConfigError, match="holds 2 runs"):
        report(run)


def test_the_image_has_the_proportions_of_the_land_and_a_sensible_size():
    for grid in (LatLonGrid(360, 10000, 5, 20, 90), LatLonGrid(360, 10000, 5, 7000, 900), LatLonGrid.globe(1)):
        width, height = size(grid)
        assert LEAST <= max(width, height) <= MOST and min(width, height) >= 1
    width, height = size(LatLonGrid(60, 60 * 30, 0, 60, 60))  # a degree at 59.5 N
    assert abs(width / height - np.cos(np.radians(59.5))) < 0.01


def test_the_command_reports_the_demo_with_image_domain_and_truth(simulated, tmp_path):
    folder, _ = simulated
    arguments = ["report", folder / "output", "-o", tmp_path / "new" / "page"]
    given = ["--domain", folder / "input/simulated_domain.toml", "--truth", folder / "input/simulated_truth.dir"]
    said = say(*arguments, *given)
    assert said.code == 0, said.err
    assert said.out.splitlines()[0].endswith("agrees better with the truth.")
    found = json.loads((tmp_path / "new/page/report.json").read_text())
    assert found["compare"]["domain"]["name"] == "SIMULATED" and found["score"]["rows"]
    assert 'id="layer-image"' in (tmp_path / "new/page/report.html").read_text()
    assert say(*arguments, "--truth-legend", "corine-l3").code == 2
