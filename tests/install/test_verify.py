"""The check of a tree finds what time does to it: a moved original, a changed byte, a file that somebody added."""

import os

import pytest

from ecosg_update.errors import FormatError
from ecosg_update.fault import Severity
from ecosg_update.install.plan import Wish
from ecosg_update.install.tree import installed
from ecosg_update.install.verify import faults
from tests.conftest import say
from tests.install.made import cover_pair, data_tree


@pytest.fixture
def made(tmp_path):
    tree = data_tree(tmp_path / "data" / "ECOCLIMAP-SG")
    cover = cover_pair(tmp_path / "patched.dir", seed=5)
    return tree, installed(Wish(tree, tmp_path / "SG-ie1", "1", cover)).plan.target


def rules(shadow):
    return {(fault.rule, fault.where) for fault in faults(shadow)}


def test_a_fresh_tree_has_no_fault(made):
    _, shadow = made
    assert faults(shadow) == []
    said = say("install", "--check", shadow)
    assert said.code == 0 and "as it was installed" in said.out


def test_a_moved_original_is_a_dead_link_for_each_file_of_it(made):
    tree, shadow = made
    links = {path.relative_to(shadow).as_posix() for path in shadow.rglob("*") if path.is_symlink()}
    tree.rename(tree.with_name("moved"))
    behind = {"soil.txt", "DEEP/LAI_OLD_0105_c.dir", "DEEP/LAI_OLD_0105_c.hdr"}
    aliases = {"ALBNIR_SAT", "COVER/latest.dir"}
    found = rules(shadow)
    assert {where for rule, where in found if rule == "dead-link"} == links - behind - aliases - {"LAI_SAT/first.dir"}
    assert ("link", "LAI_SAT/first.dir") in found
    said = say("install", "--check", shadow)
    assert said.code == 6 and "THIS FILE IS MISSING" in said.out


def test_one_changed_byte_of_ours_is_found(made):
    _, shadow = made
    path = shadow / "COVER" / "ecosg_final_map.dir"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert rules(shadow) == {("changed", "COVER/ecosg_final_map.dir")}


def test_an_original_of_another_size_is_an_error_and_of_another_time_a_warning(made):
    tree, shadow = made
    (tree / "README").write_text("read me again, and at length")
    os.utime(tree / "HT" / "new_ht_c.hdr", (1, 1))
    found = {fault.where: fault for fault in faults(shadow)}
    assert found["README"].severity is Severity.ERROR and found["README"].rule == "changed"
    assert found["HT/new_ht_c.hdr"].severity is Severity.WARNING and len(found) == 2


def test_what_is_gone_replaced_or_added_is_found(made):
    _, shadow = made
    (shadow / "VERSION").unlink()
    (shadow / "README").unlink()
    (shadow / "README").write_text("a file now")
    (shadow / "COVER" / "latest.dir").unlink()
    (shadow / "COVER" / "mine.dir").write_text("mine")
    expected = {("gone", "VERSION"), ("link", "README"), ("link", "COVER/latest.dir"), ("stray", "COVER/mine.dir")}
    assert rules(shadow) == expected


def test_a_stray_file_alone_is_only_a_warning(made):
    _, shadow = made
    (shadow / "mine.txt").write_text("mine")
    assert say("install", "--check", shadow).code == 0


def test_a_folder_that_install_did_not_make_is_refused(made):
    tree, _ = made
    with pytest.raises(FormatError, match="manifest"):
        faults(tree)
    assert say("install", "--check", tree).code == 3
