"""The deep unconstrained features model: free features, then L linear layers with ReLU between.

    f = ‖W_L σ(W_{L-1} … σ(W_1 H)) - Y‖²/2N + ½Σ_l λ_l‖W_l‖² + ½λ_H‖H‖²,   K classes of n samples

For a solution that fits every class alike with scale s, of layers whose squared norms multiply to G
at s = 1, the decays cost ½(L+1)(GΛs²)^{1/(L+1)} with Λ = nλ_HΠλ_l, once all layers carry the same
share. What is left is one unknown: s. Collapse (orthogonal frames in all layers) has G = K^{L+1}.
Derived in notebook 07 (Súkeník, Mondelli, Lampert 2023, 2024).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from scipy.optimize import brentq
from torch import nn

from nclib.checks import at_least, check_decays, check_positive
from nclib.formulas.graphs import graph_factor, graph_matrices
from nclib.shapes import Float, Number, Tensor


def collapse_loss(num_classes: int, depth: int, decay_product: Number) -> tuple[float, float]:
    """Objective and output scale of deep neural collapse, or (½, 0) where zero is better.

    The minimum over s of ½(1-s)² + ½(L+1)K(Λs²)^{1/(L+1)}. For two classes this is the global
    minimum of the deep model; for more, something of lower rank can lie below.

    Args:
        num_classes: K, at least 2.
        depth: L, the number of weight layers, at least 2.
        decay_product: Λ = n λ_H λ_1…λ_L ≥ 0, ``DeepUFM.decay_product``.

    Raises:
        ValueError: for an argument out of range; the message names it.

    Source: Súkeník, Mondelli, Lampert 2023 (two classes); for K > 2 the same cost of K directions.
    """
    _check(num_classes, depth, decay_product)
    return _best(depth, num_classes ** (depth + 1) * decay_product)


def threshold(num_classes: int, depth: int) -> float:
    """Λ from which on zero is better than collapse: (L-1)^{L-1} / (K^{L+1} L^{2L}).

    There s jumps from (L-1)/L to 0. Arguments and errors as in ``collapse_loss``.
    """
    _check(num_classes, depth)
    return (depth - 1) ** (depth - 1) / (num_classes ** (depth + 1) * depth ** (2 * depth))


def existence_limit(num_classes: int, depth: int) -> float:
    """Λ from which on collapse is no critical point at all; above the threshold.

    In between it is a local minimum that is worse than zero, and a descent started there stays: a
    jump with hysteresis. At the limit s = (L-1)/2L. Arguments and errors as in ``collapse_loss``.
    """
    _check(num_classes, depth)
    s = (depth - 1) / (2 * depth)
    return ((1 - s) / num_classes) ** (depth + 1) * s ** (depth - 1)


def partial_loss(
    num_classes: int, depth: int, decay_product: Number, rank: int
) -> tuple[float, float]:
    """Objective and scale with ``rank`` of the K directions alive, nothing along the others.

    Rank 1 is the trap of two classes: all outputs lie on one line and the same class wins for
    both. It is one as a dead direction gains in order L+1 when it wakes, and its decay costs in
    order 2: curvature is nowhere negative. Every direction counts by itself, so the values lie
    evenly between ½ (rank 0) and collapse (rank K).

    Args:
        num_classes: K, at least 2.
        depth: L, at least 2.
        decay_product: Λ ≥ 0.
        rank: from 0 to K.

    Raises:
        ValueError: for an argument out of range; the message names it.
    """
    loss, scale = collapse_loss(num_classes, depth, decay_product)
    if not 0 <= rank <= num_classes:
        raise ValueError(f"rank is {rank}; give one from 0 to num_classes = {num_classes}")
    alive = rank / num_classes
    return (1 - alive) / 2 + alive * loss, scale if rank else 0.0


def graph_loss(num_classes: int, depth: int, decay_product: Number) -> tuple[float, float]:
    """Objective and scale of the solution made of a complete graph's edges, or (½, 0).

    Its rank is r in all layers up to the last, for K = r(r-1)/2 classes. Lower than collapse for
    L ≥ 4 and K ≥ 6 where decays are small. The best of its family, no minimum: descents from it
    go on, some with ten classes at L = 3 to below collapse. ``DeepUFM.start_graph`` builds it.

    Args:
        num_classes: K, one of 3, 6, 10, 15, 21, …
        depth: L, at least 3.
        decay_product: Λ ≥ 0.

    Raises:
        ValueError: for an argument out of range; the message names it.

    Source: Súkeník, Mondelli, Lampert 2024 (strongly regular graphs); the value derived here.
    """
    _check(num_classes, depth, decay_product)
    return _best(depth, graph_factor(num_classes, depth) * decay_product)


def _cost(scale: Number, depth: int, product: Number) -> float:
    """½(1-s)² + ½(L+1)(Γs²)^{1/(L+1)}, with Γ = GΛ."""
    return (1 - scale) ** 2 / 2 + (depth + 1) / 2 * (product * scale**2) ** (1 / (depth + 1))


def _critical_scale(depth: int, product: Number) -> float | None:
    """Largest root of the slope s - 1 + Γ^{1/(L+1)} s^{(1-L)/(L+1)}: a minimum, if there is one."""
    factor, power = product ** (1 / (depth + 1)), (depth - 1) / (depth + 1)
    lowest = (power * factor) ** (1 / (1 + power))  # of the slope

    def slope(s: Number) -> float:
        return s - 1 + factor * s**-power

    if product == 0:
        return 1.0
    return None if slope(lowest) > 0 else brentq(slope, lowest, 1, xtol=1e-15)


def _best(depth: int, product: Number) -> tuple[float, float]:
    """Least cost over s ≥ 0 and where it is."""
    scale = _critical_scale(depth, product)
    cost = 0.5 if scale is None else _cost(scale, depth, product)
    return (cost, scale) if scale is not None and cost < 0.5 else (0.5, 0.0)


def _check(num_classes: int, depth: int, decay_product: Number = 0) -> None:
    at_least(2, num_classes=num_classes)
    at_least(2, "; of depth 1 is nclib.ufm", depth=depth)
    check_decays(decay_product=decay_product)


class DeepUFM(nn.Module):
    """Deep unconstrained features model: features and L weights are the parameters.

    Attributes:
        features: (N, d) rows H, class after class, n of each; no ReLU acts on them.
        weights: L matrices, (d, d) and the last (K, d).
        targets: (N, K) one-hot rows.
        weight_decays: λ_1…λ_L.
        feature_decay: λ_H.
        decay_product: Λ = nλ_HΠλ_l, all that the minimal values depend on.
    """

    def __init__(
        self,
        num_classes: int,
        per_class: int,
        depth: int,
        width: int,
        *,
        weight_decay: Number | Sequence[Number],
        feature_decay: Number,
        init: Number = 0.4,
        seed: int = 0,
    ) -> None:
        """A random start in torch's default dtype: features N(0, init²), weights N(0, init²/d).

        Args:
            num_classes: K, at least 2.
            per_class: n, at least 1.
            depth: L, the number of weight layers, at least 2.
            width: d, of the features and all layers, at least K.
            weight_decay: λ ≥ 0 of all weights, or L numbers.
            feature_decay: λ_H ≥ 0.
            init: size of the start. With many classes small starts lead to solutions of low rank
                and still smaller ones lose classes; in wide models large ones lead to collapse.
                The borders depend on depth and width. Two classes in four layers: about 1.
            seed: of the start.

        Raises:
            ValueError: for an argument out of range; the message names it.
        """
        super().__init__()
        _check(num_classes, depth)
        at_least(1, per_class=per_class)
        at_least(num_classes, ", num_classes: collapse needs that many directions", width=width)
        decays = (weight_decay,) * depth if isinstance(weight_decay, Number) else weight_decay
        if len(decays) != depth:
            raise ValueError(
                f"weight_decay has {len(decays)} numbers; give one, or depth = {depth}"
            )
        for decay in decays:
            check_decays(weight_decay=decay)
        check_decays(feature_decay=feature_decay)
        self.weight_decays, self.feature_decay = tuple(decays), feature_decay
        self.decay_product = per_class * feature_decay * math.prod(decays)
        generator = torch.Generator().manual_seed(seed)
        rows = [width] * (depth - 1) + [num_classes]

        def draw(size: int, scale: Number) -> nn.Parameter:
            return nn.Parameter(scale * torch.randn(size, width, generator=generator))

        self.features = draw(num_classes * per_class, init)
        self.weights = nn.ParameterList([draw(size, init / width**0.5) for size in rows])
        targets = torch.eye(num_classes).repeat_interleave(per_class, 0)
        self.register_buffer("targets", targets)

    def inputs(self) -> list[Float[Tensor, "N d"]]:
        """What enters each layer: the features, then ReLUs."""
        x = [self.features]
        for weight in list(self.weights)[:-1]:  # a slice would make new parameters
            x.append((x[-1] @ weight.T).relu())
        return x

    def forward(self) -> Float[Tensor, "N K"]:
        """Outputs of all features."""
        return self.inputs()[-1] @ self.weights[-1].T

    def energies(self) -> Float[Tensor, " layers"]:
        """λ_l‖W_l‖² of every layer and λ_H‖H‖²: all equal at every critical point."""
        squares = [w.square().sum() for w in (*self.weights, self.features)]
        return torch.stack(squares) * self.features.new_tensor(
            (*self.weight_decays, self.feature_decay)
        )

    def objective(self) -> Float[Tensor, ""]:
        """‖outputs - targets‖²/2N + ½ the sum of the energies."""
        data = (self() - self.targets).square().sum() / len(self.targets)
        return (data + self.energies().sum()) / 2

    def class_means(self) -> list[Float[Tensor, "K d"]]:
        """Class means of every layer's input."""
        return [x.detach().unflatten(0, (self.targets.shape[1], -1)).mean(1) for x in self.inputs()]

    def start_collapsed(self) -> DeepUFM:
        """Move to deep neural collapse: every layer an orthogonal frame; returns the model.

        Also above the threshold, where this critical point still exists but zero is better.

        Raises:
            ValueError: above the ``existence_limit``, or where a decay is 0.
        """
        size = self.targets.shape[1]
        frame = torch.eye(size, dtype=torch.float64)
        return self._place(frame, [frame] * len(self.weights), size ** (len(self.weights) + 1))

    def start_graph(self) -> DeepUFM:
        """Move to the solution made of a complete graph's edges, as in ``graph_loss``.

        Raises:
            ValueError: as ``start_collapsed``, or unless K = r(r-1)/2 and L ≥ 3.
        """
        size, depth = self.targets.shape[1], len(self.weights)
        return self._place(*graph_matrices(size, depth), graph_factor(size, depth))

    def _place(self, means: Tensor, weights: list[Tensor], factor: Number) -> DeepUFM:
        """Matrices that multiply to I, scaled so that every energy is (GΛs²)^{1/(L+1)}."""
        why = "without it a layer may be as large as it likes; give a positive number"
        check_positive(why, decay_product=self.decay_product)
        depth, product = len(self.weights), factor * self.decay_product
        scale = _critical_scale(depth, product)
        if scale is None:
            raise ValueError(
                f"decay_product is {self.decay_product:.4g}, where all such solutions shrink to 0; "
                "lower the decays (existence_limit tells how far)"
            )
        energy = (product * scale**2) ** (1 / (depth + 1))
        per_class = len(self.targets) // len(means)
        matrices = [*weights, means.repeat_interleave(per_class, 0)]
        decays = (*self.weight_decays, self.feature_decay)
        with torch.no_grad():
            for own, x, decay in zip((*self.weights, self.features), matrices, decays, strict=True):
                rows, columns = x.shape
                own.zero_()[:rows, :columns] = x * (energy / (decay * x.square().sum())).sqrt()
        return self
