"""The squared error of a linear classifier on features, and its three parts (Han et al. 2022).

The loss is that of the paper, for any class counts, rank and decay λ:

    L(W, b) = 1/(2N) Σ_i ‖W h_i + b - e_{y_i}‖² + λ/2 (‖W‖² + ‖b‖²).

It is a quadratic in (W, b), so L = L(W_LS, b_LS) + what the distance from the minimiser costs; and
the minimum splits into a within-class and a class-mean part. Derived in notebook 04.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch

from nclib.checks import check_classifier, check_decays
from nclib.formulas.spectra import Noise, Spectrum, at_home, split_signal, within_spectrum
from nclib.formulas.statistics import ClassStatistics
from nclib.shapes import Float, Number, Tensor


@dataclass(frozen=True)
class MSEDecomposition:
    """Terms of the loss, each ≥ 0: total = least_squares + perpendicular.

    Attributes:
        total: L at the classifier given, decay included.
        nc1: within-class part of L at the least-squares classifier (L_NC1; holds the decay).
        nc23: class-mean part of it (L_NC2/3).
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

    Where many do (λ = 0 and Σ_W of low rank), the one with the least ‖W‖² + ‖b‖². Class means that
    differ where Σ_W vanishes up to rounding are fitted exactly; if all coincide, W = 0, b = n_c/N.

    Args:
        stats: class statistics; every class needs samples, any counts.
        weight_decay: λ ≥ 0, on weight and bias; of a training run ``matching_decay`` of its own.

    Raises:
        ValueError: for a negative λ, a class without samples, or statistics without scatter.

    Source: Han, Papyan, Donoho 2022, Theorem 1 (W_LS); at λ = 0 and equal counts Webb & Lowe 1990.
    """
    return _Problem(stats, weight_decay).minimiser()[:2]


def decompose_mse(
    stats: ClassStatistics,
    weight: Tensor,
    bias: Tensor | None,
    *,
    weight_decay: Number = 0.0,
    noise: Noise | None = None,
) -> MSEDecomposition:
    """Split the squared error of a classifier into L_NC1 + L_NC2/3 + L_LS^⊥.

    Args and errors as ``least_squares_classifier``, and:
        weight: (C, p), as in ``nn.Linear(p, C)``; ValueError for shapes that do not fit.
        bias: (C,), or None for a classifier without bias (the least-squares one has it still).
        noise: ``within_spectrum(stats)``, where it is at hand already.

    Source: Han, Papyan, Donoho 2022, Theorem 1, extended from equal to any class counts.
    """
    problem = _Problem(stats, weight_decay, noise)
    weight, bias = check_classifier(problem.means, weight, bias)
    given, best = (weight, bias, weight @ problem.mean + bias), problem.minimiser()
    away = tuple(x - y for x, y in zip(given, best, strict=True))
    nc1, nc23 = problem.parts(best, problem.identity)
    return MSEDecomposition(
        total=sum(problem.parts(given, problem.identity)),
        nc1=nc1,
        nc23=nc23,
        least_squares=nc1 + nc23,
        perpendicular=sum(problem.parts(away, 0 * problem.identity)),
    )


class _Problem:
    """The loss as a function of W alone, b = (π - Wμ_w)/(1 + λ) put in.

    L = ½ tr(WKWᵀ) + ½ ‖F Wᵀ - T‖² + constant with K = Σ_W + λ, and rows √π_c(μ_c - μ_w) against
    √π_c(e_c - π), √(λ/(1+λ)) μ_w against √(λ/(1+λ)) π.
    ``share`` π (C,), ``mean`` μ_w (p,), ``means`` μ_c - μ_w (C, p), ``rows`` F, ``targets`` T.
    """

    def __init__(
        self, stats: ClassStatistics, weight_decay: Number, noise: Noise | None = None
    ) -> None:
        check_decays(weight_decay=weight_decay)
        self.decay = decay = float(weight_decay)
        centred = at_home(stats.centred_means)
        self.share = stats.counts.to(centred) / stats.num_samples
        self.means = centred - self.share @ centred
        self.mean = self.share @ at_home(stats.class_means)
        self.identity = torch.eye(len(centred)).to(centred)
        root, pull = self.share.sqrt()[:, None], (decay / (1 + decay)) ** 0.5
        self.rows = torch.cat([root * self.means, pull * self.mean[None]])
        self.targets = torch.cat([root * (self.identity - self.share), pull * self.share[None]])
        if decay:
            spectrum, null, _ = noise or within_spectrum(stats)
            values = torch.cat([torch.zeros_like(null[0]), spectrum.values]) + decay
            self.kernel = Spectrum(values, torch.cat([null, spectrum.vectors], dim=1))
        else:
            self.kernel, self.reach = split_signal(stats, self.rows, noise)

    def minimiser(self) -> tuple[Tensor, Tensor, Tensor]:
        """W, b of least L and, among those, of least norm; and Wμ_w + b without its rounding."""
        if self.decay:
            weight = _ridge(self.kernel, self.rows, self.targets).T
            bias = (self.share - weight @ self.mean) / (1 + self.decay)
            return weight, bias, self.share - self.decay * bias
        u, s, directions, idle = self.reach
        beyond = u @ u.T  # these combinations of classes are fitted for nothing
        rest, goal = self.rows - beyond @ self.rows, self.targets - beyond @ self.targets
        weight = _ridge(self.kernel, rest, goal).T
        left = u.T @ (self.targets - self.rows @ weight.T)
        weight = weight + left.T @ (directions / s).T
        # Where no sample differs from another, W takes over from b what lowers the norm.
        still = idle @ (idle.T @ self.mean)
        bias = (self.share - weight @ self.mean) / (1 + still.square().sum())
        return weight + torch.outer(bias, still), bias, self.share

    def parts(self, classifier: tuple, target: Tensor) -> tuple[float, float]:
        """½ tr(W̃(Σ̃_W + λ)W̃ᵀ) and ½ Σ π_c ‖W̃μ̃_c - target_c‖² of W̃ = [W b], with Wμ_w + b."""
        weight, bias, centre = classifier
        noise = (weight @ self.kernel.vectors).square() @ self.kernel.values
        outputs = self.means @ weight.T + centre
        misses = self.share @ (outputs - target).square().sum(1)
        return float(noise.sum() + self.decay * bias.square().sum()) / 2, float(misses) / 2


def _ridge(
    kernel: Spectrum, rows: Float[Tensor, "m p"], targets: Float[Tensor, "m C"]
) -> Float[Tensor, "p C"]:
    """Minimiser Z of tr(ZᵀKZ) + ‖rows Z - targets‖² in the range of K, through F K^{-1/2}."""
    u, s, vt = torch.linalg.svd(rows @ kernel.whitening, full_matrices=False)
    return kernel.whitening @ (vt.T @ ((s / (1 + s.square()))[:, None] * (u.T @ targets)))
