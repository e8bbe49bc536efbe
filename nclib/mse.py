"""The squared error of a linear classifier on features, and its three parts (Han et al. 2022).

The loss is that of the paper, for any class counts, rank and decay λ:

    L(W, b) = 1/(2N) Σ_i ‖W h_i + b - e_{y_i}‖² + λ/2 (‖W‖² + ‖b‖²).

It is a quadratic in (W, b), so L = L(W_LS, b_LS) + what the distance from the minimiser costs; and
the minimum splits into a within-class and a class-mean part. Derived in notebook 04.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch

from nclib._shapes import Float, Number, Tensor
from nclib.statistics import ClassStatistics


@dataclass(frozen=True)
class MSEDecomposition:
    """Terms of the loss, each ≥ 0: total = least_squares + perpendicular.

    Attributes:
        total: L at the classifier given, decay included.
        nc1: within-class part of L at the least-squares classifier (L_NC1; holds the decay).
        nc23: class-mean part of L at the least-squares classifier (L_NC2/3).
        least_squares: nc1 + nc23, the least that any classifier reaches on these features (L_LS).
        perpendicular: what the classifier loses by not being the least-squares one (L_LS^⊥).
    """

    total: float
    nc1: float
    nc23: float
    least_squares: float
    perpendicular: float

    def as_dict(self) -> dict[str, float]:
        """Names and values, ready for a table or a logger."""
        return asdict(self)


def matching_decay(num_classes: int, weight_decay: Number) -> float:
    """The λ of the loss above that belongs to a training run: C · weight_decay / 2.

    ``nn.MSELoss`` averages over samples *and* classes, so ``MSELoss + wd/2 ‖(W, b)‖²``, which SGD
    with ``weight_decay=wd`` descends, is 2/C times L with this λ.
    """
    return num_classes * weight_decay / 2


def least_squares_classifier(
    stats: ClassStatistics, *, weight_decay: Number = 0.0
) -> tuple[Float[Tensor, "C p"], Float[Tensor, " C"]]:
    """Weight (C, p) and bias (C,) that minimise L on the features summarised by ``stats``.

    Where many do (λ = 0 and Σ_W of low rank), the one with the least ‖W‖² + ‖b‖². Directions in
    which Σ_W vanishes up to rounding cost nothing: class means that differ there are fitted
    exactly, and means that all coincide give W = 0, b = n_c/N.

    Args:
        stats: class statistics; every class needs samples, any counts.
        weight_decay: λ ≥ 0, on weight and bias. For a run trained with ``nn.MSELoss`` and SGD's
            ``weight_decay=wd`` it is ``matching_decay(C, wd)``.

    Raises:
        ValueError: for a negative λ, a class without samples, or statistics without scatter.

    Source: Han, Papyan, Donoho 2022, Theorem 1 (W_LS); at λ = 0 and equal counts Webb & Lowe 1990.
    """
    return _minimiser(_Moments(stats), _check_decay(weight_decay))


def decompose_mse(
    stats: ClassStatistics,
    weight: Tensor,
    bias: Tensor | None,
    *,
    weight_decay: Number = 0.0,
) -> MSEDecomposition:
    """Split the squared error of a classifier into L_NC1 + L_NC2/3 + L_LS^⊥.

    Args:
        stats: class statistics; every class needs samples, any counts.
        weight: (C, p), as in ``nn.Linear(p, C)``.
        bias: (C,), or None for a classifier without bias (the least-squares one has it still).
        weight_decay: λ ≥ 0, as in ``least_squares_classifier``.

    Raises:
        ValueError: as ``least_squares_classifier``, and for shapes that do not fit.

    Source: Han, Papyan, Donoho 2022, Theorem 1, extended from equal to any class counts.
    """
    decay, moments = _check_decay(weight_decay), _Moments(stats)
    weight, bias = _check_classifier(moments, weight, bias)
    best, best_bias = _minimiser(moments, decay)
    identity = torch.eye(len(bias)).to(best)
    nc1, nc23 = _parts(moments, best, best_bias, identity, decay)
    away = _parts(moments, weight - best, bias - best_bias, 0 * identity, decay)
    return MSEDecomposition(
        total=sum(_parts(moments, weight, bias, identity, decay)),
        nc1=nc1,
        nc23=nc23,
        least_squares=nc1 + nc23,
        perpendicular=sum(away),
    )


class WithinSpectrum(NamedTuple):
    """Σ_W = V diag(values) Vᵀ on its range, and where it vanishes.

    ``values`` (r,) above ``cut``, ``vectors`` (p, r), ``null`` (p, p-r).
    """

    values: Tensor
    vectors: Tensor
    null: Tensor
    cut: float


def within_spectrum(stats: ClassStatistics) -> WithinSpectrum:
    """Eigenvalues of Σ_W above rounding: p·ε of the largest, or 4 times the most negative one.

    The second measures the rounding itself: Σ_W of float32 features is good to 1e-7 only.
    """
    covariance = _at_home(stats.within_covariance)
    values, vectors = torch.linalg.eigh(covariance)
    limits = torch.finfo(values.dtype)
    low, high = float(values[0]), float(values[-1])
    cut = max(len(values) * limits.eps * high, -4 * low, limits.tiny)
    null = int((values <= cut).sum())
    return WithinSpectrum(values[null:], vectors[:, null:], vectors[:, :null], cut)


class Reach(NamedTuple):
    """Thin SVD U diag(s) Vᵀ, (·, k), (k,), (k, q), of rows in the null space of Σ_W."""

    u: Tensor
    s: Tensor
    vt: Tensor


def reach_of_null(spectrum: WithinSpectrum, rows: Float[Tensor, "m p"]) -> Reach:
    """Combinations of rows that lie outside the range of Σ_W, beyond rounding.

    Outside, ‖row‖/√cut is the least its signal-to-noise ratio can be. What rounding moves out of
    the range stays below the largest ratio inside, so only larger ones count.
    """
    u, s, vt = torch.linalg.svd(rows @ spectrum.null, full_matrices=False)
    inside = rows @ (spectrum.vectors / spectrum.values.sqrt())
    floor = torch.linalg.matrix_norm(inside, 2) if inside.numel() else 0
    rounding = max(rows.shape) * torch.finfo(s.dtype).eps * torch.linalg.matrix_norm(rows)
    k = int(((s > floor * spectrum.cut**0.5) & (s > rounding)).sum())
    return Reach(u[:, :k], s[:k], vt[:k])


class _Moments:
    """What the loss needs of the features.

    ``share`` π (C,), ``mean`` μ_w = Σπ_cμ_c (p,), ``means`` μ_c - μ_w (C, p), ``spectrum`` of Σ_W.
    """

    def __init__(self, stats: ClassStatistics) -> None:
        centred = _at_home(stats.centred_means)
        self.share = stats.counts.to(centred) / stats.num_samples
        self.means = centred - self.share @ centred
        self.mean = self.share @ _at_home(stats.class_means)
        self.spectrum = within_spectrum(stats)


def _minimiser(moments: _Moments, decay: float) -> tuple[Tensor, Tensor]:
    """Weight and bias of least L; b = (π - Wμ_w)/(1 + λ) is put in before W is sought.

    What is left of L is ½ tr(W(Σ_W + λ)Wᵀ) + ½ ‖F Wᵀ - T‖² with rows √π_c(μ_c - μ_w) against
    √π_c(e_c - π), and √(λ/(1+λ)) μ_w against √(λ/(1+λ)) π.
    """
    root, pull = moments.share.sqrt()[:, None], (decay / (1 + decay)) ** 0.5
    rows = torch.cat([root * moments.means, pull * moments.mean[None]])
    identity = torch.eye(len(root)).to(rows)
    targets = torch.cat([root * (identity - moments.share), pull * moments.share[None]])
    if decay:
        weight = _ridge(_with_decay(moments.spectrum, decay), rows, targets).T
        return weight, (moments.share - weight @ moments.mean) / (1 + decay)
    reach = reach_of_null(moments.spectrum, rows)
    beyond = reach.u @ reach.u.T  # these combinations of classes are fitted for nothing
    weight = _ridge(moments.spectrum, rows - beyond @ rows, targets - beyond @ targets).T
    left = reach.u.T @ (targets - rows @ weight.T)
    weight = weight + (left / reach.s[:, None]).T @ (reach.vt @ moments.spectrum.null.T)
    return _least_norm(moments, reach, weight)


def _ridge(
    spectrum: WithinSpectrum, rows: Float[Tensor, "m p"], targets: Float[Tensor, "m C"]
) -> Float[Tensor, "p C"]:
    """Minimiser Z of tr(ZᵀKZ) + ‖rows Z - targets‖² in the range of K, through F K^{-1/2}."""
    whitening = spectrum.vectors / spectrum.values.sqrt()
    u, s, vt = torch.linalg.svd(rows @ whitening, full_matrices=False)
    return whitening @ (vt.T @ ((s / (1 + s.square()))[:, None] * (u.T @ targets)))


def _with_decay(spectrum: WithinSpectrum, decay: float) -> WithinSpectrum:
    """Σ_W + λ, which has no null space."""
    zeros = torch.zeros_like(spectrum.null[0])
    values = torch.cat([zeros, spectrum.values]) + decay
    vectors = torch.cat([spectrum.null, spectrum.vectors], dim=1)
    return WithinSpectrum(values, vectors, spectrum.null[:, :0], spectrum.cut)


def _least_norm(moments: _Moments, reach: Reach, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Of all (W, π - Wμ_w) with the same predictions on the features, that of least norm.

    Along m, the part of μ_w in which no sample differs from another, W can take over from b.
    """
    bias, null = moments.share - weight @ moments.mean, moments.spectrum.null
    idle = null.T @ moments.mean
    idle = idle - reach.vt.T @ (reach.vt @ idle)
    bias = bias / (1 + idle.square().sum())
    return weight + torch.outer(bias, null @ idle), bias


def _parts(
    moments: _Moments, weight: Tensor, bias: Tensor, target: Tensor, decay: float
) -> tuple[float, float]:
    """½ tr(W̃(Σ̃_W + λ)W̃ᵀ) and ½ Σ π_c ‖W̃μ̃_c - target_c‖², with W̃ = [W b]."""
    noise = (weight @ moments.spectrum.vectors).square() @ moments.spectrum.values
    norms = weight.square().sum() + bias.square().sum()
    outputs = moments.means @ weight.T + (weight @ moments.mean + bias)
    misses = moments.share @ (outputs - target).square().sum(1)
    return float(noise.sum() + decay * norms) / 2, float(misses) / 2


def _at_home(tensor: Tensor) -> Tensor:
    """On the CPU where the device has no eigensolver (MPS)."""
    return tensor.cpu().double() if tensor.device.type == "mps" else tensor


def _check_decay(weight_decay: Number) -> float:
    if not 0 <= weight_decay < float("inf"):
        raise ValueError(f"weight_decay is {weight_decay}; it must be finite and at least 0")
    return float(weight_decay)


def _check_classifier(
    moments: _Moments, weight: Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Classifier in the moments' dtype and place, or ValueError."""
    shape = tuple(moments.means.shape)
    if tuple(weight.shape) != shape:
        raise ValueError(
            f"weight has shape {tuple(weight.shape)}; nn.Linear keeps (C, p) = {shape}"
        )
    if bias is not None and tuple(bias.shape) != shape[:1]:
        raise ValueError(f"bias has shape {tuple(bias.shape)}; expected (C,) = {shape[:1]}")
    weight = weight.detach().to(moments.means)
    return weight, weight.new_zeros(len(weight)) if bias is None else bias.detach().to(weight)
