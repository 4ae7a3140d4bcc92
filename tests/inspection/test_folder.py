import json
import re

import numpy as np
import pytest

from ecosg_update.errors import ConfigError, OutputError, TableError
from ecosg_update.inspection import folder as module
from ecosg_update.inspection.estimates import drawn
from ecosg_update.inspection.folder import Design, inspection
from ecosg_update.inspection.source import opened
from tests.inspection.made import patched

NAMES = ["design.json", "inspect.html", "sites.csv", "strata.csv"]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return opened(patched(tmp_path_factory.mktemp("folder"))[1])


def data(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)[1])


def test_a_folder_holds_everything_and_repeats_to_the_byte(source, tmp_path):
    for name in ("one", "two"):
        inspection(source, tmp_path / name, Design(sites=30, least=2))
    assert sorted(file.name for file in (tmp_path / "one").iterdir()) == NAMES
    for name in NAMES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_page_holds_every_site_and_no_address_but_its_own(source, tmp_path):
    found = inspection(source, tmp_path / "out", Design(sites=30, least=2))
    html = (tmp_path / "out" / "inspect.html").read_text()
    sites = data(html)["sites"]
    assert [one["id"] for one in sites] == [one.id for one in found.sites]
    assert all(one["new"].startswith("data:image/png;base64,") and one["photo"] is None for one in sites)
    assert not re.search(r"""(?:src|href)=["']?(?:https?:|//)|url\(|@import""", html)
    assert "$" not in re.sub(r"<script>.*</script>", "", html, flags=re.DOTALL)
    assert "no image: the maps alone are shown; give one with --image" in found.notes


def test_a_name_that_is_markup_stays_text(tmp_path):
    (tmp_path / "<img src=x onerror=alert(1)>").mkdir()
    _, file = patched(tmp_path / "<img src=x onerror=alert(1)>")
    evil = file.rename(file.with_name("<script>alert(1)</script>.nc".replace("/", "")))
    inspection(opened(evil), tmp_path / "out", Design(sites=10, least=1, by=("change",)))
    html = (tmp_path / "out" / "inspect.html").read_text()
    assert "<script>alert" not in html and "&lt;script&gt;alert" in html
    assert "</script" not in json.dumps(data(html))


def test_a_standard_error_sets_the_number_of_sites(source, tmp_path):
    few, many = (
        len(inspection(source, tmp_path / str(error), Design(None, error, least=1)).sites) for error in (0.05, 0.03)
    )
    assert few == pytest.approx(0.16 / 0.05**2, rel=0.15) and many > 1.8 * few


def test_what_was_asked_for_is_kept(source, tmp_path):
    inspection(source, tmp_path / "out", Design(sites=40, least=2, left_out=("sea",), seed=7))
    design = json.loads((tmp_path / "out" / "design.json").read_text())
    assert (design["design"]["seed"], design["design"]["left_out"], design["legend"]) == (7, ["sea"], "ecosg")
    found = drawn(tmp_path / "out")
    assert sum(one.sampled for one in found.strata) == len(found.sites) == 40
    assert sum(one.km2 for one in found.strata) == pytest.approx(design["km2"])
    assert sum(design["mapped_km2"]["new"].values()) == pytest.approx(design["km2"])


def test_nothing_is_left_of_an_inspection_that_fails(source, tmp_path, monkeypatch):
    with pytest.raises(TableError, match="ask for"):
        inspection(source, tmp_path / "few", Design(sites=3))
    assert not (tmp_path / "few").exists()
    monkeypatch.setattr(module, "page", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OutputError, match="No space left"):
        inspection(source, tmp_path / "full", Design(sites=80))
    assert not (tmp_path / "full").exists()


def test_an_inspection_that_exists_is_not_replaced_unasked(source, tmp_path):
    inspection(source, tmp_path, Design(sites=80))
    before = (tmp_path / "sites.csv").read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        inspection(source, tmp_path, Design(sites=80, seed=1))
    assert (tmp_path / "sites.csv").read_bytes() == before
    inspection(source, tmp_path, Design(sites=80, seed=1), overwrite=True)
    assert (tmp_path / "sites.csv").read_bytes() != before


@pytest.mark.parametrize(
    "wrong",
    [
        {"sites": 0},
        {"sites": 5, "standard_error": 0.1},
        {"sites": None},
        {"sites": None, "standard_error": 1.5},
        {"expected": 1.0},
        {"least": 0},
        {"seed": -1},
        {"radius_km": 0},
        {"radius_km": 51},
    ],
)
def test_a_design_that_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigError, match="inspection: "):
        Design(**wrong)


def test_sites_are_shown_at_the_finest_pixels_of_the_scene(simulated, tmp_path):
    run, _ = simulated
    found = inspection(opened(run / "output"), tmp_path / "out", Design(sites=30, least=1, by=("change",)))
    sites = data((tmp_path / "out" / "inspect.html").read_text())["sites"]
    assert all(one["photo"].startswith("data:image/jpeg;base64,") for one in sites)
    assert any("image: S2A_MSIL2A" in note for note in found.notes)
    assert len({one["photo"] for one in sites}) == 30
    assert np.isfinite([one["confidence"] for one in sites]).all()


def test_a_run_whose_scene_is_gone_shows_its_maps(simulated, tmp_path):
    run, _ = simulated
    (tmp_path / "moved").mkdir()
    for name in ("simulated_demo.nc", "simulated_demo_manifest.json"):
        text = (run / "output" / name).read_bytes().replace(str(run).encode(), b"/gone")
        (tmp_path / "moved" / name).write_bytes((run / "output" / name).read_bytes() if name.endswith("nc") else text)
    found = inspection(opened(tmp_path / "moved"), tmp_path / "out", Design(sites=10, least=1, by=("change",)))
    assert any("is no longer there; give it with --image" in note for note in found.notes)
