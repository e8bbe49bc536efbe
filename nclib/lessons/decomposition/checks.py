"""Exercises of notebook 04, the squared error in three terms."""

from __future__ import annotations

from collections.abc import Callable

import torch

from nclib.formulas.collapse import self_duality
from nclib.formulas.etf import simplex_etf
from nclib.formulas.mse import least_squares_classifier
from nclib.formulas.statistics import ClassStatistics
from nclib.lessons.answers import check, pair, tensor
from nclib.shapes import Tensor


@check
def check_webb_lowe(answer: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> str | None:
    """A function of (C, p) means and (p, p) Σ_W: the balanced least-squares weight and bias."""
    stats = _clouds()
    means, within = stats.class_means, stats.within_covariance
    weight, bias = pair(answer(means, within), "weight and bias")
    expected = least_squares_classifier(stats)
    found = tensor(weight, 4, 6, called="a weight (C, p)"), tensor(bias, 4, called="a bias (C,)")
    off = [float((x - y).abs().max()) for x, y in zip(found, expected, strict=True)]
    if max(off) < 1e-5:
        return None
    if off[0] < 1e-5:
        return (
            f"the weight is right, the bias {off[1]:.2f} off. The mean of the outputs is 1/C: "
            "Wμ_G + b = 1/C"
        )
    centred = means - means.mean(0)
    total = within + centred.T @ centred / len(means)
    slips = {
        "Centre the means: the bias takes their mean out": means @ torch.linalg.inv(total),
        "Σ_T, not Σ_W: the means scatter, too": centred @ torch.linalg.pinv(within),
        "Divide by C: B = Ṁ/C, each class is 1/C of the samples": centred @ torch.linalg.inv(total),
    }
    for hint, slip in slips.items():
        for scale in (1, 1 / len(means)):
            if torch.allclose(found[0], scale * slip, atol=1e-6):
                return f"the weight is {off[0]:.2f} off. {hint}"
    return (
        f"weight and bias are {off[0]:.2f} and {off[1]:.2f} off. Put b = 1/C - Wμ_G into L, set "
        "the derivative by W to zero, and use Σ_T = Σ_W + ṀᵀṀ/C"
    )


def _clouds() -> ClassStatistics:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(4).repeat_interleave(12)
    means = 2 * torch.randn(4, 6, generator=generator, dtype=torch.float64) + 1
    noise = torch.randn(48, 6, generator=generator, dtype=torch.float64)
    return ClassStatistics.from_features(means[labels] + noise, labels)


@check
def check_collapsed_weight(answer: Callable[[Tensor], Tensor]) -> str | None:
    """A function of the (C, p) means of a simplex: W of the best classifier at Σ_W = 0."""
    for num_classes, size in ((3, 2.0), (4, 1.0), (10, 0.3)):
        means = size * simplex_etf(num_classes, 12, seed=0)
        labels = torch.arange(num_classes).repeat_interleave(2)
        expected = least_squares_classifier(ClassStatistics.from_features(means[labels], labels))[0]
        found = tensor(answer(means), num_classes, 12, called="a weight (C, p)")
        if torch.allclose(found, expected, atol=1e-6):
            continue
        case = f"for {num_classes} classes of norm {size:g} the largest entry of W is off by "
        case += f"{float((found - expected).abs().max()):.2g}. "
        aligned = self_duality(found, means) < 1e-9
        times = float(found.norm() / expected.norm())
        if aligned and abs(times - num_classes / (num_classes - 1)) < 1e-6:
            return case + "The singular values are C-1, not C: of Ṁ's C directions one is zero"
        if aligned:
            return case + (
                f"The direction is right, the length {times:.2g} times what it must be: so "
                "long that each class mean gets its one-hot vector, Wμ_c + b = e_c"
            )
        if torch.allclose(found, -expected, atol=1e-6):
            return case + "The sign: each row points at its own class mean, not away from it"
        return case + "W is a multiple of Ṁ: one number times the means"
    return None


@check
def check_noise_covariance(answer: Callable[[Tensor], Tensor]) -> str | None:
    """A function of the (C, p) means of a simplex: S for which W_LS at Σ_W = εS has no NC3."""
    means = simplex_etf(4, 7, seed=0)
    shape = tensor(answer(means), 7, 7, called="a covariance (p, p)")
    if not torch.allclose(shape, shape.T, rtol=1e-6):
        return "S is not symmetric, as every covariance is: try A @ A.T of what you have"
    least = float(torch.linalg.eigvalsh(shape)[0])
    if least <= 1e-6:
        return f"S has the eigenvalue {least:.1g}; noise in every direction is asked for (> 1e-6)"
    found = _duality_at(means, shape, 1e-8)
    if found > 0.1:
        return None
    return f"NC3 is {found:.1e} at ε = 1e-8; over 0.1 is asked for. {_shape_hint(means, shape)}"


def _duality_at(means: Tensor, shape: Tensor, epsilon: float) -> float:
    """NC3 of W ∝ Ṁ(εS + ṀᵀṀ/C)⁻¹ = U s (ε + V S⁻¹Vᵀ s²/C)⁻¹ V S⁻¹, which is good to ε = 0."""
    u, s, v = (x[..., : len(means) - 1] for x in _svd(means))
    seen = torch.linalg.solve(shape, v).T  # V S⁻¹
    kernel = epsilon * torch.eye(len(s)).to(s) + seen @ v * s**2 / len(means)
    return self_duality(u * s @ torch.linalg.solve(kernel, seen), means)


def _svd(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    u, s, vt = torch.linalg.svd(rows, full_matrices=False)
    return u, s, vt.T


def _shape_hint(means: Tensor, shape: Tensor) -> str:
    span = torch.linalg.svd(means)[2][: len(means) - 1]
    inside = span.T @ span
    mixed = float((inside @ shape @ (torch.eye(len(shape)).to(shape) - inside)).norm())
    if torch.allclose(shape, shape[0, 0] * torch.eye(len(shape)).to(shape)):
        return "The same noise in all directions leaves W along the means: make it anisotropic"
    if mixed < 1e-6 * float(shape.norm()):
        return (
            "It is anisotropic, but directions between the means and directions outside are "
            "independent; W then never leaves the means' span. Correlate them"
        )
    return "The right kind: make the correlation between inside and outside stronger"
