"""Features of any model, by hooks: what enters its layers, in evaluation mode."""

from __future__ import annotations

import contextlib
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
        model: called with the inputs alone.
        layers: modules of the model, by any name; of one that is called twice, the last call.

    Raises:
        ValueError: by the function, for a layer that the model did not call; it is named.
    """
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable:
        return lambda _, inputs: seen.update({name: inputs[0]})

    def watched(inputs: Any) -> Watched:
        seen.clear()
        outputs = model(inputs)
        if silent := [name for name in layers if name not in seen]:
            raise ValueError(
                f"layers has {silent[0]!r}, which the model did not call; name a layer that is on "
                "the way from inputs to outputs"
            )
        return Watched(outputs, dict(seen))

    modes = [(module, module.training) for module in model.modules()]
    hooks = [layer.register_forward_pre_hook(keep(name)) for name, layer in layers.items()]
    model.eval()
    try:
        with torch.no_grad():
            yield watched
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes:
            module.training = mode
