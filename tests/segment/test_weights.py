import functools
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from ecosg_update.errors import ModelError
from ecosg_update.segment import weights
from tests.conftest import shared


@pytest.fixture
def folder(tmp_path) -> Path:
    """A copy of the published files."""
    copy = tmp_path / "published"
    copy.mkdir()
    for name in weights.SHA256:
        shutil.copyfile(shared("weights_dynamicworld", "forward", "variables", name), copy / name)
    return copy


@pytest.fixture
def server(folder, tmp_path, monkeypatch):
    """A web server that publishes `folder`, and an empty cache."""
    handler = functools.partial(Quiet, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setattr(weights, "URL", f"http://127.0.0.1:{running.server_port}/")
        monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path / "cache"))
        yield running
        running.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """Does not log each request."""

    def log_message(self, *_: object) -> None: ...


@pytest.mark.parametrize("name", weights.SHA256)
@pytest.mark.parametrize("place", [0, 1000, -1])
def test_one_changed_byte_is_refused(folder, name, place):
    content = bytearray((folder / name).read_bytes())
    content[place] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"{name} has sha256") as caught:
        weights.published(folder=folder)
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_where_it_comes_from(folder):
    (folder / weights.DATA).unlink()
    with pytest.raises(ModelError, match=r"No such file or directory in .*google/dynamicworld"):
        weights.published(folder=folder)


def test_fetched_weights_are_those_of_the_folder_and_are_kept(server, folder):
    values = np.random.default_rng(0).random((9, 8, 8), dtype=np.float32)
    expected = weights.published(folder=folder, on="cpu")(values)
    np.testing.assert_array_equal(weights.published(on="cpu")(values), expected)
    server.shutdown()
    np.testing.assert_array_equal(weights.published(on="cpu")(values), expected)


@pytest.mark.usefixtures("server")
def test_a_damaged_download_is_refused_in_one_line(folder):
    (folder / weights.INDEX).write_bytes(b"<html>please log in</html>")
    with pytest.raises(ModelError, match=r"variables\.index cannot be fetched") as caught:
        weights.published()
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("server")
def test_no_network_says_what_to_do(monkeypatch):
    monkeypatch.setattr(weights, "URL", "http://127.0.0.1:1/")
    with pytest.raises(ModelError, match="name their folder") as caught:
        weights.published()
    assert "\n" not in str(caught.value)


def test_the_card_warns_of_surface_reflectance():
    assert weights.CARD.level == "L1C"
    assert "L2A" in weights.CARD.notes


def test_the_other_file_comes_from_a_folder_or_from_the_cache(tmp_path, monkeypatch):
    values = np.random.default_rng(0).random((10, 8, 8), dtype=np.float32)
    expected = weights.published("so2sat-lcz", folder=shared("weights_so2sat_lcz"), on="cpu")(values)
    shutil.copyfile(shared("weights_so2sat_lcz", weights.LCZ_FILE), tmp_path / weights.LCZ_FILE)
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path))
    np.testing.assert_array_equal(weights.published("so2sat-lcz", on="cpu")(values), expected)


def test_an_absent_lcz_file_says_what_it_is(tmp_path):
    with pytest.raises(ModelError, match=r"resnet20\.onnx: No such file .* Keras weights of .*zhu-xlab") as caught:
        weights.published("so2sat-lcz", folder=tmp_path)
    assert "\n" not in str(caught.value)


def test_one_changed_byte_of_the_lcz_file_is_refused(tmp_path):
    content = bytearray(shared("weights_so2sat_lcz", weights.LCZ_FILE).read_bytes())
    content[-9] ^= 1
    (tmp_path / weights.LCZ_FILE).write_bytes(content)
    with pytest.raises(ModelError, match="has sha256"):
        weights.published("so2sat-lcz", folder=tmp_path)


def test_an_engine_without_published_weights_lists_those_that_have():
    with pytest.raises(ModelError, match="'unet' has no published weights, those that have are dynamicworld, so2sat"):
        weights.published("unet")
