"""Many processes that measure as one: who reads which samples, sums, and errors told to all.

Every function is the identity, or nothing, in a single process. The collective ones (``total``,
``largest``, ``together``, ``sharded``, ``expected``) must be called by every rank of the group.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import distributed
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    Subset,
    SubsetRandomSampler,
)

from nclib.measuring import arrays
from nclib.measuring.batches import is_map_style, is_part, num_samples, of_map_style, sampler_of
from nclib.shapes import Tensor


def world(group: Any = None) -> int:
    """How many processes measure together; 1 without a process group."""
    return distributed.get_world_size(group) if _running() else 1


def rank(group: Any = None) -> int:
    """Which of them this one is, from 0."""
    return distributed.get_rank(group) if _running() else 0


def total(tensor: Tensor, group: Any = None) -> Tensor:
    """The sum of all ranks' tensors of one shape; a new tensor on the same device."""
    return _reduced(tensor, distributed.ReduceOp.SUM, group) if world(group) > 1 else tensor


def largest(tensor: Tensor, group: Any = None) -> Tensor:
    """The same with the elementwise maximum."""
    return _reduced(tensor, distributed.ReduceOp.MAX, group) if world(group) > 1 else tensor


def from_the_first(tensor: Tensor, group: Any = None) -> Tensor:
    """Rank 0's tensor; a new tensor on the same device."""
    sent = tensor.to(_wire(tensor.device, group), copy=True).contiguous()
    distributed.broadcast(sent, 0, group=group)
    return sent.to(tensor.device)


@contextlib.contextmanager
def together(group: Any = None) -> Iterator[None]:
    """When the block ends, every rank learns whether one raised, and then raises as well.

    Without it the others would wait for the next sum for ever. The block itself must hold no
    collective call (a sharded model's forward pass has some: there nothing can be promised).

    Raises:
        RuntimeError: on the ranks whose own block ended well, when another's did not; what that one
            raised is said. Where the block raised, its own error is raised.
    """
    if world(group) == 1:
        yield
        return
    error: BaseException | None = None
    try:
        yield
    except BaseException as raised:
        error = raised
    failed = total(torch.tensor([int(error is not None)]), group)
    told: list[str | None] = [None] * world(group)
    if failed:
        mine = None if error is None else f"{type(error).__name__}: {error}"
        distributed.all_gather_object(told, mine, group=group)
    if error is not None:
        raise error
    for other, said in enumerate(told):
        if said is not None:
            raise RuntimeError(f"rank {other} stopped, and so does this one: {said}")


def is_shared_out(data: Any) -> bool:
    """Whether ``sharded`` can give every sample to exactly one rank.

    So it is with arrays, files, map-style data sets and loaders over them. Other iterables, lists
    of batches among them, are read as each rank has them.
    """
    if isinstance(data, DataLoader):
        return of_map_style(data)
    if is_map_style(data) or arrays.arrays_of(data) is not None:
        return True
    return isinstance(data, tuple | list) and all(is_part(x) and is_shared_out(x) for x in data)


def sharded(data: Any, shard: bool = True, group: Any = None) -> Any:
    """This rank's part of data that all ranks hold: every world-th sample from its own.

    A loader over a map-style data set is rebuilt without its sampler: ``DistributedSampler`` gives
    some samples twice, to make the parts equal, and a weighted sampler changes the class counts.
    ``SubsetRandomSampler`` keeps its subset.

    Args:
        data: as for ``batches``; what cannot be shared out (``is_shared_out``) is given as it is.
        shard: False leaves all data as they are: each rank's own.
        group: of processes; None is the default one.

    Raises:
        ValueError: on all ranks, where they hold different numbers of samples.
    """
    if world(group) == 1 or not shard:
        return data
    shared = is_shared_out(data)
    _require_equal(_held(data) if shared else -1, group)
    return _part(data, rank(group), world(group)) if shared else data


def expected(data: Any, shard: bool = True, group: Any = None) -> int | None:
    """How many samples all ranks together should give, or None where only counting tells."""
    own = num_samples(data)
    padded = isinstance(data, DataLoader) and isinstance(sampler_of(data), DistributedSampler)
    if world(group) == 1 or (padded and not shard):
        return own
    if shard and is_shared_out(data):
        return _held(data)
    unknown = int(largest(torch.tensor(int(own is None)), group))
    everywhere = int(total(torch.tensor(own or 0), group))
    return None if unknown else everywhere


def _held(data: Any) -> int:
    """Samples of what can be shared out, whatever a loader's sampler makes of them."""
    if isinstance(data, DataLoader):
        return len(_indices(data))
    found = arrays.arrays_of(data)
    if found is None and isinstance(data, tuple | list):
        return sum(map(_held, data))
    return len(data if found is None else found.labels)


def _part(data: Any, place: int, count: int) -> Any:
    if isinstance(data, DataLoader):
        return _rebuilt(data, _indices(data)[place::count])
    if is_map_style(data):
        return Subset(data, range(place, len(data), count))
    found = arrays.arrays_of(data)
    if found is None:
        return [_part(part, place, count) for part in data]
    return found.at(slice(place, None, count))


def _indices(loader: DataLoader) -> Sequence[int]:
    """The samples that a loader is meant to read, each once: all, or those of a chosen subset."""
    sampler = sampler_of(loader)
    if isinstance(sampler, SubsetRandomSampler):
        return list(sampler.indices)
    return range(len(loader.dataset))


def _rebuilt(loader: DataLoader, indices: Sequence[int]) -> DataLoader:
    """The loader with other samples; its own way to fetch and collate them."""
    names = ("num_workers", "collate_fn", "pin_memory", "timeout", "worker_init_fn")
    names += ("multiprocessing_context", "prefetch_factor")
    settings = {name: getattr(loader, name) for name in names}
    size, sampler = loader.batch_size, indices
    if size is None and loader.batch_sampler is not None:  # a batch sampler of the user's
        size = getattr(loader.batch_sampler, "batch_size", None) or 256
    elif size is None and isinstance(loader.sampler, BatchSampler):
        sampler = BatchSampler(indices, loader.sampler.batch_size, drop_last=False)
    settings |= {"batch_size": size, "sampler": sampler, "generator": torch.Generator()}
    return DataLoader(loader.dataset, **settings)


def _require_equal(count: int, group: Any) -> None:
    most, least = (sign * int(largest(torch.tensor([sign * count]), group)) for sign in (1, -1))
    if most != least:
        raise ValueError(
            f"data are not the same on all ranks: {max(least, 0)} samples on one, {most} on "
            "another; give all ranks the same data, or shard=False where each has its own"
        )


def _running() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def _reduced(tensor: Tensor, operation: Any, group: Any) -> Tensor:
    sent = tensor.to(_wire(tensor.device, group), copy=True)
    distributed.all_reduce(sent, operation, group=group)
    return sent.to(tensor.device)


def _wire(device: torch.device, group: Any) -> torch.device:
    """Where a tensor must be to be sent: NCCL alone knows no tensors of the CPU."""
    backend = str(distributed.get_backend(group))
    if device.type == "cpu" and "nccl" in backend and "gloo" not in backend:
        return torch.device("cuda", torch.cuda.current_device())
    return device
