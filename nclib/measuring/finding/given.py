"""Features that the user names, under weights that the user gives."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from nclib.measuring.finding.affine import Call, Weights, by_position, first_tensor, version_of
from nclib.shapes import Tensor


def weights_given(classifier: tuple | list) -> Weights:
    """Weight (C, p) and bias (C,) of a pair of tensors or arrays; zeros for a bias None.

    Raises:
        ValueError: if the shapes do not belong together.
    """
    weight, bias = classifier if len(classifier) == 2 else (None, None)
    weight = torch.as_tensor(weight).detach() if weight is not None else torch.empty(0)
    bias = weight.new_zeros(len(weight)) if bias is None else torch.as_tensor(bias).detach()
    if weight.ndim != 2 or bias.shape != weight.shape[:1] or not weight.is_floating_point():
        raise ValueError(
            f"classifier= has shapes {tuple(weight.shape)} and {tuple(bias.shape)}; give "
            "(weight, bias) of shapes (C, p) and (C,), or (weight, None)"
        )
    return weight, bias


@contextlib.contextmanager
def given_features(
    model: nn.Module,
    sizes: Collection[int],  # noqa: ARG001 - the weights say the number of classes
    *,
    weights: Weights,
    features: str,
) -> Iterator[list[Call]]:
    """Calls of the module whose output (``"in:name"``: input) the given weights are put on."""
    module = module_named(model, features.removeprefix("in:"), "features")
    calls: list[Call] = []

    def after(_: nn.Module, args: tuple, kwargs: dict, output: Any) -> None:
        seen = (*args, *kwargs.values()) if features.startswith("in:") else output
        calls.append(_call(features, first_tensor(seen), weights))

    hook = module.register_forward_hook(after, with_kwargs=True)
    try:
        yield calls
    finally:
        hook.remove()


def module_named(model: nn.Module, name: str, argument: str) -> nn.Module:
    """A module of the model by its name.

    Raises:
        ValueError: if it has none of that name; some names are listed.
    """
    modules: Mapping[str, nn.Module] = dict(model.named_modules())
    if name not in modules:
        raise ValueError(
            f"{argument}={name!r} is no module of the model; its last ones are "
            f"{', '.join(map(repr, [*modules][-8:]))}"
        )
    return modules[name]


def _call(name: str, x: Tensor | None, weights: Weights) -> Call:
    weight, bias = weights
    size = weight.shape[1]
    first = x is not None and x.ndim > 2 and x.shape[-1] != size
    if x is None or x.ndim < 2 or x.shape[1 if first else -1] != size:
        found = "no tensor" if x is None else f"{tuple(x.shape)}"
        raise ValueError(f"features={name!r} gives {found}; the weight (C, p) has p = {size}")
    x = by_position(x, first).clone()
    weights = tuple(one.to(x.device, x.dtype) for one in (weight, bias))
    z = x @ weights[0].mT + weights[1]
    return Call(name, "given weights", x, z, z, version_of(z), first, lambda: weights)
