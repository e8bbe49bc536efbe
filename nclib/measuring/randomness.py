"""Random streams as they were: measuring draws from none of those that a training draws from."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch


@contextlib.contextmanager
def same_randomness(*data: Any) -> Iterator[None]:
    """After the block, in whatever way it ends, the random states are those from before it.

    Of Python, numpy and torch (CPU and CUDA), and of the generators that loaders hold: to go
    through a loader draws from them, and the next epoch of a training would be another.

    Args:
        data: loaders, or anything else, which has no generators.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - what others draw from
    held = [(one, one.get_state()) for one in _generators(data)]
    used = torch.cuda.is_available() and torch.cuda.is_initialized()
    try:
        with torch.random.fork_rng(range(torch.cuda.device_count()) if used else []):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        for generator, state in held:
            generator.set_state(state)


def _generators(data: tuple) -> list[torch.Generator]:
    """Those of loaders and of their samplers, each once."""
    holders = [*data]
    for name in ("sampler", "batch_sampler"):
        holders += [getattr(one, name, None) for one in holders]
    found = (getattr(one, "generator", None) for one in holders)
    return list({id(one): one for one in found if isinstance(one, torch.Generator)}.values())
