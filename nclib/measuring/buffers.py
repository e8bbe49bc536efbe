"""One network on all ranks: batch norms count for themselves on each rank while training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import distributed, nn

from nclib.shapes import Tensor


@contextlib.contextmanager
def buffers_of_the_first(model: nn.Module) -> Iterator[None]:
    """In the block every rank has rank 0's buffers, afterwards its own again.

    ``DistributedDataParallel`` hands out rank 0's before a forward pass in training, not after it,
    so between two steps the running means of a batch norm are different on each rank: measured as
    they are, the ranks' features come from different networks. Rank 0's are those that a checkpoint
    keeps. In a single process nothing happens; in many, all call it.
    """
    if not distributed.is_available() or not distributed.is_initialized():
        yield
        return
    kept = [(x, x.detach().clone()) for x in model.buffers() if type(x) is torch.Tensor]
    with torch.no_grad():
        for buffer, _ in kept:
            buffer.copy_(_from_the_first(buffer))
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, own in kept:
                buffer.copy_(own)


def _from_the_first(tensor: Tensor) -> Tensor:
    """Rank 0's tensor; NCCL takes none that lie on the CPU."""
    nccl = distributed.get_backend() == "nccl"
    sent = (tensor.cuda() if nccl else tensor).contiguous().clone()
    distributed.broadcast(sent, 0)
    return sent
