"""What several test files share."""

import contextlib
import io
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

from ecosg_update.cli import main

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared(*parts: str) -> Path:
    """A file or folder of the shared real data; skips the test where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"real data {'/'.join(parts)} is not beside the project (../shared/data)")
    return path


INTERRUPTIBLE = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
"""For a process of its own: as from a terminal, for what a shell starts in the background is deaf to SIGINT."""


class Said(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str


def say(*arguments: object) -> Said:
    """The command line in this process: exit code, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            return Said(stop.code or 0, out.getvalue(), err.getvalue())
    return Said(0, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium without a window; skips where it or Playwright is absent."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is absent: pip install 'ecosg-update[dev]'")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is absent: make browser")
    with api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """The folder of the demo, run once: input/ (SAFE, base, truth), output/, demo.toml, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    said = say("demo", "--output", folder)
    assert said.code == 0, said.err
    return folder, said
