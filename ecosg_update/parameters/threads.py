"""Threads that stop when the work that they do is given up."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def threads(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """A pool; when the block fails or is interrupted, what has not begun never does."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
