"""Features of many layers at once, one row a sample, reduced inside the hooks.

A name is a layer's *output*, as in every extractor; ``"in:layer3"`` is what ``layer3`` reads, and
``"relu#1"`` the second call of a module that is called again and again. Later layers may write into
what earlier ones gave (a ReLU in place, a residual sum), so each hook keeps a fresh tensor.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import nn

from nclib.measuring.layers.channels import channel_of
from nclib.measuring.layers.tokens import EVERY, MEAN, Tokens, batch_first, real_tokens, tokens_read
from nclib.measuring.layers.units import Event, call_counts, few, first_tensor, hooked, named, trace
from nclib.measuring.modes import evaluating, unwrap
from nclib.shapes import Tensor

POSITIONS = ("mean", "flatten")


class Layer(NamedTuple):
    """A call of a module, and how its tensor becomes rows.

    Attributes:
        name: as the user wrote it.
        reads: the tensor is what the call reads, not what it gives.
        number: of the call, from 0.
        shape: of the tensor, in a pass of a few samples.
        channel: its dimension of channels.
        tokens: it holds the tokens that the rule is about, (B, T, p).
    """

    name: str
    module: nn.Module
    reads: bool
    number: int
    shape: tuple[int, ...]
    channel: int
    tokens: bool


class LayerFeatures:
    """The features of the last forward pass; ``says`` in words what became of positions."""

    def __init__(self, root: nn.Module, layers: list[Layer], positions: str, rule: Tokens) -> None:
        self._root, self._layers, self._rule = root, layers, rule
        self._flat = positions == "flatten"
        self._at: dict[tuple[nn.Module, bool, int], list[Layer]] = {}
        for layer in layers:
            self._at.setdefault((layer.module, layer.reads, layer.number), []).append(layer)
        self._seen: dict[str, Tensor] = {}
        self._rows: int | None = None
        self._real: Tensor | None = None
        self._numbers: dict[nn.Module, int] = {}

    @property
    def says(self) -> str:
        """How positions and tokens became one row a sample."""
        if self._rule.kind == "every":
            return self._rule.says
        told = "positions flattened" if self._flat else "mean over positions"
        maps = any(len(layer.shape) > 2 and not layer.tokens for layer in self._layers)
        tokens = any(layer.tokens for layer in self._layers)
        picked = self._rule.says
        picked = picked.replace("mean over tokens", "flattened tokens") if self._flat else picked
        return "; ".join([told] * maps + [picked] * tokens)

    def take(self) -> dict[str, Tensor]:
        """By name (B, p) of the last forward pass, fresh tensors, which are then forgotten.

        Raises:
            ValueError: for a layer whose hook was not called in it.
        """
        seen, self._seen = self._seen, {}
        if silent := [layer.name for layer in self._layers if layer.name not in seen]:
            raise ValueError(_silent(silent[0]))
        return {layer.name: seen[layer.name] for layer in self._layers}

    # Hooks

    def begin_pass(self, _: nn.Module, args: tuple, kwargs: dict) -> None:
        """Of the model: forget the pass before; which samples there are, and their padding."""
        first = first_tensor((args, kwargs))
        self._seen, self._numbers = {}, {}
        self._rows = None if first is None or first.ndim == 0 else len(first)
        by_ids = self._rule.kind == "last"
        self._real = real_tokens(self._root, args, kwargs, by_ids=by_ids)

    def begin(self, module: nn.Module, args: tuple, kwargs: dict) -> None:
        """Of a layer: what it reads."""
        self._numbers[module] = self._numbers.get(module, -1) + 1
        self._keep(module, first_tensor((args, kwargs)), reads=True)

    def end(self, module: nn.Module, _: Any, __: Any, outputs: Any) -> None:
        """Of a layer: what it gives."""
        self._keep(module, first_tensor(outputs), reads=False)

    def _keep(self, module: nn.Module, tensor: Tensor | None, *, reads: bool) -> None:
        here = (module, reads, self._numbers[module])
        for layer in self._at.get(here, ()) if tensor is not None else ():
            self._seen[layer.name] = self._reduced(layer, tensor.detach())

    def _reduced(self, layer: Layer, x: Tensor) -> Tensor:
        """One row a sample; x has the batch first, or second in (T, B, p)."""
        if x.ndim != len(layer.shape):
            raise ValueError(
                f"layers has {layer.name!r} of shape {tuple(x.shape)}, in the first batch "
                f"{layer.shape}; name a layer whose dimensions stay"
            )
        x = batch_first(x, self._rows)
        if len(x) != self._rows:
            raise ValueError(
                f"layers has {layer.name!r} with {len(x)} rows for {self._rows} samples; name a "
                "layer that keeps the samples apart"
            )
        return self._one_row(layer, x) if x.ndim > 1 else x[:, None].clone()

    def _one_row(self, layer: Layer, x: Tensor) -> Tensor:
        if self._rule.kind == "every":
            return x.movedim(layer.channel, -1).flatten(0, -2).clone()
        if layer.tokens:
            fits = self._real is not None and self._real.shape == x.shape[:2]
            real = self._real if fits else None
            picked = self._rule.pick if self._flat else self._rule.mean
            return picked(x, real).flatten(1).clone()
        if self._flat or x.ndim == 2:
            return x.flatten(1).clone()
        across = [dim for dim in range(1, x.ndim) if dim != layer.channel]
        return x.mean(across, dtype=torch.promote_types(x.dtype, torch.float32))


@contextlib.contextmanager
def layer_features(
    model: nn.Module,
    layers: Iterable[str],
    *,
    inputs: Any,
    positions: str = "mean",
    tokens: str | int = "auto",
    head: str | None = None,
) -> Iterator[LayerFeatures]:
    """Inside the block, each forward pass of the model leaves the layers' features to ``take()``.

    The model is in evaluation mode there, without gradients or compiled code. When the block ends,
    in whatever way, modes are as before and no hook is left; the random generators are not used.

    Args:
        model: any module; hooks are set on the one inside its wrappers.
        layers: names of modules: ``"layer3"`` is its output, ``"in:layer3"`` its input,
            ``"relu#1"`` its second call. ``default_units`` gives such names.
        inputs: a batch; a few samples of it show which dimension is which.
        positions: ``"mean"`` over all of a map's positions, or ``"flatten"`` to a longer row.
        tokens: ``"auto"`` takes those that the classifier reads; ``"mean"``; a number takes that
            one; with ``"every"`` each position is a row, which is so, too, for logits of each.
        head: name of the classifier, which only a classifier of zeros needs.

    Raises:
        ValueError: for names that are not in the model, not called, or called several times with no
            number, layers that hold no floating numbers, and options that are none.
    """
    root, layers = unwrap(model), list(layers)
    _check(layers, positions, tokens)
    rule, count = _rule(root, inputs, tokens, head)
    events, rows = trace(root, inputs), len(first_tensor(few(inputs)))
    chosen = [_layer(root, events, name, rule, count, rows) for name in layers]
    seen = LayerFeatures(root, chosen, positions, rule)
    modules = {layer.module for layer in chosen}
    hooks = hooked([root], seen.begin_pass), hooked(modules, seen.begin, seen.end)
    with evaluating(model), hooks[0], hooks[1]:
        yield seen


def _check(layers: list[str], positions: str, tokens: str | int) -> None:
    if positions not in POSITIONS:
        raise ValueError(f"positions is {positions!r}; take one of {', '.join(POSITIONS)}")
    if isinstance(tokens, str) and tokens not in ("auto", "mean", "every"):
        raise ValueError(f"tokens is {tokens!r}; take auto, mean, every, or a token's number")
    if twice := [name for name in layers if layers.count(name) > 1]:
        raise ValueError(f"layers has {twice[0]!r} twice; name each once")


def _rule(
    root: nn.Module, inputs: Any, tokens: str | int, head: str | None
) -> tuple[Tokens, int | None]:
    """The rule, and of how many tokens it is; None: of any number."""
    if tokens == "auto":
        return tokens_read(root, inputs, None if head is None else named(root, head))
    if isinstance(tokens, str):
        return (MEAN if tokens == "mean" else EVERY), None
    return Tokens("some", (tokens,), f"token {tokens}"), None


def _layer(
    root: nn.Module, events: list[Event], name: str, rule: Tokens, count: int | None, rows: int
) -> Layer:
    """The call that a name means, found in the events of a pass."""
    reads = name.startswith("in:")
    module = named(root, name.removeprefix("in:"))
    number = _number(name, call_counts(events).get(module, 0))
    place = next(
        i for i, e in enumerate(events) if (e.module, e.number, e.begins) == (module, number, reads)
    )
    shape = events[place].shape
    if not events[place].floating or not shape:
        verb = "reads" if reads else "gives"
        raise ValueError(f"layers has {name!r}, which {verb} no floating numbers; name another")
    channel = channel_of(events, place)
    held = _held(shape, channel, rows)
    tokens = held > 0 and count in (None, held)
    if tokens and rule.kind == "some" and not -held <= max(rule.places) < held:
        raise ValueError(f"tokens is {rule.places[0]}, but {name!r} has {held} tokens")
    return Layer(name, module, reads, number, shape, channel, tokens)


def _held(shape: tuple[int, ...], channel: int, rows: int) -> int:
    """How many tokens a tensor (B, T, p) or (T, B, p) holds; 0 for all others."""
    if len(shape) != 3 or channel != 2:
        return 0
    return batch_first(torch.empty(shape, device="meta"), rows).shape[1]


def _number(name: str, calls: int) -> int:
    """Which call a name means."""
    module, _, number = name.partition("#")
    if calls == 0:
        raise ValueError(_silent(name))
    if not number and calls > 1:
        raise ValueError(
            f"layers has {name!r}, which is called {calls} times; say which: {module}#0 … "
            f"{module}#{calls - 1}"
        )
    if number and not (number.isdecimal() and int(number) < calls):
        raise ValueError(f"layers has {name!r}, but {module!r} is called {calls} times, from #0 on")
    return int(number or 0)


def _silent(name: str) -> str:
    return (
        f"layers has {name!r}, whose hook was never called: either the layer is not on the way "
        "from inputs to outputs, or it runs as compiled code (TorchScript, torch.export, "
        "torch.compile), which calls no hooks; name another layer, or give the model as it was "
        "before it was compiled"
    )
