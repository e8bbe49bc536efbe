"""The unconstrained features model: a linear classifier and features that are free to move.

    data loss of HWᵀ + 1bᵀ + ½λ_W‖W‖² + ½λ_H‖H‖² + ½λ_b‖b‖²     with C classes of n samples, N = Cn

A product WMᵀ = Z costs at least √(λ_W λ_H n)‖Z‖_*, so the problem is convex in the logits Z of the
class means M, and the symmetry between classes leaves two unknowns: Z = s(I - 11ᵀ/C) + s₁11ᵀ/C.
All below depends on θ = √(λ_W λ_H n). The focal loss is not convex: its minimum is a theorem of its
own. Derived in notebook 06. Zhou et al. 2022a: squared error, ICML; 2022b: all losses, NeurIPS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import nn

from nclib.checks import at_least, check_decays, check_positive
from nclib.formulas.etf import simplex_gram
from nclib.formulas.losses import UFM_LOSSES, check_loss
from nclib.shapes import Float, Number, Tensor


class UFM(nn.Module):
    """Unconstrained features model: classifier and features are the parameters, in float64.

    Attributes:
        weight: (C, p) classifier W.
        features: (N, p) rows H, class after class.
        bias: (C,) b, zero at the start; None without ``bias_decay``.
        labels: (N,) classes.
    """

    def __init__(  # noqa: PLR0913 - sizes, decays and the start, all named
        self,
        num_classes: int,
        per_class: int,
        num_features: int,
        *,
        loss: str = "cross_entropy",
        weight_decay: Number,
        feature_decay: Number,
        bias_decay: Number | None = None,
        init: Number = 1.0,
        seed: int = 0,
    ) -> None:
        """A random start: weight and features are N(0, init²/p).

        Args:
            num_classes: C, at least 2.
            per_class: n, at least 1.
            num_features: p, at least 1; a simplex needs C-1, an orthogonal frame C.
            loss: ``"cross_entropy"``, ``"squared_error"`` (½‖·‖² a sample, half the sum over the
                classes), ``"label_smoothing"`` or ``"focal"``.
            weight_decay: λ_W ≥ 0.
            feature_decay: λ_H ≥ 0.
            bias_decay: λ_b ≥ 0; without it there is no bias.
            init: size of the start; near 0 is a saddle, from which descents take off slowly.
            seed: of the start.

        Raises:
            ValueError: for an argument out of range; the message names it.
        """
        super().__init__()
        at_least(2, num_classes=num_classes)
        at_least(1, per_class=per_class, num_features=num_features)
        check_decays(weight_decay=weight_decay, feature_decay=feature_decay)
        check_decays(bias_decay=bias_decay or 0)
        check_loss(loss)
        self.loss, self.bias_decay = loss, bias_decay
        self.weight_decay, self.feature_decay = weight_decay, feature_decay
        draw = torch.Generator().manual_seed(seed)
        shape = (num_classes * (1 + per_class), num_features)
        start = torch.randn(shape, generator=draw, dtype=torch.float64) * (init / num_features**0.5)
        self.weight = nn.Parameter(start[:num_classes].clone())
        self.features = nn.Parameter(start[num_classes:].clone())
        self.bias = None if bias_decay is None else nn.Parameter(start.new_zeros(num_classes))
        self.register_buffer("labels", torch.arange(num_classes).repeat_interleave(per_class))

    def forward(self) -> Float[Tensor, "N C"]:
        """Logits HWᵀ + 1bᵀ of all features."""
        return nn.functional.linear(self.features, self.weight, self.bias)

    def objective(self) -> Float[Tensor, ""]:
        """Data loss + ½λ_W‖W‖² + ½λ_H‖H‖² + ½λ_b‖b‖²."""
        decay = self.weight_decay * self.weight.square().sum()
        decay = decay + self.feature_decay * self.features.square().sum()
        if self.bias is not None:
            decay = decay + self.bias_decay * self.bias.square().sum()
        return UFM_LOSSES[self.loss](self(), self.labels) + decay / 2

    def class_means(self) -> Float[Tensor, "C p"]:
        """Mean feature of each class."""
        return self.features.detach().unflatten(0, (len(self.weight), -1)).mean(1)

    def place(self, weight: Tensor, features: Tensor, bias: Tensor | None = None) -> UFM:
        """Start from (C, p), (N, p) and, with a bias, (C,); ValueError for what does not fit."""
        if bias is not None and self.bias is None:
            raise ValueError("bias was given, but the model has none; build it with bias_decay")
        bias = self.bias if bias is None else bias
        given = {"weight": weight, "features": features, "bias": bias}
        for name, own in self.named_parameters():
            found, wanted = tuple(given[name].shape), tuple(own.shape)
            if found != wanted:
                raise ValueError(f"{name} has shape {found}; this model needs {wanted}")
        for name, own in self.named_parameters():
            own.data.copy_(given[name])
        return self


@dataclass(frozen=True)
class UFMOptimum:
    """The global minimum of an unconstrained features model.

    Attributes:
        loss: the objective, decays included.
        scale: s ≥ 0 of Z = s(I - 11ᵀ/C) + s₁11ᵀ/C, the logits of the class means without bias.
        shared_scale: s₁ ≥ 0. Equal scales: an orthogonal frame; s₁ = 0: a simplex ETF.
        bias: every entry of b; 0 without bias.
        rank: number of directions used: C-1 or C, fewer with too few features, 0 when zero.
        unique: whether the Gram matrices are the only ones possible.
        ratio: √(n λ_H / λ_W), by which the classifier's Gram matrix exceeds |Z|.
        num_classes: C.
    """

    loss: float
    scale: float
    shared_scale: float
    bias: float
    rank: int
    unique: bool
    ratio: float
    num_classes: int

    @property
    def is_zero(self) -> bool:
        """Whether features and classifier are zero at the minimum: the decays have won."""
        return self.rank == 0

    @property
    def mean_logits(self) -> Float[Tensor, "C C"]:
        """WMᵀ, without the bias; raises ValueError when it is not unique."""
        if not self.unique:
            used = f"{self.rank} of {self.num_classes} directions, any of them"
            raise ValueError(f"the minimum uses {used}: it is not unique; raise num_features")
        size = self.num_classes
        centring = (size - 1) / size * simplex_gram(size)  # I - 11ᵀ/C
        return self.scale * centring + self.shared_scale / size

    @property
    def weight_gram(self) -> Float[Tensor, "C C"]:
        """WWᵀ; raises ValueError when it is not unique."""
        return self.ratio * self.mean_logits

    @property
    def mean_gram(self) -> Float[Tensor, "C C"]:
        """MMᵀ of the class means, to which all features have collapsed; ValueError likewise."""
        return self.mean_logits / self.ratio


def mse_minimum(
    num_classes: int,
    per_class: int,
    *,
    weight_decay: Number,
    feature_decay: Number,
    bias_decay: Number | None = None,
    num_features: int | None = None,
) -> UFMOptimum:
    """Global minimum for the squared error ½‖HWᵀ + 1bᵀ - Y‖²/N; zero once C√(λ_W λ_H n) ≥ 1.

    Without bias the class means form an orthogonal frame, with a free bias a simplex ETF; a decay
    on the bias leads continuously from one to the other.

    Args:
        num_classes: C, at least 2.
        per_class: n, at least 1.
        weight_decay: λ_W > 0.
        feature_decay: λ_H > 0.
        bias_decay: λ_b ≥ 0, 0 for a free bias; None for no bias.
        num_features: p; C or more when not given. Fewer leave out directions.

    Raises:
        ValueError: for an argument out of range; the message names it.

    Source: Tirer & Bruna 2022 (no bias, free bias), Zhou et al. 2022a (bias with decay).
    """
    theta, ratio = _decays(num_classes, per_class, weight_decay, feature_decay)
    available = num_classes if num_features is None else num_features
    at_least(1, num_features=available)
    enough, scale = available >= num_classes, max(0.0, 1 - num_classes * theta)
    shared, bias = _shared(num_classes, theta, bias_decay, enough)
    centred = min(available, num_classes - 1)

    def cost(scale: Number, target: Number) -> float:  # of one singular direction of the logits
        return (target - scale) ** 2 / (2 * num_classes) + theta * scale

    loss = centred * cost(scale, 1) + (num_classes - 1 - centred) * cost(0, 1)
    loss += cost(shared, 1 - num_classes * bias)
    loss += num_classes * (bias_decay or 0) * bias**2 / 2
    rank = centred * (scale > 0) + (shared > 0)
    unique = scale == 0 or enough or (bias > 0 and available == num_classes - 1)
    return UFMOptimum(loss, scale, shared, bias, rank, unique, ratio, num_classes)


def _shared(size: int, theta: Number, decay: Number | None, enough: bool) -> tuple[float, float]:
    """s₁ and b: the mean of the targets is fitted by the bias, by a common direction, or both."""
    if decay is None:
        return (max(0.0, 1 - size * theta) if enough else 0.0), 0.0
    check_decays(bias_decay=decay)
    if decay / (1 + decay) <= size * theta or not enough:
        return 0.0, 1 / (size * (1 + decay))
    return 1 - size * (theta / decay) - size * theta, theta / decay


def ce_minimum(
    num_classes: int,
    per_class: int,
    *,
    weight_decay: Number,
    feature_decay: Number,
    smoothing: Number = 0.0,
) -> UFMOptimum:
    """Global minimum for the cross-entropy, a simplex ETF; a bias would be zero.

    With θ = √(λ_W λ_H n): s = ln(1/θ - (C-1)) and loss ln(1 + (C-1)e^{-s}) + (C-1)θs; zero (loss
    ln C) once θ ≥ (1-α)/C. Smoothing α acts like more decay: s is that of θ + α/C.

    Arguments and errors as in ``mse_minimum``; features need p ≥ C-1 dimensions, and ``smoothing``
    is α in [0, 1): targets (1-α) one-hot + α/C, 0.1 for ``loss="label_smoothing"``.

    Source: Zhu et al. 2021 (cross-entropy), Zhou et al. 2022b (label smoothing; its s found here).
    """
    theta, ratio = _decays(num_classes, per_class, weight_decay, feature_decay)
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing is {smoothing}; give a number in [0, 1)")
    slope, others = theta + smoothing / num_classes, num_classes - 1
    scale = math.log(max(1, 1 / slope - others))
    loss = math.log1p(others * math.exp(-scale)) + others * slope * scale
    return UFMOptimum(loss, scale, 0.0, 0.0, others * (scale > 0), True, ratio, num_classes)


def focal_minimum(
    num_classes: int, per_class: int, *, weight_decay: Number, feature_decay: Number
) -> UFMOptimum:
    """Minimum over all simplex ETFs for the focal loss -(1-p)² ln p, by a search for s.

    There is no closed form; that the global minimum is one of these is Zhou et al. 2022b's. Zero is
    best from Cθ = .60 on for two classes, 1.22 for ten (``losses.pull_at_zero``), not from 1 on.
    Arguments and errors as in ``mse_minimum``.
    """
    theta, ratio = _decays(num_classes, per_class, weight_decay, feature_decay)
    others = num_classes - 1

    def cost(scale: Number) -> float:
        miss = others / (others + math.exp(scale))  # 1 - p
        return -(miss**2) * math.log1p(-miss) + others * theta * scale

    grid = np.concatenate([[0], np.geomspace(1e-3, 50, 400)])
    best = int(np.argmin([cost(scale) for scale in grid]))
    around = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(cost, bounds=around, method="bounded", options={"xatol": 1e-12})
    scale = float(found.x) if found.fun < cost(0) else 0.0
    return UFMOptimum(cost(scale), scale, 0.0, 0.0, others * (scale > 0), True, ratio, num_classes)


def minimum_of(model: UFM) -> UFMOptimum:
    """The global minimum of a model's objective, by its loss, sizes and decays.

    Raises:
        ValueError: where no formula is known: for a decay of 0, and for a loss other than the
            squared error with fewer than C-1 features.
    """
    num_classes, num_features = model.weight.shape
    sizes = num_classes, len(model.features) // num_classes
    decays = {"weight_decay": model.weight_decay, "feature_decay": model.feature_decay}
    if model.loss == "squared_error":
        return mse_minimum(*sizes, **decays, bias_decay=model.bias_decay, num_features=num_features)
    if num_features < num_classes - 1:
        known = f"the minimum for {model.loss} is known from {num_classes - 1} features on (C-1)"
        raise ValueError(f"num_features is {num_features}; {known}")
    if model.loss == "focal":
        return focal_minimum(*sizes, **decays)
    return ce_minimum(*sizes, **decays, smoothing=0.1 * (model.loss == "label_smoothing"))


def _decays(
    num_classes: int, per_class: int, weight_decay: Number, feature_decay: Number
) -> tuple[float, float]:
    """θ = √(λ_W λ_H n) and √(n λ_H / λ_W), of checked arguments."""
    at_least(2, num_classes=num_classes)
    at_least(1, per_class=per_class)
    why = "without decay nothing bounds the other factor; give a positive number"
    check_positive(why, weight_decay=weight_decay, feature_decay=feature_decay)
    theta = math.sqrt(weight_decay * feature_decay * per_class)
    return theta, math.sqrt(per_class * feature_decay / weight_decay)
