"""The search for the call that is a model's classifier, and the messages where there is none."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from nclib.measuring.finding.affine import (
    Call,
    Watch,
    Weights,
    linear_modules,
    other_modules,
    record,
)
from nclib.measuring.finding.fits import (
    Fit,
    Picked,
    fits,
    identical,
    logits_of,
    misfit_of,
    relative,
    sizes_of,
    wide,
)
from nclib.measuring.finding.given import given_features, module_named
from nclib.measuring.finding.products import functions
from nclib.measuring.modes import call, unwrap
from nclib.shapes import Tensor

SEARCHES = (linear_modules, functions, other_modules)  # in this order
SAME = 1e-6  # a relative change of weights that is rounding
BLURRED = 0.05  # a tolerance that would accept what is not linear
NO_CALL = "; no call has that many outputs"
SCRIPTED = ". Modules of torch.jit call no hooks: give the model as it was before"
LISTED = 8  # candidates in a message


class Found(NamedTuple):
    """A call, how it gives the logits, and how it is watched.

    ``checked`` is False where the user named a layer although it does not give the logits;
    ``own`` is True where the model has none, so that they are the layer's.
    """

    called: Call
    fit: Fit
    watch: Watch
    checked: bool = True
    own: bool = False

    @property
    def probed(self) -> bool:
        """Whether the weights came from calling the module with the identity matrix."""
        return self.watch.func is other_modules


def searched(model: nn.Module, inputs: Any) -> Found:
    """Modules first, then functions, then modules that turn out to be affine.

    Raises:
        ValueError: if none gives the logits, with the candidates; if the logits cannot decide.
    """
    tried: list[Found] = []
    for one in _candidates(model, inputs):
        if one.fit.holds and not _of_the_batch(model, inputs, one):
            return one
        tried.append(one)
    raise ValueError(_nothing_found(model, tried))


def named(model: nn.Module, inputs: Any, name: str) -> Found:
    """A module that the user named; one that does not give the logits if only it is affine.

    Raises:
        ValueError: if it is not affine, or not to as many classes as the logits have.
    """
    tried = []
    for one in _candidates(model, inputs, name):
        if one.fit.holds:
            return one
        tried.append(one)
    for one in tried:
        if _affine(one.called):
            misfit = one.fit.misfit if one.fit.decided else math.nan
            fit = one.fit._replace(scale=1.0, misfit=misfit)
            return one._replace(fit=fit, checked=False)
    raise ValueError(
        f"classifier={name!r} is no affine map to as many classes as the logits have, or is not "
        f"called where hooks see it{_listed(tried)}; name the layer itself, or give "
        "classifier=(weight, bias) with features="
    )


def under_given_weights(
    model: nn.Module, inputs: Any, weights: Weights, features: str | None
) -> Found:
    """The module whose output, or input ("in:name"), the user's weights are put on.

    Raises:
        ValueError: if it is not named, not there, not called, or of another size.
    """
    if features is None:
        raise ValueError(
            "classifier=(weight, bias) needs features=, the name of the module whose output they "
            'are put on, or "in:name" for its input'
        )
    watch = functools.partial(given_features, weights=weights, features=features)
    outputs, calls = record(model, inputs, watch, ())
    if not calls:
        raise ValueError(f"features={features!r} is a module that the model did not call")
    called = calls[-1]
    own = not _has_logits(outputs, called)
    fit = best(fits(called, logits_in(outputs, called if own else None)))
    checked = fit.holds
    return Found(called, fit if checked else fit._replace(scale=1.0), watch, checked, own)


def logits_in(outputs: Any, called: Call | None = None) -> Tensor:
    """The model's logits, or those of a call: the mean over its positions."""
    return logits_of(outputs) if called is None else called.z.mean(1)


def name_of(model: nn.Module, classifier: Any) -> str:
    """The name of a module of the model, given by name or itself.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(classifier, str):
        module_named(model, classifier, "classifier")
        return classifier
    for name, module in model.named_modules():
        if isinstance(classifier, nn.Module) and module is unwrap(classifier):
            return name
    raise ValueError(
        f"classifier= is a {type(classifier).__name__} that is not part of the model; give the "
        "name of a module, a module of the model, or (weight, bias) with features="
    )


def same(weight: Tensor, other: Tensor) -> bool:
    """Equal but for rounding."""
    if weight.shape != other.shape or torch.equal(weight, other):
        return weight.shape == other.shape
    return relative(wide(weight - other), wide(weight)) <= SAME


def best(found: Iterable[Fit]) -> Fit | None:
    """The first that holds, else the one that comes closest."""
    found = [*found]
    closest = min(found, key=lambda fit: fit.misfit, default=None)
    return next((fit for fit in found if fit.holds), closest)


def _candidates(model: nn.Module, inputs: Any, only: str | None = None) -> Iterator[Found]:
    """The calls of each search in turn, the last call first, each with its best fit.

    Before the values count those calls whose output *is* the logits: zeros fit everything. (That
    says nothing of modules that are probed: the model's own output is the logits, too.)
    """
    sizes = sizes_of(logits_of(call(model, inputs)))
    for search in SEARCHES:
        outputs, calls = record(model, inputs, functools.partial(search, only=only), sizes)
        logits = logits_of(outputs)
        by_identity = () if search is other_modules else (identical,)
        for read in (*by_identity, lambda *one: best(fits(*one))):
            for called in reversed(calls):
                if (fit := read(called, logits)) is not None:
                    watch = functools.partial(search, only=called.name)
                    yield Found(called, _sharp(fit, logits), watch)


def _sharp(fit: Fit, logits: Tensor) -> Fit:
    """A fit, unless rounding would excuse anything."""
    if fit.misfit <= fit.tolerance and fit.tolerance > BLURRED:
        raise ValueError(
            f"model: the rounding of its logits ({logits.dtype}, {tuple(logits.shape)}) is "
            f"{fit.tolerance:.2g} of the differences between classes, too much to tell which call "
            "is the classifier; call it in float32, or in float64 where it runs in float32"
        )
    return fit


def _affine(called: Call) -> bool:
    """Whether a call's weights give its own outputs."""
    weights, target = called.weights(), called.z.flatten(0, 1)
    picked = Picked("every", called.x.flatten(0, 1), target, target)
    fit = Fit(picked, 1.0, 0.0, 0.0)
    return weights is not None and misfit_of(fit, *weights, most=target.numel()) <= BLURRED / 10


def _of_the_batch(model: nn.Module, inputs: Any, found: Found) -> bool:
    """Whether a function's weights change when the first sample is left out."""
    called = found.called
    if found.watch.func is not functions:
        return False
    fewer = _without_first(inputs, len(called.z))
    _, calls = record(model, fewer, found.watch, {called.z.shape[-1]})
    weight = called.weights()[0]
    return not any(same(weight, one.weights()[0]) for one in calls)


def _without_first(inputs: Any, size: int) -> Any:
    """Every tensor of ``size`` samples, where that is 2 or more, without the first one."""
    if isinstance(inputs, Tensor):
        return inputs[1:] if inputs.ndim and len(inputs) == size > 1 else inputs
    if isinstance(inputs, Mapping):
        return {name: _without_first(one, size) for name, one in inputs.items()}
    if isinstance(inputs, tuple | list):
        return [_without_first(one, size) for one in inputs]
    return inputs


def _has_logits(outputs: Any, called: Call) -> bool:
    """Whether the model gives logits of as many classes and rows as the given weights do."""
    try:
        logits = logits_of(outputs)
    except ValueError:
        return False
    return any(True for _ in fits(called, logits, scale=1.0))


def _nothing_found(model: nn.Module, tried: list[Found]) -> str:
    """The message: the candidates, the closest first, and the ways out."""
    scripted = any(isinstance(module, torch.jit.ScriptModule) for module in model.modules())
    return (
        "model: none of its calls gives its logits as features·Wᵀ + b"
        f"{_listed(tried)}{SCRIPTED if scripted else ''}. Name one of them, "
        'classifier="name", or give classifier=(weight, bias) with features="name" ("in:name" for '
        "what that module reads)"
    )


def _listed(tried: list[Found]) -> str:
    closest: dict[tuple, Found] = {}  # a module and the function in it are one candidate
    for one in sorted(tried, key=lambda one: one.fit.misfit):
        closest.setdefault((one.called.name, one.called.x.shape[-1]), one)
    said = [f"{one.called} {_said(one.fit)}" for one in [*closest.values()][:LISTED]]
    return f"; candidates: {'; '.join(said)}" if said else NO_CALL


def _said(fit: Fit) -> str:
    if fit.holds:
        return "with weights that are made from the batch"
    if fit.decided:
        return f"misfit {fit.misfit:.2g}"
    return "cannot be told (all logits are equal, or too few: give a larger batch)"
