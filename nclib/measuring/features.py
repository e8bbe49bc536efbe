"""Features of any model, by hooks: what enters its layers, in evaluation mode."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from nclib.shapes import Tensor


class Watched(NamedTuple):
    """One batch: the model's outputs, and by name what entered each layer."""

    outputs: Any
    features: dict[str, Tensor]


@contextlib.contextmanager
def features_of(
    model: nn.Module, layers: Mapping[str, nn.Module]
) -> Iterator[Callable[[Any], Watched]]:
    """Inside the block, a function from a batch of inputs to ``Watched``, without gradients.

    The model is in evaluation mode there. When the block ends, in whatever way, every module has
    the mode it had before, and no hook is left.

    Args:
        model: called with the inputs alone (``call``).
        layers: modules of the model, by any name; of one that is called twice, the last call.

    Raises:
        ValueError: by the function, for a layer that the model did not call; it is named.
    """
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable:
        return lambda _, inputs: seen.update({name: inputs[0]})

    def watched(inputs: Any) -> Watched:
        seen.clear()
        outputs = call(model, inputs)
        if silent := [name for name in layers if name not in seen]:
            raise ValueError(
                f"layers has {silent[0]!r}, which the model did not call; name a layer that is on "
                "the way from inputs to outputs"
            )
        return Watched(outputs, dict(seen))

    with evaluating(model):
        hooks = [layer.register_forward_pre_hook(keep(name)) for name, layer in layers.items()]
        try:
            yield watched
        finally:
            for hook in hooks:
                hook.remove()


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, no gradients and no compiled code in the block; as before after it.

    Every module gets back its own mode, in whatever way the block ends. Compiled code would call
    no hooks.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad(), _eager():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def _eager() -> contextlib.AbstractContextManager:
    """Compiled models run as they were written (torch 2.6 or newer can be asked for that).

    Where nothing was compiled, the compiler is not imported for it: that takes seconds.
    """
    compiler = "torch._dynamo" in sys.modules
    stance = getattr(torch.compiler, "set_stance", None) if compiler else None
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
    """No TF32 in convolutions, which CUDA otherwise takes by default."""
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = allowed
