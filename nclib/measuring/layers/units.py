"""A model as calls of its modules, and which of them are layers to measure by default.

A module may be called more than once (ResNet's ReLUs, Albert's one block), so a layer is a call:
``"relu#1"`` is the second call of ``relu``. What a call reads, or gives, is its first tensor,
whether it comes alone, by keyword, or in a tuple, list or mapping.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from nclib.measuring.modes import call, evaluating, unwrap
from nclib.shapes import Tensor

FEW = 4  # samples are enough to see which modules are called, and what they read
ENOUGH = 4  # units; with fewer, any module that holds blocks is opened


class Event(NamedTuple):
    """One call begins (what it reads) or ends (what it gives); no tensor, no shape.

    ``number`` counts the calls of the same module from 0.
    """

    module: nn.Module
    number: int
    begins: bool
    shape: tuple[int, ...] | None
    floating: bool


def default_units(model: nn.Module, inputs: Any, head: str | None = None) -> list[str]:
    """The layers to measure when none are named, in call order, each by what it *reads*: ``in:…``.

    Units are the children of the model that own a weight matrix or kernel, opened where they are a
    ``Sequential`` or hold a list of blocks of one kind; any other module that holds blocks is
    opened only while there are fewer than four units. What a unit reads is what comes after the
    activation of the one before, and the last unit reads the classifier's features.

    Args:
        model: any module; wrappers are looked through.
        inputs: one batch of it, of which a few samples are used.
        head: name of the classifier. It is the last unit; what is called after it, what holds it,
            and what does not lead to the logits is left out. Without it all units remain.

    Raises:
        ValueError: for a head that the model has not, or did not call.
    """
    root = unwrap(model)
    events = trace(root, inputs)
    begins = [event for event in events if event.begins]
    first = {event.module: place for place, event in reversed(list(enumerate(begins)))}
    units = _opened(root, first)
    units = _before(root, units, begins, named(root, head)) if head is not None else units
    units = _leading(root, units, inputs)
    numbers = call_counts(events)
    chosen = [e for e in begins if e.module in units and e.floating]
    return [f"in:{call_name(root, e.module, e.number, numbers[e.module])}" for e in chosen]


@torch.no_grad()
def trace(model: nn.Module, inputs: Any) -> list[Event]:
    """All calls of modules in one forward pass of a few samples, in order."""
    events, counts = [], {}

    def begins(module: nn.Module, args: tuple, kwargs: dict) -> None:
        counts[module] = counts.get(module, -1) + 1
        events.append(Event(module, counts[module], True, *_kind(first_tensor((args, kwargs)))))

    def ends(module: nn.Module, _: Any, __: Any, outputs: Any) -> None:
        events.append(Event(module, counts[module], False, *_kind(first_tensor(outputs))))

    root = unwrap(model)
    with probing(root), hooked(root.modules(), begins, ends):
        call(root, few(inputs))
    return events


@contextlib.contextmanager
def probing(model: nn.Module) -> Iterator[None]:
    """Evaluation mode in the block, and a state of the random generators that is put back."""
    devices = {p.device for p in model.parameters() if p.is_cuda}
    with evaluating(model), torch.random.fork_rng(sorted(devices, key=str)):
        yield


@contextlib.contextmanager
def hooked(
    modules: Iterable[nn.Module], begins: Callable | None = None, ends: Callable | None = None
) -> Iterator[None]:
    """Hooks with keywords at the beginning and the end of every call; none left after the block."""
    hooks = []
    try:
        for module in modules:
            if begins:
                hooks.append(module.register_forward_pre_hook(begins, with_kwargs=True))
            if ends:
                hooks.append(module.register_forward_hook(ends, with_kwargs=True))
        yield
    finally:
        for hook in hooks:
            hook.remove()


# Names and tensors


def named(model: nn.Module, name: str) -> nn.Module:
    """The module of that name (a call's ``#1`` is ignored), or ValueError with close names."""
    modules = dict(model.named_modules(remove_duplicate=False))
    name = name.partition("#")[0]
    if name not in modules:
        import difflib

        near = difflib.get_close_matches(name, modules, 5, 0.3) or list(modules)[1:6]
        raise ValueError(f"the model has no module {name!r}; it has {', '.join(near)} …")
    return modules[name]


def call_counts(events: Iterable[Event]) -> dict[nn.Module, int]:
    """How often each module was called."""
    counts: dict[nn.Module, int] = {}
    for event in events:
        counts[event.module] = max(counts.get(event.module, 0), event.number + 1)
    return counts


def call_name(root: nn.Module, module: nn.Module, number: int, calls: int) -> str:
    """``"layer1.0"``, or ``"relu#1"`` for the second of several calls."""
    name = next(name for name, one in root.named_modules() if one is module)
    return f"{name}#{number}" if calls > 1 else name


def first_tensor(values: Any) -> Tensor | None:
    """The first tensor in nested tuples, lists and mappings, or None."""
    if isinstance(values, Tensor):
        return values
    if isinstance(values, Mapping):
        values = tuple(values.values())
    if not isinstance(values, tuple | list):
        return None
    found = (first_tensor(value) for value in values)
    return next((tensor for tensor in found if tensor is not None), None)


def few(inputs: Any, count: int = FEW) -> Any:
    """Copies of the first samples of a batch, in the same nesting (a model may write into them)."""
    first = first_tensor(inputs)
    size = 0 if first is None or first.ndim == 0 else len(first)

    def cut(values: Any) -> Any:
        if isinstance(values, Tensor):
            return (values[:count] if values.ndim and len(values) == size else values).clone()
        if isinstance(values, Mapping):
            return {key: cut(value) for key, value in values.items()}
        return type(values)(map(cut, values)) if type(values) in (tuple, list) else values

    return cut(inputs)


def _kind(tensor: Tensor | None) -> tuple[tuple[int, ...] | None, bool]:
    return (None, False) if tensor is None else (tuple(tensor.shape), tensor.is_floating_point())


# Which modules are units


def _opened(root: nn.Module, first: dict[nn.Module, int]) -> list[nn.Module]:
    """Units in call order: the root, opened as far as the rule goes."""
    units = _children(root, first) or [root]
    while True:
        chosen = next((unit for unit in units if _always_opened(unit, first)), None)
        if chosen is None and len(units) < ENOUGH:
            chosen = next((unit for unit in units if _holds_blocks(unit, first)), None)
        if chosen is None:
            return units
        units.remove(chosen)
        units = sorted({*units, *_children(chosen, first)}, key=first.__getitem__)


def _children(module: nn.Module, first: dict[nn.Module, int]) -> list[nn.Module]:
    """Called children that own a weight; one that is never called itself is looked through."""
    found = []
    for child in module.children():
        found += [child] * _owns_weight(child) if child in first else _children(child, first)
    return sorted(found, key=first.__getitem__)


def _owns_weight(module: nn.Module) -> bool:
    return any(parameter.ndim >= 2 for parameter in module.parameters())


def _always_opened(module: nn.Module, first: dict[nn.Module, int]) -> bool:
    opens = isinstance(module, nn.Sequential) or any(map(_one_kind, module.children()))
    return opens and bool(_children(module, first))


def _one_kind(module: nn.Module) -> bool:
    return isinstance(module, nn.ModuleList) and len({type(child) for child in module}) == 1


def _holds_blocks(module: nn.Module, first: dict[nn.Module, int]) -> bool:
    """Whether a ``Sequential`` of several or a list of modules is somewhere inside."""
    inside = list(module.modules())[1:]
    lists = (isinstance(one, nn.ModuleList) and len(one) for one in inside)
    chains = (isinstance(one, nn.Sequential) and len(one) > 1 for one in inside)
    return (any(lists) or any(chains)) and bool(_children(module, first))


def _before(
    root: nn.Module, units: list[nn.Module], begins: list[Event], head: nn.Module
) -> list[nn.Module]:
    """The units that are called before the head, and the head."""
    last = {event.module: place for place, event in enumerate(begins)}
    if head not in last:
        name = next(name for name, one in root.named_modules() if one is head)
        raise ValueError(f"head is {name!r}, which the model did not call; name one that it calls")
    earlier = [u for u in units if last[u] < last[head] and head not in set(u.modules())]
    return [*earlier, head]


def _leading(root: nn.Module, units: list[nn.Module], inputs: Any) -> list[nn.Module]:
    """Units of which the logits depend; all where no gradients can be had."""
    given: dict[nn.Module, Tensor] = {}

    def ends(module: nn.Module, _: Any, __: Any, outputs: Any) -> None:
        given[module] = first_tensor(outputs)

    with probing(root), torch.enable_grad(), hooked(units, ends=ends):
        score = squares(traceable(root, few(inputs)))
    if score is None:
        return units
    rooted = [u for u in units if given.get(u) is not None and given[u].requires_grad]
    found = torch.autograd.grad(score, [given[u] for u in rooted], allow_unused=True)
    aside = {unit for unit, gradient in zip(rooted, found, strict=True) if gradient is None}
    return [unit for unit in units if unit not in aside]


def traceable(root: nn.Module, inputs: Any, **replaced: Tensor) -> Any:
    """The model's outputs with gradients, also of frozen layers; no parameter is touched.

    None for sharded parameters and for compiled scripts, of which no gradient is asked.
    """
    closed = (isinstance(module, torch.jit.ScriptModule) for module in root.modules())
    if any(closed) or any(hasattr(p, "full_tensor") for p in root.parameters()):
        return None
    parameters = {
        name: value.detach().requires_grad_()
        for name, value in root.named_parameters()
        if value.is_floating_point()
    }
    args, kwargs = ((), dict(inputs)) if isinstance(inputs, Mapping) else (inputs, None)
    args = tuple(args) if isinstance(args, list) else args
    return torch.func.functional_call(root, {**parameters, **replaced}, args, kwargs)


def squares(outputs: Any) -> Tensor | None:
    """Σ L² of the logits, or None where they have no gradient."""
    logits = logits_of(outputs)
    if logits is None or not logits.requires_grad:
        return None
    return logits.square().sum()


def logits_of(outputs: Any) -> Tensor | None:
    """The tensor itself, ``.logits``, or the first tensor with a dimension in a tuple or dict."""
    if isinstance(outputs, Tensor):
        return outputs if outputs.ndim else None
    logits = getattr(outputs, "logits", None)
    if logits is None and isinstance(outputs, Mapping):
        logits = outputs.get("logits", list(outputs.values()))
    if logits is None and isinstance(outputs, tuple | list):
        found = map(logits_of, outputs)
        logits = next((one for one in found if one is not None), None)
    return logits_of(logits) if isinstance(logits, list) else logits
