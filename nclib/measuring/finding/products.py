"""Linear maps that a model applies as functions: cosine heads, tied weights, ``x @ W.T + b``."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

from torch import nn
from torch.overrides import TorchFunctionMode

from nclib.measuring.finding.affine import Call, by_position, size_of, version_of
from nclib.shapes import Tensor

Product = tuple[Tensor, Tensor, Tensor | None]  # x, weight (C, p, 1 …), bias


@contextlib.contextmanager
def functions(
    model: nn.Module, sizes: Collection[int], only: str | None = None
) -> Iterator[list[Call]]:
    """Calls of ``F.linear``, ``matmul``, ``addmm``, 1×1 ``conv``, with what they got as weights.

    Each bears the name of the module that was running; ``only`` keeps those inside one module.
    """
    mode = _Functions(sizes, only)
    hooks = []
    for name, module in model.named_modules():
        hooks += mode.names(name, module)
    try:
        with mode:
            yield mode.calls
    finally:
        for hook in hooks:
            hook.remove()


class _Functions(TorchFunctionMode):
    """Watches functions of torch; inside the block only."""

    def __init__(self, sizes: Collection[int], only: str | None) -> None:
        super().__init__()
        self.sizes, self.only = sizes, only
        self.calls: list[Call] = []
        self.running: list[str] = [""]

    def names(self, name: str, module: nn.Module) -> list:
        """Hooks by which the mode knows that this module is running."""

        def before(*_: Any) -> None:
            self.running.append(name)

        def after(*_: Any) -> None:  # what a hook returns would replace the output
            self.running.pop()

        return [module.register_forward_pre_hook(before), module.register_forward_hook(after)]

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if name in PRODUCTS and self._inside():
            found = PRODUCTS[name](*args, **(kwargs or {}))
            if found is not None:
                self._note(name, *found, output)
        elif name in ("add", "add_", "__add__", "__radd__", "__iadd__") and self.calls:
            self._add(*args[:2], output)
        return output

    def _inside(self) -> bool:
        inner = self.running[-1]
        return self.only in (None, "", inner) or inner.startswith(f"{self.only}.")

    def _note(self, name: str, x: Tensor, weight: Tensor, bias: Any, output: Tensor) -> None:
        first = name.startswith("conv")
        if x.ndim < 2 or size_of(output, first) not in self.sizes:
            return
        rows = (by_position(one, first).clone() for one in (x, output))
        weight = weight.detach().flatten(1).clone()
        bias = weight.new_zeros(len(weight)) if bias is None else bias.detach().clone()
        where = (output, version_of(output), first, lambda: (weight, bias))
        self.calls.append(Call(self.running[-1], f"function {name}", *rows, *where))

    def _add(self, left: Any, right: Any, output: Tensor) -> None:
        """A bias that is added to the last product belongs to it."""
        last = self.calls[-1]
        bias = next((b for b in (left, right) if b is not last.output), None)
        if not isinstance(bias, Tensor) or bias.shape != last.z.shape[-1:] or last.channels_first:
            return
        if not any(one is last.output for one in (left, right)):
            return
        weight, old = last.weights()
        changed = (output, version_of(output), False, lambda: (weight, old + bias.detach()))
        self.calls[-1] = Call(*last[:3], last.z + bias, *changed)


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Product | None:
    return (input, weight, bias) if weight.ndim == 2 else None


def _matmul(input: Tensor, other: Tensor | None = None, **named: Tensor) -> Product | None:
    other = next(iter(named.values())) if other is None else other
    return (input, other.mT, None) if other.ndim == 2 else None


def _addmm(input: Tensor, mat1: Tensor, mat2: Tensor, **scaled: Any) -> Product | None:
    return (mat1, mat2.mT, input) if input.ndim == 1 and not scaled else None


def _einsum(equation: Any, *operands: Any) -> Product | None:
    """``"bp,cp->bc"`` and the like, with any letters and any number of positions."""
    if not isinstance(equation, str) or len(operands) != 2:
        return None
    inputs, _, output = equation.replace(" ", "").partition("->")
    left, _, right = inputs.partition(",")
    if len(right) != 2 or not output or left[:-1] != output[:-1]:
        return None
    weight = operands[1] if right == output[-1] + left[-1] else operands[1].mT
    return (operands[0], weight, None) if {*right} == {output[-1], left[-1]} else None


def _conv(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, *_: Any, **__: Any
) -> Product | None:
    fits = {*weight.shape[2:]} == {1} and weight.shape[1] == input.shape[1]
    return (input, weight, bias) if fits and weight.ndim == input.ndim else None


PRODUCTS = {
    "linear": _linear,
    "matmul": _matmul,
    "mm": _matmul,
    "addmm": _addmm,
    "einsum": _einsum,
    **{f"conv{n}d": _conv for n in (1, 2, 3)},
}
