"""One network on all ranks: batch norms count for themselves on each rank while training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

from nclib.measuring.ranks import from_the_first, world


@contextlib.contextmanager
def buffers_of_the_first(model: nn.Module) -> Iterator[None]:
    """In the block every rank has rank 0's buffers, afterwards its own again.

    ``DistributedDataParallel`` hands out rank 0's before a forward pass in training, not after it,
    so between two steps the running means of a batch norm are different on each rank: measured as
    they are, the ranks' features come from different networks. Rank 0's are those that a checkpoint
    keeps. In a single process nothing happens; in many, all call it.
    """
    if world() == 1:
        yield
        return
    kept = [(x, x.detach().clone()) for x in model.buffers() if type(x) is torch.Tensor]
    with torch.no_grad():
        for buffer, _ in kept:
            buffer.copy_(from_the_first(buffer))
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, own in kept:
                buffer.copy_(own)
