"""Checks of what a user hands in; each error names the argument, what was found and what to do."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral

import torch

from nclib.shapes import Float, Number, Tensor


def check_pair(features: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless features are (N, p) and labels (N,) integers, both tensors."""
    for name, given in (("features", features), ("labels", labels)):
        if not isinstance(given, torch.Tensor):
            raise ValueError(
                f"{name} are a {type(given).__module__}.{type(given).__name__}; "
                f"give a tensor: torch.as_tensor({name})"
            )
    if features.ndim != 2:
        raise ValueError(f"features have shape {tuple(features.shape)}; expected (N, p)")
    if labels.dtype.is_floating_point or labels.dtype in (torch.bool, torch.complex64):
        raise ValueError(f"labels have dtype {labels.dtype}; expected class indices, e.g. int64")
    have, rows = tuple(labels.shape), tuple(features.shape)
    if have != rows[:1]:
        raise ValueError(f"labels have shape {have}; features of shape {rows} need {rows[:1]}")


def check_range(labels: Tensor, num_classes: int) -> None:
    """Raise ValueError naming a label that is not in 0..C-1."""
    low, high = (int(labels.min()), int(labels.max())) if len(labels) else (0, 0)
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"labels contain {low if low < 0 else high}; with num_classes = {num_classes} they "
            f"must lie in 0..{num_classes - 1}"
        )


def check_classifier(
    means: Float[Tensor, "C p"], weight: Tensor, bias: Tensor | None
) -> tuple[Float[Tensor, "C p"], Float[Tensor, " C"]]:
    """Weight and bias (zero for None) in the means' dtype and place, or ValueError."""
    bias = means.new_zeros(len(means)) if bias is None else bias
    shape, *found = (tuple(x.shape) for x in (means, weight, bias))
    if found[0] != shape:
        raise ValueError(f"weight has shape {found[0]}; nn.Linear keeps (C, p) = {shape}")
    if found[1] != shape[:1]:
        raise ValueError(f"bias has shape {found[1]}; expected (C,) = {shape[:1]}")
    return weight.detach().to(means), bias.detach().to(means)


def raise_not_finite(features: Tensor, start: int = 0) -> None:
    """Raise ValueError naming the rows from ``start`` on that are NaN or infinite."""
    bad = (~torch.isfinite(features[start:]).all(1)).nonzero().flatten() + start
    if not len(bad):
        raise ValueError("features are finite but too large for their dtype; give them as float64")
    shown = ", ".join(map(str, bad[:5].tolist())) + (", …" if len(bad) > 5 else "")
    raise ValueError(
        f"features contain NaN or infinite values in {len(bad)} rows ({shown}); "
        "the network diverged or its input was not finite"
    )


def check_times(times: Tensor) -> Float[Tensor, " T"]:
    """In float64, or ValueError unless (T,), finite, at least 0 and ascending."""
    if times.ndim != 1:
        raise ValueError(f"times have shape {tuple(times.shape)}; expected (T,)")
    bad = times[~((times >= 0) & torch.isfinite(times))]
    if len(bad):
        raise ValueError(f"times contain {float(bad[0])}; they must be finite and at least 0")
    if (times.diff() < 0).any():
        raise ValueError("times are not ascending; sort them: times.sort().values")
    return times.double()


def at_least(minimum: int, why: str = "", **sizes: int) -> None:
    """Raise ValueError naming the first of ``sizes`` that is not an integer ≥ ``minimum``."""
    for name, size in sizes.items():
        if not isinstance(size, Integral) or size < minimum:
            raise ValueError(f"{name} is {size}; give an integer of at least {minimum}{why}")


def check_decays(**decays: Number) -> None:
    """Raise ValueError naming the first of ``decays`` that is not a finite number ≥ 0."""
    for name, decay in decays.items():
        if not (math.isfinite(decay) and decay >= 0):
            raise ValueError(f"{name} is {decay}; give a finite number that is not negative")


def check_positive(why: str, **decays: Number) -> None:
    """The same for numbers > 0; ``why`` says what a zero would do."""
    check_decays(**decays)
    for name, decay in decays.items():
        if decay == 0:
            raise ValueError(f"{name} is 0; {why}")


RANGES: dict[str, tuple[Callable[[Number], bool], str]] = {
    "epochs": (lambda value: value >= 0, "at least 0"),
    "learning_rate": (lambda value: value > 0, "positive"),
    "weight_decay": (lambda value: value >= 0, "at least 0"),
    "batch_size": (lambda value: value >= 1, "at least 1"),
    "momentum": (lambda value: 0 <= value < 1, "in [0, 1)"),
    "sample_per_class": (lambda value: value >= 1, "at least 1"),
}


def check_numbers(**values: Number | None) -> None:
    """Raise ValueError for an argument of ``train`` that is out of its range."""
    for name, value in values.items():
        good, wanted = RANGES[name]
        if value is not None and not good(value):
            raise ValueError(f"{name} is {value}; it must be {wanted}")
