"""Exercises of notebook 06, unconstrained features."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from nclib.formulas.collapse import collapse_metrics
from nclib.formulas.losses import LOSSES, pull_at_zero
from nclib.formulas.statistics import ClassStatistics
from nclib.formulas.ufm import UFM, ce_minimum
from nclib.lessons.answers import OtherKindError, check, described, number, slip


@check
def check_deadly_decay(answer: Callable[[int], float]) -> str | None:
    """A function of C: the weight decay at which notebook 03's network is zero, cross-entropy."""
    for num_classes in (3, 10, 2):
        expected = pull_at_zero(LOSSES["cross_entropy"], num_classes) / num_classes**0.5
        found = number(answer(num_classes))
        if abs(found / expected - 1) > 1e-6:
            said = f"for C = {num_classes} {found:.4g} was found. "
            slips = {
                2 / num_classes**1.5: "That is squared error's, with torch's 2/C",
                1 / num_classes: "λ_H is λ/N, not λ: θ = √(λ · λ/(Cn) · n)",
                1 / num_classes**1.5: "Nearly: Cθ = 1 with θ = λ/√C; solve for λ",
                num_classes**0.5: "The other way round: more classes need less decay",
                expected**2: "That is λ²: take the root",
            }
            hint = slip(found, slips, within=1e-9)
            return said + (hint or "λ_W = λ and λ_H = λ/(Cn): put them into Cθ = 1")
    return None


BEYOND = "From Cθ = 1 - α on zero is best: s is never negative"

SMOOTHED = ((4, 0.01, 0.1), (10, 1e-3, 0.05), (3, 0.2, 0), (4, 0.24, 0.1))  # C, θ, α


@check
def check_scale(answer: Callable[[int, float, float], float]) -> str | None:
    """A function of C, θ, α: the best s ≥ 0 under cross-entropy with smoothed labels."""
    for num_classes, theta, alpha in SMOOTHED:
        decays = {"weight_decay": theta, "feature_decay": theta}
        best = ce_minimum(num_classes, 1, **decays, smoothing=alpha)
        said = f"for C = {num_classes}, θ = {theta}, α = {alpha} {best.scale:.4f} was expected, "
        try:
            found = number(answer(num_classes, theta, alpha))
        except (ValueError, OtherKindError):
            if not best.is_zero:
                raise
            return f"{said}and there was no number. {BEYOND}"
        if abs(found - best.scale) > 1e-6:
            return f"{said}{found:.4f} found. {_scale_hint(found, num_classes, theta, alpha)}"
    return None


def _scale_hint(found: float, num_classes: int, theta: float, alpha: float) -> str:
    slope, others = theta + alpha / num_classes, num_classes - 1
    plain = math.log(max(1, 1 / theta - others))
    if slope >= 1 / num_classes and abs(found - plain) > 1e-6:
        return BEYOND
    slips = {
        plain: "That is the table's s, of labels that are not smoothed",
        math.log(1 / slope): "Close; but the C-1 beside e^s in the denominator is missing",
        1 / slope - others: "That is e^s: take the logarithm",
        math.log(
            max(1, 1 / (theta + alpha) - others)
        ): "α is divided by C: smoothing adds α/C to θ",
    }
    if hint := slip(found, slips):
        return hint
    steep = -1 / (math.exp(min(found, 700)) + others) + slope
    return (
        f"Divided by C-1, the slope there is {steep:+.2g}, not 0. The derivative of "
        "ln(1 + (C-1)e^{-s}) is -(C-1)/(e^s + C-1)"
    )


@check
def check_at_zero_loss(answer: Callable[[], UFM]) -> str | None:
    """A model of squared error where the loss is 0 (< 1e-12) and NC1 > 1, without decay."""
    model = answer()
    if not isinstance(model, UFM) or model.loss != "squared_error":
        kind = model.loss if isinstance(model, UFM) else described(model)
        return f'a UFM with loss="squared_error" is asked for, {kind} was returned'
    if model.weight_decay or model.feature_decay or model.bias_decay:
        return "there is a decay: with one, scatter that W does not see costs; set all to 0"
    with torch.no_grad():
        loss = float(model.objective())
    if not loss < 1e-12:
        return f"the squared error is {loss:.1e}; below 1e-12 is asked for. WH + b must be one-hot"
    stats = ClassStatistics.from_features(model.features.detach(), model.labels)
    bias = model.bias if model.bias is not None else torch.zeros(len(model.weight))
    found = collapse_metrics(stats, model.weight.detach(), bias.detach())
    if not found.nc1 > 1:
        num_classes, num_features = model.weight.shape
        if num_features < num_classes:
            return (
                f"NC1 is {found.nc1:.1e}: {num_features} features for {num_classes} classes leave "
                "W nothing to look past. Take more features than classes"
            )
        return (
            f"NC1 is {found.nc1:.1e}; above 1 is asked for. It counts scatter along the class "
            "means only: where W does not look, put means, and more scatter than means"
        )
    return None
