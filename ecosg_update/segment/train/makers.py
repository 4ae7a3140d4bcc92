"""Who makes batches ahead of use: this thread, others, or other processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from ecosg_update.errors import EcosgError
from ecosg_update.segment.train.batches import Batch

AHEAD = 3
"""Batches that wait ready at most, beside one in the making a thread."""
EACH = 2
"""Batches that wait ready at most for each process."""
PINNING = 4
"""Threads that copy the batches of processes into page-locked memory: one alone takes longer than a step."""

Make = Callable[[int], Batch]


@dataclass(frozen=True)
class Makers:
    """threads: in this process; 0 makes each batch when it is asked for. processes: in their place, where above 0.

    Threads of Python take turns, also with the one that keeps a GPU busy: for a GPU, processes make more.
    """

    threads: int = 1
    processes: int = 0


ONE = Makers()
"""A thread beside this one."""


def stream(make: Make, steps: range, makers: Makers, *, place: torch.device) -> Iterator[Batch]:
    """The batches of `steps` in their order, in memory from which `place` is filled fast."""
    pinned = place.type == "cuda"
    if makers.processes:
        batches = _by_processes(make, steps, makers.processes)
        return _pinned(batches) if pinned else batches
    return _by_threads(lambda step: make(step).pin_memory() if pinned else make(step), steps, makers.threads)


def _by_threads(make: Make, steps: range, threads: int) -> Iterator[Batch]:
    if threads == 0:
        yield from map(make, steps)
        return
    pool, ahead = ThreadPoolExecutor(threads), AHEAD + threads
    try:
        waiting = [pool.submit(make, step) for step in steps[:ahead]]
        for step in range(len(steps)):
            ready = waiting.pop(0)
            if step + ahead < len(steps):
                waiting.append(pool.submit(make, steps[step + ahead]))
            yield ready.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _by_processes(make: Make, steps: range, processes: int) -> Iterator[Batch]:
    loader = DataLoader(
        _Made(make),
        batch_size=None,
        sampler=steps,
        num_workers=processes,
        prefetch_factor=EACH,
        collate_fn=_as_it_is,
        multiprocessing_context="fork",  # what draws crops is a function that cannot be pickled
    )
    for found in loader:
        if isinstance(found, EcosgError):
            raise found
        yield found


def _pinned(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The batches in page-locked memory, a few of them being copied there while one is used."""
    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(PINNING) as pool:
        for batch in batches:
            waiting.append(pool.submit(batch.pin_memory))
            if len(waiting) > PINNING:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Made(Dataset["Batch | EcosgError"]):
    """Batches by their step. An error is handed over as it is: the loader would wrap it in another process' trace."""

    def __init__(self, make: Make) -> None:
        self.make = make

    def __getitem__(self, step: int) -> Batch | EcosgError:
        try:
            return self.make(step)
        except EcosgError as error:
            return error


def _as_it_is(found: Any) -> Any:
    return found
