"""Real faults for the writers: a limit on file sizes, a closed folder, a full disk, a kill."""

import os
import resource
import signal
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: writes fail with EFBIG as they do with ENOSPC on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def closed_to_writing(folder: Path) -> Iterator[None]:
    """The folder can be read and not written, also where the tests run as root."""
    folder.chmod(0o555)
    user = os.geteuid()
    for parent in folder.parents:
        if user == 0 and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o755)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """A file system of `size` bytes at `folder`; skips the test where none can be mounted."""
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small file system")
    try:
        yield
    finally:
        # lazy: HDF5 keeps a file open whose close has failed
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def killed_after(seconds: float, work: Callable[[], None]) -> None:
    """Run `work` over and over in a process of its own and kill it with signal 9."""
    child = os.fork()
    if child == 0:
        try:
            while True:
                work()
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
