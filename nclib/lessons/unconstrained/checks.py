"""Exercises of notebook 06, unconstrained features."""

from __future__ import annotations

import math
from collections.abc import Callable

from nclib.formulas.collapse import collapse_metrics
from nclib.formulas.mse import least_squares_classifier
from nclib.formulas.statistics import ClassStatistics
from nclib.formulas.ufm import ce_minimum
from nclib.lessons.answers import OtherKindError, check, number, pair, slip
from nclib.shapes import Tensor


@check
def check_deadly_decay(answer: Callable[[int, int], float]) -> str | None:
    """A function of C and n: the λ = λ_W = λ_H from which on everything is zero at the minimum."""
    for num_classes, per_class in ((3, 1), (10, 1), (10, 100)):
        expected = 1 / (num_classes * per_class**0.5)
        found = number(answer(num_classes, per_class))
        if abs(found / expected - 1) > 1e-6:
            said = f"for C = {num_classes}, n = {per_class} {found:.4g} was found. "
            slips = {
                1 / num_classes: "n counts, too: θ = √(λ_W λ_H n)",
                1 / (num_classes * per_class): "The root in θ = √(λ² n) stays on n",
                per_class**0.5 / num_classes: "More samples need less decay: divide by √n",
                expected / num_classes**0.5: "n is the samples of one class, not of all",
                expected**2: "That is λ²: take the root",
            }
            hint = slip(found, slips, within=1e-9)
            return said + (hint or _on_which_side(found, num_classes, per_class))
    return None


def _on_which_side(decay: float, num_classes: int, per_class: int) -> str:
    if decay <= 0:
        return "A decay is a positive number"
    best = ce_minimum(num_classes, per_class, weight_decay=decay, feature_decay=decay)
    return (
        "Everything is zero there, but with less decay already: solve C√(λ·λ·n) = 1"
        if best.is_zero
        else "There features still pay: solve C√(λ·λ·n) = 1"
    )


BEYOND = "Beyond the threshold θ = 1/C zero is best: s is never negative"


@check
def check_scale(answer: Callable[[int, float], float]) -> str | None:
    """A function of C and θ: the s ≥ 0 that minimises ln(1 + (C-1)e^{-s}) + (C-1)θs."""
    for num_classes, theta in ((4, 0.01), (10, 1e-3), (3, 0.2), (4, 0.5)):
        best = ce_minimum(num_classes, 1, weight_decay=theta, feature_decay=theta)
        said = f"for C = {num_classes}, θ = {theta} {best.scale:.4f} was expected, "
        try:
            found = number(answer(num_classes, theta))
        except (ValueError, OtherKindError):
            if not best.is_zero:
                raise
            return f"{said}and there was no number. {BEYOND}"
        if abs(found - best.scale) > 1e-6:
            return f"{said}{found:.4f} found. {_scale_hint(found, num_classes, theta)}"
    return None


def _scale_hint(found: float, num_classes: int, theta: float) -> str:
    if theta >= 1 / num_classes:
        return BEYOND
    slips = {
        math.log(1 / theta): "Close; but the C-1 beside e^s in the denominator is missing",
        1 - num_classes * theta: "That is the row of squared error",
        1 / theta - (num_classes - 1): "That is e^s: take the logarithm",
    }
    if hint := slip(found, slips):
        return hint
    slope = -1 / (math.exp(min(found, 700)) + num_classes - 1) + theta
    return (
        f"Divided by C-1, the slope there is {slope:+.2g}, not 0. The derivative of "
        "ln(1 + (C-1)e^{-s}) is -(C-1)/(e^s + C-1)"
    )


@check
def check_not_self_dual(answer: Callable[[], tuple[Tensor, Tensor]]) -> str | None:
    """Features (N, p) and labels: NC1 < 1e-4 and a simplex, but NC3 > 0.1 of least squares."""
    features, labels = pair(answer(), "features and labels")
    stats = ClassStatistics.from_features(features.double(), labels)
    weight, bias = least_squares_classifier(stats)
    found = collapse_metrics(stats, weight, bias)
    if not found.nc1 < 1e-4:
        return f"NC1 is {found.nc1:.1e}; below 1e-4 is asked for. Shrink the scatter"
    if not found.max_angle_means < 0.01:
        return (
            f"the class means are {found.max_angle_means:.2g} off the simplex's angles, 0.01 is "
            "allowed. simplex_etf(C, p) makes them"
        )
    if not found.self_duality > 0.1:
        return (
            f"NC3 is {found.self_duality:.1e}: the classifier follows the means; above 0.1 is "
            "asked for. Least squares trusts directions in which samples scatter little, and equal "
            "scatter has none: make it long and thin, askew to the class means"
        )
    return None
