"""Affine maps that a model calls: modules, functions, and modules that turn out to be affine."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from nclib.measuring.modes import call
from nclib.shapes import Tensor

Weights = tuple[Tensor, Tensor]  # (C, p) and (C,)
MOST_PROBED = 16384  # features of a module that is probed with the identity matrix


class Call(NamedTuple):
    """One call of a map from p to C channels, at S positions of each of B samples.

    ``x`` (B, S, p) and ``z`` (B, S, C) are copies of input and output; ``output`` is the output
    itself, and ``version`` counts the changes in place that it had seen by then. ``weights`` gives
    the map's weight and bias, None where it is not affine.
    """

    name: str
    kind: str
    x: Tensor
    z: Tensor
    output: Tensor
    version: int | None
    channels_first: bool
    weights: Callable[[], Weights | None]

    def __str__(self) -> str:
        where = f"`{self.name}`" if self.name else "the model itself"
        return f"{where} ({self.kind} {self.x.shape[-1]} → {self.z.shape[-1]})"


Watch = Callable[[nn.Module, Collection[int]], contextlib.AbstractContextManager[list[Call]]]


def record(
    model: nn.Module, inputs: Any, watch: Watch, sizes: Collection[int]
) -> tuple[Any, list[Call]]:
    """The model's outputs, and the calls with one of ``sizes`` outputs, in order of their start."""
    with watch(model, sizes) as calls:
        outputs = call(model, inputs)
    return outputs, [one for one in calls if one is not None]


@contextlib.contextmanager
def linear_modules(
    model: nn.Module, sizes: Collection[int], only: str | None = None
) -> Iterator[list[Call]]:
    """Calls of ``nn.Linear``, 1×1 convolutions and the ``Conv1D`` of transformers."""
    chosen = {n: m for n, m in model.named_modules() if linear(m) and only in (None, n)}
    with _watching(chosen, sizes, lambda module, *_: linear(module)()) as calls:
        yield calls


@contextlib.contextmanager
def other_modules(
    model: nn.Module, sizes: Collection[int], only: str | None = None
) -> Iterator[list[Call]]:
    """Calls of all other modules that hold a matrix; their weights are found by probing."""
    chosen = {
        name: module
        for name, module in model.named_modules()
        if not linear(module) and only in (None, name) and any(w.ndim > 1 for w in _held(module))
    }
    with _watching(chosen, sizes, probed) as calls:
        yield calls


def _held(module: nn.Module) -> Iterator[Tensor]:
    """Parameters and buffers: a frozen or quantised weight may be a buffer."""
    yield from module.parameters()
    yield from module.buffers()


def linear(module: nn.Module) -> Callable[[], Weights] | None:
    """Weight (C, p) and bias (C,) of a module that maps each position alone, else None."""
    if isinstance(module, nn.Linear):
        return lambda: _whole(module.weight, module.bias)
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        return (lambda: _whole(module.weight, module.bias)) if _one_by_one(module) else None
    if type(module).__name__ == "Conv1D" and hasattr(module, "nf"):  # transformers stores Wᵀ
        return lambda: _whole(module.weight.mT, module.bias)
    return None


def _one_by_one(module: nn.Module) -> bool:
    shape = (*module.kernel_size, *module.stride)
    return module.groups == 1 and {*shape} == {1} and not any(_numbers(module.padding))


def _numbers(padding: str | tuple[int, ...]) -> tuple[int, ...]:
    return () if isinstance(padding, str) else padding


def _whole(weight: Tensor, bias: Tensor | None) -> Weights:
    """Of all ranks where it is sharded; zeros for a bias that is not there."""
    weight, bias = (w.full_tensor() if hasattr(w, "full_tensor") else w for w in (weight, bias))
    weight = weight.detach().flatten(1)
    return weight, weight.new_zeros(len(weight)) if bias is None else bias.detach()


def probed(module: nn.Module, x: Tensor, channels_first: bool) -> Weights | None:
    """Wᵀ = f(I) − f(0) and b = f(0) for a module f, whether it is affine or not.

    None if it does not take such inputs. ``x`` (B, p, …) or (B, …, p) is an input of it.
    """
    size = size_of(x, channels_first)
    if size > MOST_PROBED:
        return None
    ones = [1] * (x.ndim - 2)
    shape = (size, size, *ones) if channels_first else (size, *ones, size)
    eye = torch.eye(size, dtype=x.dtype, device=x.device).reshape(shape)
    try:
        rows, bias = (first_tensor(module(one)).reshape(len(one), -1) for one in (eye, eye[:1] * 0))
    except Exception:  # foreign inputs to a foreign module: whatever it says, it is no classifier
        return None
    return (rows - bias).mT, bias[0]


@contextlib.contextmanager
def _watching(
    modules: Mapping[str, nn.Module],
    sizes: Collection[int],
    weights: Callable[[nn.Module, Tensor, bool], Weights | None],
) -> Iterator[list[Call | None]]:
    """Hooks on modules; None stands for a call that is no map to one of ``sizes`` channels."""
    calls: list[Call | None] = []
    running: list[tuple[int, Tensor | None, int | None]] = []

    def before(_: nn.Module, args: tuple, kwargs: dict) -> None:
        x = first_tensor((*args, *kwargs.values()))
        running.append((len(calls), x, version_of(x)))
        calls.append(None)

    def after(name: str, module: nn.Module, *called: Any) -> None:
        place, x, version = running.pop()
        if version == version_of(x):  # else the copy would not be what it read
            which = functools.partial(weights, module)
            calls[place] = _call(
                name, type(module).__name__, x, first_tensor(called[-1]), sizes, which
            )

    hooks = [m.register_forward_pre_hook(before, with_kwargs=True) for m in modules.values()]
    hooks += [
        module.register_forward_hook(functools.partial(after, name), with_kwargs=True)
        for name, module in modules.items()
    ]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def _call(
    name: str,
    kind: str,
    x: Tensor | None,
    z: Tensor | None,
    sizes: Collection[int],
    weights: Callable[[Tensor, bool], Weights | None],
) -> Call | None:
    """The call, if it maps the channels of x to one of ``sizes`` and leaves positions alone."""
    if x is None or z is None or not (x.is_floating_point() and x.ndim == z.ndim > 1):
        return None
    first = "Conv" in kind and kind != "Conv1D"
    for channels_first in (first, not first):
        if size_of(z, channels_first) in sizes and _positions(x, channels_first) == _positions(
            z, channels_first
        ):
            rows = (by_position(one, channels_first).clone() for one in (x, z))
            which = functools.partial(weights, x[:1], channels_first)
            return Call(name, kind, *rows, z, version_of(z), channels_first, which)
    return None


def _positions(x: Tensor, channels_first: bool) -> list[int]:
    return [*x.shape[:1], *x.shape[2:]] if channels_first else [*x.shape[:-1]]


def by_position(x: Tensor, channels_first: bool) -> Tensor:
    """(B, S, p) of (B, p, …) or (B, …, p)."""
    return (x.movedim(1, -1) if channels_first else x).reshape(
        len(x), -1, size_of(x, channels_first)
    )


def size_of(x: Tensor, channels_first: bool) -> int:
    """The number of channels."""
    return x.shape[1 if channels_first else -1]


def first_tensor(values: Any) -> Tensor | None:
    """The first tensor that is not a single number in a tensor, tuple, list or mapping."""
    if isinstance(values, Tensor):
        return values if values.ndim else None
    if isinstance(values, Mapping):
        values = tuple(values.values())
    if not isinstance(values, tuple | list):
        return None
    return next((v for v in values if isinstance(v, Tensor) and v.ndim), None)


def version_of(x: Tensor | None) -> int | None:
    """How often a tensor was changed in place; tensors of the inference mode do not count."""
    return None if x is None or x.is_inference() else x._version
