"""Gradient descent on cross-entropy without decay: where the classifier goes on separable data.

The direction of W tends to the max-margin classifier, at a rate of 1/ln t only, because the
gradient dies out with the loss (Soudry et al. 2018); divided by the loss it keeps its size, and the
rate measured is 1/t. Shown in notebook 06.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import wrightomega

from nclib.formulas.descent import check_rate, log_spaced
from nclib.shapes import Float, Int, Number, Tensor


@dataclass(frozen=True)
class MarginPath:
    """Recorded steps of a descent without decay.

    Attributes:
        steps: (T,) numbers of the recorded steps.
        weights: (T, C, p) classifiers.
        losses: (T,) mean cross-entropy.
    """

    steps: Tensor
    weights: Tensor
    losses: Tensor

    def gaps(self, limit: Float[Tensor, "C p"]) -> Float[Tensor, " T"]:
        """‖W/‖W‖ - W*/‖W*‖‖ at the recorded steps, in [0, 2], for ``limit`` W*."""
        norms = self.weights.flatten(1).norm(dim=1)
        return (self.weights / norms[:, None, None] - limit / limit.norm()).flatten(1).norm(dim=1)


def cross_entropy_gradient(
    weight: Float[Tensor, "C p"], features: Float[Tensor, "N p"], labels: Int[Tensor, " N"]
) -> tuple[Tensor, Float[Tensor, "C p"]]:
    """Mean cross-entropy of logits HWᵀ and its gradient, to full precision however small.

    Written with the competitors only, log(1 + Σ_{c≠y} e^{z_c - z_y}): 1 - P_y, computed as such,
    is 0 from 1e-16 on, and the descent would stop there. What is exponentiated is never positive:
    logits may be as far apart as they like.
    """
    log_loss, gradient = _log_loss_and_direction(weight, features, labels)
    return log_loss.exp(), gradient * log_loss.exp()


def _log_loss_and_direction(
    weight: Float[Tensor, "C p"], features: Float[Tensor, "N p"], labels: Int[Tensor, " N"]
) -> tuple[Tensor, Float[Tensor, "C p"]]:
    """Logarithm of L, and ∇L/L: both finite where L is 0 in float64, from logit gaps of 745 on."""
    logits, own = features @ weight.T, labels[:, None]
    gaps = (logits - logits.gather(1, own)).scatter(1, own, -math.inf)
    total = gaps.logsumexp(1, keepdim=True)
    losses = torch.logaddexp(total, torch.zeros_like(total))
    logs = torch.where(total < -37, total, losses.log())  # ln(1 + x) is x below rounding
    whole = logs.logsumexp(0)
    pull = (gaps - losses - whole).exp().scatter(1, own, -(total - losses - whole).exp())
    return (whole - math.log(len(labels))).squeeze(0), pull.T @ features


def descend_without_decay(
    weight: Float[Tensor, "C p"],
    features: Float[Tensor, "N p"],
    labels: Int[Tensor, " N"],
    *,
    steps: int,
    learning_rate: Number,
    normalised: bool = False,
    num_records: int = 60,
) -> MarginPath:
    """Gradient descent of the classifier on fixed features, recorded at log-spaced steps.

    Args:
        weight: (C, p) start. On the simplex's own data a start at 0 stays on the ray through the
            limit and shows nothing about directions; take a random one.
        features: (N, p), float64.
        labels: (N,) classes 0..C-1; features and labels must be linearly separable to have a limit.
        steps: at least 1.
        learning_rate: of W ← W - η∇L, or of W ← W - η∇L/L when ``normalised``.
        normalised: divide each gradient by the loss, so that steps do not die out.
        num_records: how many steps are kept, about.

    Raises:
        ValueError: for fewer than 1 step or record, or a learning rate that is not positive.
    """
    check_rate(learning_rate)
    kept = log_spaced(steps, num_records)
    weight, records = weight.clone(), []
    for step in range(1, steps + 1):
        log_loss, direction = _log_loss_and_direction(weight, features, labels)
        rate = learning_rate if normalised else learning_rate * log_loss.exp()
        weight = weight - rate * direction
        if step in kept:
            loss, _ = cross_entropy_gradient(weight, features, labels)
            records.append((torch.tensor(step), weight, loss))
    return MarginPath(*(torch.stack(column) for column in zip(*records, strict=True)))


def max_margin(features: Float[Tensor, "N p"], labels: Int[Tensor, " N"]) -> Float[Tensor, "C p"]:
    """The hard-margin classifier: min ½‖W‖² with (w_y - w_c)·h ≥ 1 for all samples and c ≠ y.

    For features on a simplex ETF E it is E (C-1)/C. Found by sequential quadratic programming
    (scipy's SLSQP): for small problems, up to some hundred constraints N(C-1).

    Raises:
        ValueError: if the features are not linearly separable by a classifier without bias.
    """
    num_classes, size = int(labels.max()) + 1, features.shape[1]
    own = torch.nn.functional.one_hot(labels, num_classes)
    others = torch.eye(num_classes, dtype=torch.int64)
    pairs = (own[:, None] - others)[own == 0].to(features)  # (N(C-1), C) rows e_y - e_c
    repeated = features.repeat_interleave(num_classes - 1, 0)
    margins = (pairs[:, :, None] * repeated[:, None, :]).flatten(1).numpy()
    found = minimize(
        lambda w: (w @ w / 2, w),
        np.zeros(num_classes * size),
        jac=True,
        constraints={"type": "ineq", "fun": lambda w: margins @ w - 1, "jac": lambda _: margins},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    if not found.success or (margins @ found.x).min() < 1 - 1e-6:
        raise ValueError(
            "features are not linearly separable by their labels, so no margin exists; "
            f"move the classes apart or take fewer samples (SLSQP: {found.message})"
        )
    return torch.as_tensor(found.x).reshape(num_classes, size).to(features)


def simplex_ray_scale(times: Float[Tensor, " T"], num_classes: int) -> Float[Tensor, " T"]:
    """Size a(t) of W = aE in the gradient flow from W = 0 on the simplex's data E.

    e^{aκ} + (C-1)aκ = κt + 1 with κ = C/(C-1); so a ≈ ln(κt)/κ and t·loss → (C-1)²/C.
    """
    kappa, others = num_classes / (num_classes - 1), num_classes - 1
    # x = e^{aκ}/(C-1) solves x + ln x = (κt + 1)/(C-1) - ln(C-1)
    x = wrightomega((kappa * times.double().numpy() + 1) / others - np.log(others))
    return torch.as_tensor(np.log(others * x) / kappa)
