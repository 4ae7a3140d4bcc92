"""Several processes that train one network (torchrun), or one alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from ecosg_update.errors import ModelError
from ecosg_update.segment.engine import device


@dataclass(frozen=True)
class Crew:
    """This process among those that train together: number `rank` of `size`."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes files."""
        return self.rank == 0

    def share(self, batch: int) -> slice:
        """The crops of a batch that are this process's; ModelError where they cannot be shared evenly."""
        if batch % self.size:
            raise ModelError(
                f"training: a batch of {batch} cannot be shared by {self.size} processes; make it a multiple"
            )
        return slice(self.rank, None, self.size)

    def together(self, network: nn.Module) -> nn.Module:
        """`network`, its gradients averaged over the processes; batch statistics too where they are on GPUs.

        A loss is the mean over a process's own labelled pixels: the mean of these means is the mean over all where
        each process has as many.
        """
        if self.size == 1:
            return network
        if next(network.parameters()).is_cuda:
            shared = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
            return DistributedDataParallel(shared, device_ids=[torch.cuda.current_device()])
        return DistributedDataParallel(network)

    def from_lead(self, figures: dict[str, float] | None) -> dict[str, float]:
        """The figures of the leading process, to all of them."""
        box = [figures]
        if self.size > 1:
            distributed.broadcast_object_list(box, src=0)
        return box[0] or {}

    def settle(self, network: nn.Module) -> None:
        """Give every process the batch statistics of the leading one."""
        if self.size > 1:
            for buffer in network.buffers():
                distributed.broadcast(buffer, src=0)

    def wait(self) -> None:
        """Until every process has come here."""
        if self.size > 1:
            distributed.barrier()


ALONE = Crew()


@contextmanager
def crew(on: str) -> Iterator[Crew]:
    """The crew that torchrun started, `ALONE` without it: gloo on CPUs, nccl on GPUs, one GPU a process.

    Raises ModelError where this machine has fewer GPUs than processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    cuda = device(on).type == "cuda"
    if cuda:
        torch.cuda.set_device(_own_gpu(int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()))
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Crew(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def _own_gpu(number: int, gpus: int) -> int:
    if number >= gpus:
        raise ModelError(
            f"training: process {number + 1} of this machine has no GPU of its own, there are {gpus}; "
            "start as many processes as there are GPUs, or name the device cpu"
        )
    return number
