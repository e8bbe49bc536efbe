"""A model ready to be measured: evaluation mode, no wrappers, no TF32; as before afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, no gradients and no compiled code in the block; as before after it.

    Every module gets back its own mode, in whatever way the block ends. Compiled code would call
    no hooks.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad(), _eager(model):
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def _eager(model: nn.Module) -> contextlib.AbstractContextManager:
    """Compiled parts run as they were written (torch 2.6 or newer can be asked for that).

    Only where there are any: it is asked of the whole process, other threads included.
    """
    marks = ("_orig_mod", "_compiled_call_impl")
    parts = (getattr(one, mark, None) for one in model.modules() for mark in marks)
    compiled = any(part is not None for part in parts)
    stance = getattr(torch.compiler, "set_stance", None) if compiled else None
    return stance("force_eager") if stance else contextlib.nullcontext()


def unwrap(model: nn.Module) -> nn.Module:
    """The model inside ``DataParallel``, ``DistributedDataParallel`` and ``torch.compile``."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and isinstance(model, _PARALLEL):
            inner = model.module
        if inner is None:
            return model
        model = inner


_PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)


def call(model: nn.Module, inputs: Any) -> Any:
    """The model's outputs: of a mapping of inputs by their names, of a tuple or list in order."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, tuple | list) else model(inputs)


@contextlib.contextmanager
def exact_float32() -> Iterator[None]:
    """No TF32 on CUDA, which convolutions take by default and products where they are told to."""
    places = torch.backends.cudnn, torch.backends.cuda.matmul
    allowed = [place.allow_tf32 for place in places]
    for place in places:
        place.allow_tf32 = False
    try:
        yield
    finally:
        for place, before in zip(places, allowed, strict=True):
            place.allow_tf32 = before
