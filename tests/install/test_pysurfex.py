"""pysurfex as a consumer: its own code turns our namelist and our system.json into links that PGD can read.

The definition of inputs (`BINARY_INPUT`) has the layout of pysurfex's own examples; the namelist of a workflow
names the parameters of all 36 decades, ours is laid over it.
"""

import json
import os
import re

import f90nml
import pytest

from ecosg_update.install import namelist
from ecosg_update.install.plan import Wish
from ecosg_update.install.tree import installed
from tests import oracle_surfex
from tests.install.made import DECADES, cover_pair, data_tree, parameters

pysurfex = pytest.importorskip("pysurfex.namelist", reason="pysurfex is not installed")
from pysurfex.platform_deps import SystemFilePathsFromFile  # noqa: E402

KINDS = {
    "ALBNIR_SOIL": "@albnir_soil_dir@/ALB_SAT_NI_@DECADE@_c.dir",
    "ALBNIR_VEG": "@albnir_veg_dir@/ALB_SAT_NI_@DECADE@_c.dir",
    "ALBVIS_SOIL": "@albvis_soil_dir@/ALB_SAT_VI_@DECADE@_c.dir",
    "ALBVIS_VEG": "@albvis_veg_dir@/ALB_SAT_VI_@DECADE@_c.dir",
    "LAI": "@lai_dir@/LAI_SAT_@DECADE@_c.dir",
    "H_TREE": "@tree_height_dir@/new_ht_c.dir",
}
MACROS = {"VTYPE": {"fmt": "02d"}, "DECADE": {"ntime": "NAM_DATA_ISBA#NTIME"}}


def binary_input(cover="@ecosg_data_path@/COVER"):
    wanted = {
        f"NAM_DATA_ISBA#CFTYP_{kind}": {"DIRTYP": {f"NAM_DATA_ISBA#CFNAM_{kind}": path}}
        for kind, path in KINDS.items()
    }
    wanted["NAM_COVER#YCOVERFILETYPE"] = {"DIRECT": {"NAM_COVER#YCOVER": f"{cover}/ecosg_final_map.dir"}}
    return {"pgd": {"NAM_FRAC#LECOSG": {"True": {"macros": MACROS, **wanted}}}}


def workflow_namelist(path, ours):
    """A namelist as workflows have it, with other covers, over which ours is laid."""
    isba = {"ntime": 36}
    for kind in KINDS:
        names = [[f"{kind.lower()}_{decade}"] for decade in DECADES] if kind != "H_TREE" else ["h_tree"]
        isba[f"cfnam_{kind.lower()}"] = names
        isba[f"cftyp_{kind.lower()}"] = [["DIRTYP"]] * 36 if kind != "H_TREE" else ["DIRTYP"]
    plain = f90nml.Namelist({"nam_frac": {"lecosg": False}, "nam_cover": {"ycover": "old"}, "nam_data_isba": isba})
    plain["nam_data_isba"].start_index = {name: [1, 1] for name in isba if name != "ntime" and "h_tree" not in name}
    plain["nam_data_isba"].start_index |= {"cfnam_h_tree": [1], "cftyp_h_tree": [1]}
    plain.patch(ours)
    plain.write(path)
    return path


@pytest.fixture
def made(tmp_path):
    tree = data_tree(tmp_path / "data" / "ECOCLIMAP-SG")
    cover = cover_pair(tmp_path / "patched" / "patched_ie.dir", seed=5)
    filled = parameters(tmp_path / "patched" / "filled", seed=9)
    wish = Wish(tree, tree.parent / "SG-ie1", "1.3-ie", cover, parameters=filled)
    return installed(wish, fallbacks={"LAI": 0.5}), cover, filled


@pytest.mark.parametrize("cover_place", ["@ecosg_data_path@/COVER", "@ecoclimap_sg_cover_dir@"])
def test_pysurfex_links_our_cover_and_our_parameters_into_the_run_directory(tmp_path, monkeypatch, made, cover_place):
    installation, cover, filled = made
    shadow = installation.plan.target
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.chdir(run)
    ours = f90nml.read(shadow / "workflows" / "OPTIONS.nam_ecosg")
    generator = pysurfex.NamelistGeneratorFromNamelistFile("pgd", workflow_namelist(run / "OPTIONS.nam", ours))
    platform = SystemFilePathsFromFile(shadow / "workflows" / "system.json")
    data = generator.input_data_from_namelist(binary_input(cover_place), platform, check_existence=True)
    data.prepare_input()
    generator.write(run / "OPTIONS.nam")
    assert {path.name for path in run.iterdir()} == set(data.data) | {"OPTIONS.nam"}
    found = oracle_surfex.surfex(run / "ecosg_final_map.hdr")
    covers = [code for row in found.covers(run / "ecosg_final_map.dir") for code in row]
    assert bytes(covers) == cover.read_bytes()
    for decade in DECADES:
        for kind, source in (("lai", "LAI_SAT/LAI_SAT"), ("albnir_soil", "ALB_SAT/ALB_SAT_NI")):
            for ending in (".dir", ".hdr"):
                link = run / f"{kind}_{decade}{ending}"
                assert link.read_bytes() == (filled / f"{source}_{decade}_c{ending}").read_bytes()
    assert (run / "h_tree.dir").read_bytes() == (filled / "HT" / "new_ht_c.dir").read_bytes()
    assert all(os.path.realpath(path).startswith(str(shadow)) for path in data.data.values())


def test_the_namelist_that_pysurfex_writes_has_our_blocks(tmp_path, made):
    installation, _, _ = made
    ours = f90nml.read(installation.plan.target / "workflows" / "OPTIONS.nam_ecosg")
    generator = pysurfex.NamelistGeneratorFromNamelistFile("pgd", workflow_namelist(tmp_path / "nam", ours))
    generator.write(tmp_path / "OPTIONS.nam")
    found = f90nml.read(tmp_path / "OPTIONS.nam")
    # patching loses the index: a section with one value sets its first element, which is the same to Fortran
    assert re.search(r"XUNIF_LAI\((1|:),36\) = 0.5", (tmp_path / "OPTIONS.nam").read_text())
    assert found["nam_frac"]["lecosg"] is True
    assert found["nam_cover"] == {"ycover": "ecosg_final_map", "ycoverfiletype": "DIRECT"}
    assert found["nam_data_isba"]["xunif_lai"] == [[0.5]] * namelist.DECADES
    assert found["nam_data_isba"]["cfnam_lai"] == [[f"lai_{decade}"] for decade in DECADES]


def test_the_namelist_is_enough_of_an_assembly_for_pysurfex(made):
    """The blocks under a name of one's own, as the YAML of pysurfex and surfExp has them."""
    installation, _, _ = made
    ours = f90nml.read(installation.plan.target / "workflows" / "OPTIONS.nam_ecosg")
    definitions = {"pgd_ecosg_update": json.loads(json.dumps(ours.todict(complex_tuple=True)))}
    generator = pysurfex.NamelistGeneratorAssemble("pgd", definitions, {"pgd": ["pgd_ecosg_update"]})
    assert generator.get_namelist()["nam_cover"]["ycoverfiletype"] == "DIRECT"
