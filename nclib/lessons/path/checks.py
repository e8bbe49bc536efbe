"""Exercises of notebook 05, the central path."""

from __future__ import annotations

from collections.abc import Callable

import torch

from nclib.formulas import central_path
from nclib.formulas.mse import decompose_mse, least_squares_classifier
from nclib.formulas.statistics import ClassStatistics
from nclib.lessons.answers import NOT_DONE, check, number, pair
from nclib.shapes import Tensor


@check
def check_growth_exponent(answer: Callable[[float], float]) -> str | None:
    """A function of q: the slope of log ω against log t, far out, when dω/dt = k ω^-q."""
    for q in (3.0, 1.0, 2.0, 0.0, 5.0):
        expected, found = _slope(q), number(answer(q))
        if abs(found - expected) < 1e-6:
            continue
        case = f"for q = {q:g} the slope is {expected:.4f}, {found:.4f} found. "
        if abs(found - q - 1) < 1e-6:
            return case + "That is the power of ω that grows like t: take the root"
        if q and abs(found - 1 / q) < 1e-6:
            return case + "Integrating ω^q raises the power by one"
        return case + "Separate: ω^q dω = k dt, and integrate both sides"
    return None


def _slope(q: float) -> float:
    """The slope between t = 1e20 and 1e21 of ω from 1, by the integral of 1/speed."""
    t = torch.tensor([1e20, 1e21], dtype=torch.float64)
    omega = (1 + (q + 1) * t) ** (1 / (q + 1))
    return float((omega[1] / omega[0]).log10())


@check
def check_hole(answer: Callable[[], tuple[Tensor, Tensor]]) -> str | None:
    """A function that gives balanced features of four classes with exactly one infinite ratio."""
    _, _, stats = _measured(answer)
    if stats.num_classes != 4 or len(set(stats.counts.tolist())) > 1:
        return f"there are {stats.counts.tolist()} samples of the classes; give four, equally many"
    omega = central_path.snr_singular_values(stats)
    infinite, zero = int(omega.isinf().sum()), int((omega == 0).sum())
    if infinite != 1 or zero:
        said = f"the ratios are {[f'{one:.3g}' for one in omega.tolist()]}; "
        if infinite > 1:
            return said + "too many are infinite: let the samples scatter along two directions"
        if zero:
            return said + "one is 0: the means must differ along three directions (p ≥ 3)"
        return said + "one must be inf: no scatter at all along a direction in which means differ"
    return None


def _measured(
    answer: Callable[[], tuple[Tensor, Tensor]],
) -> tuple[Tensor, Tensor, ClassStatistics]:
    features, labels = pair(answer(), "features and labels")
    features, labels = torch.as_tensor(features).double(), torch.as_tensor(labels)
    return features, labels, ClassStatistics.from_features(features, labels)


def what_fails(answer: Callable[[], tuple[Tensor, Tensor]]) -> None:
    """Try the formulas of the notebook on the features of the last exercise; print what they say.

    Args:
        answer: as ``check_hole``; one that is not done yet, or wrong, is no error.
    """
    try:
        features, labels, stats = _measured(answer)
    except Exception:  # the check above says what is missing
        print(f"{NOT_DONE}: these wait for features that the check above can judge")  # noqa: T201
        return
    omega, classes = central_path.snr_singular_values(stats), stats.num_classes
    least = decompose_mse(stats, *least_squares_classifier(stats)).total
    formula = float(central_path.loss(omega, num_classes=classes))
    size = {"num_classes": classes, "per_class": int(stats.counts[0])}
    print(f"loss: ½ Σ 1/(C + ω²) = {formula:.6f}, directly {least:.6f}")  # noqa: T201
    calls = {
        "flow": lambda: central_path.flow(omega, torch.ones(1), **size),
        "simulate": lambda: central_path.simulate(features, labels, steps=1, step_size=1.0),
    }
    for name, call in calls.items():
        try:
            call()
            print(f"{name}: works")  # noqa: T201
        except ValueError as error:
            print(f"{name}: refuses, {error}")  # noqa: T201
