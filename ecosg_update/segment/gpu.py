"""What keeps a GPU busy and costs a CPU nothing: constants sent once, copies without waiting, a clear end of memory.

A copy from ordinary memory makes the caller wait until the GPU has done all that it was asked before; from
page-locked memory it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor

from ecosg_update.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@lru_cache(maxsize=512)
def constant(numbers: tuple[float, ...], dtype: torch.dtype, place: torch.device) -> Tensor:
    """Numbers as a tensor of one axis on a device; nobody may change it."""
    with torch.inference_mode(mode=False):  # so that a backward pass may use it
        return torch.tensor(numbers, dtype=dtype, device=place)


def blank(shape: tuple[int, ...], dtype: torch.dtype, place: torch.device) -> Tensor:
    """Memory of this machine, unwritten, from which `place` can be filled without waiting."""
    return torch.empty(shape, dtype=dtype, pin_memory=place.type == "cuda")


def stacked(arrays: list[NDArray[np.float32]], place: torch.device) -> Tensor:
    """Arrays of one shape as one tensor in memory of this machine, ready to be sent to `place`."""
    whole = blank((len(arrays), *arrays[0].shape), torch.float32, place)
    np.stack(arrays, out=whole.numpy())
    return whole


def sent(values: NDArray[np.float32], place: torch.device) -> Tensor:
    """An array on a device."""
    if place.type == "cpu":
        return torch.from_numpy(np.ascontiguousarray(values))
    return stacked([values], place)[0].to(place, non_blocking=True)


def fetched(values: Tensor) -> Callable[[], NDArray[np.float32]]:
    """Begins to copy float32 values to this machine; the answer waits for the copy and gives the array."""
    if values.device.type == "cpu":
        return lambda: cast("NDArray[np.float32]", values.numpy())
    home = blank(tuple(values.shape), torch.float32, values.device).copy_(values, non_blocking=True)
    done = torch.cuda.Event()  # type: ignore[no-untyped-call,unused-ignore]
    done.record()  # type: ignore[no-untyped-call,unused-ignore]

    def array() -> NDArray[np.float32]:
        done.synchronize()  # type: ignore[no-untyped-call,unused-ignore]
        return cast("NDArray[np.float32]", home.numpy())

    return array


@contextmanager
def fitting(what: str, remedy: str) -> Iterator[None]:
    """A block whose `what` a GPU's memory must hold: ModelError, with the remedy, where it does not."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        free, total = (number / 2**30 for number in torch.cuda.mem_get_info())
        raise ModelError(
            f"{what}: does not fit into the GPU's memory ({free:.1f} of {total:.1f} GiB free); {remedy}"
        ) from error


def repeatable() -> AbstractContextManager[None]:
    """cuDNN with the same algorithms in each run and full float32; without effect on the CPU."""
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags
