"""Checks of what a user hands in; each error names the argument, what was found and what to do."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch

from nclib.shapes import Float, Number, Tensor


def check_tensor(name: str, given: Any, dtype: str) -> None:
    """Raise ValueError unless ``given`` is a tensor; the remedy it tells works for what it is."""
    if isinstance(given, torch.Tensor):
        return
    found = f"{type(given).__module__}.{type(given).__name__}"
    if isinstance(given, torch.nn.Module):
        remedy = "give its tensors: layer.weight and layer.bias"
    elif _numeric(given):
        remedy = f'give a tensor: torch.tensor(numpy.asarray({name}, dtype="{dtype}"))'
    else:  # words: "cat", "dog"
        remedy = f"give a tensor: torch.tensor(numpy.unique({name}, return_inverse=True)[1])"
    verb = "are" if name in ("features", "labels", "images", "points") else "is"
    raise ValueError(f"{name} {verb} a {found}; {remedy}")


def _numeric(given: Any) -> bool:
    try:
        np.asarray(given, dtype="float64")
    except (TypeError, ValueError):
        return False
    return True


def check_points(points: Tensor, *, sets: bool = False) -> None:
    """Raise ValueError unless points are finite and (C, p), or (…, C, p) with ``sets``; C ≥ 2."""
    check_tensor("points", points, "float64")
    shape = tuple(points.shape)
    if len(shape) < 2 or (len(shape) > 2 and not sets) or shape[-2] < 2 or not shape[-1]:
        raise ValueError(f"points have shape {shape}; give two or more as rows, (C, p)")
    if not points.dtype.is_floating_point:
        raise ValueError(f"points have dtype {points.dtype}; give points.double()")
    if not torch.isfinite(points).all():
        raise ValueError("points contain NaN or infinite values")


def check_pair(features: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless features are (N, p) and labels (N,) integers, both tensors."""
    check_tensor("features", features, "float32")
    check_tensor("labels", labels, "int64")
    if features.ndim != 2:
        raise ValueError(f"features have shape {tuple(features.shape)}; expected (N, p)")
    have, rows = tuple(labels.shape), tuple(features.shape)
    if have != rows[:1]:
        one_hot = "; of one-hot rows give labels.argmax(1)" if have[:1] == rows[:1] else ""
        said = f"labels have shape {have}; features of shape {rows} need {rows[:1]}"
        raise ValueError(said + one_hot)
    _check_whole(labels)


def _check_whole(labels: Tensor) -> None:
    """Raise ValueError unless the dtype is one of class indices that torch can compute with."""
    if labels.dtype in (torch.uint16, torch.uint32, torch.uint64):
        raise ValueError(f"labels have dtype {labels.dtype}; give labels.long()")
    if labels.dtype.is_floating_point or labels.dtype.is_complex or labels.dtype == torch.bool:
        raise ValueError(
            f"labels have dtype {labels.dtype}; expected class indices, e.g. int64: labels.long()"
        )


def check_dense(labels: Tensor) -> int:
    """C, or ValueError unless labels are 0..C-1 with each of them there (0 for no labels)."""
    if not len(labels):
        return 0
    low, high = int(labels.min()), int(labels.max())
    if low == 0 and high < len(labels) and (torch.bincount(labels) > 0).all():
        return high + 1
    classes = labels.unique()
    raise ValueError(
        f"labels are not 0..C-1 ({len(classes)} classes, {low} to {high}); renumber them: names, "
        "labels = labels.unique(return_inverse=True); or give num_classes where classes without "
        "samples are meant"
    )


def check_range(labels: Tensor, num_classes: int) -> None:
    """Raise ValueError naming a label that is not in 0..C-1."""
    low, high = (int(labels.min()), int(labels.max())) if len(labels) else (0, 0)
    if low < 0 or high >= num_classes:
        raise ValueError(
            f"labels contain {low if low < 0 else high}; with num_classes = {num_classes} they "
            f"must lie in 0..{num_classes - 1}"
        )


def check_classes(classes: Tensor, num_classes: int) -> Tensor:
    """As int64, or ValueError unless (k,) distinct integers of 0..C-1, k at least 2."""
    check_range(classes.flatten(), num_classes)
    if classes.ndim != 1 or len(classes) < 2 or len(classes.unique()) < len(classes):
        raise ValueError(
            f"classes are {classes.tolist()}; give two or more distinct class indices, (k,)"
        )
    return classes.long()


def check_classifier(
    means: Float[Tensor, "C p"], weight: Tensor, bias: Tensor | None
) -> tuple[Float[Tensor, "C p"], Float[Tensor, " C"]]:
    """Weight and bias (zero for None) in the means' dtype and place, or ValueError."""
    check_tensor("weight", weight, "float32")
    bias = means.new_zeros(len(means)) if bias is None else bias
    check_tensor("bias", bias, "float32")
    shape, *found = (tuple(x.shape) for x in (means, weight, bias))
    if found[0] != shape:
        raise ValueError(f"weight has shape {found[0]}; nn.Linear keeps (C, p) = {shape}")
    if found[1] != shape[:1]:
        raise ValueError(f"bias has shape {found[1]}; expected (C,) = {shape[:1]}")
    for name, given in (("weight", weight), ("bias", bias)):
        if not torch.isfinite(given).all():
            rows = (~torch.isfinite(given.detach()).reshape(len(given), -1).all(1)).nonzero()
            raise ValueError(
                f"{name} contains NaN or infinite values in row {int(rows[0])}; the network "
                "diverged, or was not loaded whole"
            )
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
        if not isinstance(size, Integral) or isinstance(size, bool) or size < minimum:
            shown = repr(size) if isinstance(size, str) else size
            raise ValueError(f"{name} is {shown}; give an integer of at least {minimum}{why}")


def check_decays(**decays: Number) -> None:
    """Raise ValueError naming the first of ``decays`` that is not a finite number ≥ 0."""
    for name, decay in decays.items():
        shown = repr(decay) if isinstance(decay, str) else decay
        if not isinstance(decay, Real | Tensor) or not (math.isfinite(decay) and decay >= 0):
            raise ValueError(f"{name} is {shown}; give a finite number that is not negative")


def check_positive(why: str, **decays: Number) -> None:
    """The same for numbers > 0; ``why`` says what a zero would do."""
    check_decays(**decays)
    for name, decay in decays.items():
        if decay == 0:
            raise ValueError(f"{name} is 0; {why}")


RANGES: dict[str, tuple[type, Callable[[Number], bool], str]] = {
    "epochs": (Integral, lambda value: value >= 0, "at least 0"),
    "learning_rate": (Real, lambda value: value > 0, "positive"),
    "weight_decay": (Real, lambda value: value >= 0, "at least 0"),
    "batch_size": (Integral, lambda value: value >= 1, "at least 1"),
    "momentum": (Real, lambda value: 0 <= value < 1, "in [0, 1)"),
    "sample_per_class": (Integral, lambda value: value >= 1, "at least 1"),
    "seed": (Integral, lambda value: 0 <= value < 2**63, "at least 0"),
}


def check_numbers(**values: Any) -> dict[str, Number]:
    """The arguments of ``train`` as Python's numbers, or ValueError for one that is none of its.

    NumPy's numbers and tensors of one element are taken for what they hold; text is not, although
    YAML reads 1e-3 as text: it would hide what was meant.
    """
    return {name: _number(name, value) for name, value in values.items()}


def _number(name: str, given: Any) -> Number:
    kind, good, wanted = RANGES[name]
    value = plain_number(name, given, kind, f", {wanted}")
    if not good(value):
        raise ValueError(f"{name} is {given}; it must be {wanted}")
    return value


def held(given: Any) -> Any:
    """What a tensor or an array without axes, or a number of numpy's, holds; else what is given."""
    if isinstance(given, torch.Tensor | np.ndarray | np.generic) and given.ndim == 0:
        return given.item()
    return given


def plain_number(name: str, given: Any, kind: type = Real, wanted: str = "") -> Number:
    """Python's own number (or integer), or ValueError: for text, None, bool, NaN, lists."""
    value = held(given)
    if isinstance(value, bool) or not isinstance(value, kind):
        what = "an integer" if kind is Integral else "a number"
        if isinstance(value, str):
            what += " without quotes (YAML reads 1e-3 as text: write 1.0e-3)"
        raise ValueError(f"{name} is {given!r}; give {what}{wanted}")
    if not math.isfinite(value):
        raise ValueError(f"{name} is {given}; give a finite number{wanted}")
    return value


def check_flags(**flags: Any) -> None:
    """Raise ValueError naming the first that is neither True nor False: "no" would count as yes."""
    for name, flag in flags.items():
        if not isinstance(flag, bool | np.bool_):
            raise ValueError(f"{name} is {flag!r}; give True or False")
