"""The linear classifier of any model, found by what it computes and verified with its weights.

The classifier is the last call whose outputs, times one number, are the logits (of the one, of
every, of the mean or of one picked position), and whose weights give them from its inputs. Names
decide nothing: the last ``nn.Linear`` may be an auxiliary head, and a head may be a function.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import nn

from nclib.measuring.finding.affine import Call, Watch, Weights, record
from nclib.measuring.finding.fits import Fit, fits
from nclib.measuring.finding.given import weights_given
from nclib.measuring.finding.searching import (
    Found,
    best,
    logits_in,
    name_of,
    named,
    same,
    searched,
    under_given_weights,
)
from nclib.measuring.modes import evaluating, unwrap
from nclib.shapes import Float, Tensor

CHECKED = 2**14  # of the logits of each batch are compared, in 16 rows at least


class Reading(NamedTuple):
    """One batch: M samples, or samples × positions in the order of ``labels.reshape(-1)``.

    Logits are the model's; of probabilities their logarithms; of one logit l the two (−l, l)/2.
    """

    features: Float[Tensor, "M p"]
    logits: Float[Tensor, "M C"]
    weight: Float[Tensor, "C p"]
    bias: Float[Tensor, " C"]
    rows: str  # "one", "every", "mean" or "gather"


@dataclass
class Head:
    """A linear classifier of a model.

    Attributes:
        name: of its module; of a function, the module that calls it; "" for the model itself.
        kind: type and sizes, such as "Linear 512 → 10".
        rows: which positions the logits are of: "one", "every", "mean" or "gather".
        misfit: the largest so far of ‖L − features·Wᵀ − b‖/‖L‖, row means taken off.
        scale: of its output in the logits (an inverse temperature), already in the weights.
        num_outputs: of the layer itself.
        num_features: p.
        dtype: of the logits in which it was found.
        checked: False for a classifier that was named although the logits are not affine in what
            it reads.
        own: True where the model gives no logits of its own, so that they are features·Wᵀ + b.
    """

    name: str
    kind: str
    rows: str
    misfit: float
    scale: float
    num_outputs: int
    num_features: int
    dtype: torch.dtype
    checked: bool
    own: bool
    watch: Watch = field(repr=False)  # how its calls are seen
    fixed: Weights | None = field(repr=False)  # found by probing, which would disturb hooks

    @property
    def num_classes(self) -> int:
        """C; two for a single logit."""
        return max(self.num_outputs, 2)

    @property
    def says(self) -> str:
        """What was taken, in one sentence."""
        where = f"`{self.name}`" if self.name else "the model itself"
        times = "" if self.scale == 1 else f"{self.scale:.4g}·"
        formula = f"logits = {times}(features·Wᵀ + b)" if times else "logits = features·Wᵀ + b"
        said = f"classifier {where} ({self.kind}), {formula}{POSITIONS[self.rows]}"
        said += f" {self._checked}"
        if torch.finfo(self.dtype).bits < 32:
            said += f" in {str(self.dtype).removeprefix('torch.')}, which cannot tell it surely"
        return said

    @property
    def _checked(self) -> str:
        if self.checked:
            return f"checked to {self.misfit:.1e}"
        return "not checked" if math.isnan(self.misfit) else f"only to {self.misfit:.2g}"


POSITIONS = {
    "one": "",
    "every": " at every position",
    "mean": " of the mean over positions",
    "gather": " at one position of each sample",
}


def find_head(
    model: nn.Module, inputs: Any, *, classifier: Any = None, features: str | None = None
) -> Head:
    """The classifier of a model, found with one batch.

    Args:
        model: any; a bare ``nn.Linear`` for features that are given.
        inputs: a batch, of 2 samples or more, as ``call`` takes it.
        classifier: the name of a module, or a module of the model, to take it without a search;
            or (weight (C, p), bias (C,) or None) together with ``features``.
        features: the name of the module whose output is read; "in:name" for its input.

    Raises:
        ValueError: if no call gives the logits as features·Wᵀ + b, with the candidates and the
            ways out; if the logits cannot decide; if ``classifier`` is not of the model.
    """
    model = unwrap(model)
    given = isinstance(classifier, tuple | list)
    if features is not None and not given:
        raise ValueError(f"features={features!r} needs classifier=(weight, bias) beside it")
    with evaluating(model):
        if given:
            return _head(under_given_weights(model, inputs, weights_given(classifier), features))
        if classifier is not None:
            return _head(named(model, inputs, name_of(model, classifier)))
        return _head(searched(model, inputs))


@contextlib.contextmanager
def reading(
    model: nn.Module, head: Head, *, each: bool = True
) -> Iterator[Callable[[Any], Reading]]:
    """Inside the block, a function from a batch of inputs to ``Reading``.

    Which positions the logits are of is looked up in every batch (a batch without padding does
    not tell "the last" from "the last that is no padding"), and ``head.misfit`` is kept up.

    Args:
        model: that the head was found in.
        head: its classifier.
        each: verify each batch; False verifies the first of the block alone, where the head is
            called once and its outputs are the logits. It costs a few milliseconds a batch.

    Raises:
        ValueError: by the function, if the head does not give the logits of a batch, or if its
            weights are not those of the first batch.
    """
    model = unwrap(model)
    first: list[Weights] = []

    def read(inputs: Any) -> Reading:
        calls, logits = _recorded(model, inputs, head)
        if first and not each and _as_before(head, calls, logits):
            return Reading(calls[0].x.flatten(0, 1), logits, *first[0], "one")
        fit, weights = _matched(head, calls, logits)
        if not first:
            first.append(tuple(one.clone() for one in weights))
        _require_the_same(head, first[0], weights)
        head.misfit = max(head.misfit, fit.misfit)
        return _read(fit, *weights)

    with evaluating(model):
        yield read


def _head(found: Found) -> Head:
    called, fit = found.called, found.fit
    size = called.z.shape[-1]
    return Head(
        name=called.name,
        kind=f"{called.kind} {called.x.shape[-1]} → {size}",
        rows=fit.picked.rows,
        misfit=fit.misfit,
        scale=fit.scale,
        num_outputs=size,
        num_features=called.x.shape[-1],
        dtype=called.z.dtype,
        checked=found.checked,
        own=found.own,
        watch=found.watch,
        fixed=called.weights() if found.probed else None,
    )


def _recorded(model: nn.Module, inputs: Any, head: Head) -> tuple[list[Call], Tensor]:
    outputs, calls = record(model, inputs, head.watch, {head.num_outputs})
    if not calls:
        raise ValueError(
            f"model did not call its classifier `{head.name}` in this batch where hooks see it; "
            "give the model as it was before torch.jit or torch.export"
        )
    return calls, logits_in(outputs, calls[-1] if head.own else None)


def _as_before(head: Head, calls: list[Call], logits: Tensor) -> bool:
    """Whether nothing is left to be looked up: one call, one position, logits of its shape."""
    one = len(calls) == 1 and head.rows == "one" and head.scale == 1 and head.num_outputs > 1
    return one and calls[0].z.shape[1] == 1 and calls[0].z.flatten(0, 1).shape == logits.shape


def _matched(head: Head, calls: list[Call], logits: Tensor) -> tuple[Fit, Weights]:
    """The fit of this batch, and the weights with the scale in them."""
    closest = None
    for called in reversed(calls):
        called = called._replace(weights=lambda: head.fixed) if head.fixed else called
        found = [*fits(called, logits, scale=head.scale, most=CHECKED)]
        found.sort(key=lambda fit: fit.picked.rows != head.rows)
        good = [fit for fit in found if fit.misfit <= fit.tolerance or not head.checked]
        if good:
            weights = called.weights()
            return good[0], weights if head.scale == 1 else tuple(head.scale * w for w in weights)
        closest = best([*found, *([closest] if closest else [])])
    said = "has another shape" if closest is None else f"misses them by {closest.misfit:.2g}"
    raise ValueError(
        f"model: in this batch, logits {tuple(logits.shape)} are not features·Wᵀ + b of its "
        f"classifier `{head.name}` ({head.kind}): it {said}"
    )


def _require_the_same(head: Head, first: Weights, now: Weights) -> None:
    if not all(same(*pair) for pair in zip(first, now, strict=True)):
        raise ValueError(
            f"model: the weights of its classifier `{head.name}` ({head.kind}) change from batch "
            "to batch, so they are made from it; give classifier=(weight, bias), features="
        )


def _read(fit: Fit, weight: Tensor, bias: Tensor) -> Reading:
    """One logit becomes two: decisions stay the same."""
    rows, x, _, logits = fit.picked
    if len(weight) > 1:
        return Reading(x, logits, weight, bias, rows)
    logits, bias = (torch.cat([-one, one], -1) / 2 for one in (logits, bias))
    return Reading(x, logits, torch.cat([-weight, weight]) / 2, bias, rows)
