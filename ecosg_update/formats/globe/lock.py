"""One writer of a map at a time, however the last one died.

The lock is the kernel's (`flock`) and on the map itself: every name of the file meets the same lock, no file is
left beside it, and the end of its owner, by `kill -9` too, releases it. NFS passes it on to the server, Lustre
to the cluster where it is mounted with `flock`; a file system without locks is refused for writing in place. A
lock that holds on one host only (Lustre's `localflock`) cannot be told from a real one: `undo` therefore never
takes the unfinished patch of another host for a dead one by itself.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ecosg_update.errors import FormatError, OutputError

log = logging.getLogger(__name__)

TIMEOUT_S = 600.0
"""A copy of the global map takes up to a minute, and several may be before us."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 1.0

_NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}


@dataclass(frozen=True)
class Held:
    """A map (its `.dir`) that is locked for as long as `handle` is open."""

    path: Path
    handle: int


@contextmanager
def writing(data: Path, *, timeout: float = TIMEOUT_S) -> Iterator[Held]:
    """The map, open for reading and writing; nobody else holds it by `writing` or `copying`.

    timeout: seconds to wait for whoever does. Raises OutputError when they have passed, for a symbolic link or a
    file of several names (it would change under the other names too), for a map that may not be written and for
    a file system without locks; FormatError for a map that is not there.
    """
    if data.is_symlink():
        raise OutputError(
            f"{data}: is a link to {data.resolve()}, perhaps the original of the site; "
            "write a new map (-o NEW.dir) or name the file itself"
        )
    with _opened(data, os.O_RDWR, fcntl.LOCK_EX, timeout) as (handle, locked):
        names = os.fstat(handle).st_nlink
        if names > 1:
            raise OutputError(
                f"{data}: the file has {names} names (hard links) and would change under all; write a new map "
                "(-o NEW.dir) or make a copy of its own"
            )
        if not locked:
            raise OutputError(
                f"{data}: its file system has no locks, two writers could mix; write a new map (-o NEW.dir) or mount "
                "it with locks (Lustre: flock)"
            )
        yield Held(data, handle)


@contextmanager
def copying(data: Path, *, timeout: float = TIMEOUT_S) -> Iterator[Held]:
    """The map, open for reading; nobody writes it in place, as far as its file system has locks.

    Raises OutputError when `timeout` seconds have passed, FormatError for a map that is not there.
    """
    with _opened(data, os.O_RDONLY, fcntl.LOCK_SH, timeout) as (handle, _):
        yield Held(data, handle)


def holder(handle: int) -> str:
    """Who holds the lock of an open file, for people: process and command, as far as Linux tells."""
    file = os.fstat(handle)
    name = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    for line in _text(Path("/proc/locks")).splitlines():
        fields = line.split()  # 1: FLOCK ADVISORY WRITE <process> <major>:<minor>:<inode> 0 EOF
        if len(fields) > 5 and fields[1] == "FLOCK" and fields[5] == name:
            words = _text(Path("/proc", fields[4], "cmdline")).split("\0")
            return f"process {fields[4]} ({' '.join(words).strip()[:80] or 'of another user'})"
    return "another process or host"


@contextmanager
def _opened(data: Path, flags: int, kind: int, timeout: float) -> Iterator[tuple[int, bool]]:
    """An open handle, and whether it is locked; opened anew where another file got the name meanwhile."""
    deadline = time.monotonic() + timeout
    while True:
        handle = _handle(data, flags)
        try:
            locked = _waited(handle, kind, data, deadline)
            if _still_named(data, handle):
                yield handle, locked
                return
        finally:
            os.close(handle)


def _handle(data: Path, flags: int) -> int:
    try:
        return os.open(data, flags | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise FormatError(f"{data}: does not exist; name the .dir of a map") from error
    except OSError as error:
        if flags & os.O_RDWR:
            advice = "write a new map (-o NEW.dir) or ask its owner"
            raise OutputError(f"{data}: cannot be written ({error.strerror}); {advice}") from error
        raise FormatError(f"{data}: cannot be read ({error.strerror}); check the path and the rights") from error


def _waited(handle: int, kind: int, data: Path, deadline: float) -> bool:
    """True once the lock is ours, False where the file system has none."""
    pause = FIRST_PAUSE_S
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError as error:
            left = deadline - time.monotonic()
            if left <= 0:
                raise OutputError(
                    f"{data}: is held by {holder(handle)}; run again when it is done or wait longer (--lock-timeout)"
                ) from error
            if pause == FIRST_PAUSE_S:
                log.info("waiting for %s: held by %s", data, holder(handle))
            time.sleep(min(pause, left))
            pause = min(2 * pause, LONGEST_PAUSE_S)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return False
            raise
        else:
            return True


def _still_named(data: Path, handle: int) -> bool:
    try:
        return os.path.samestat(data.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
