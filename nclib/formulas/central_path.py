"""The central path: features whose classifier is always the least-squares one (Han et al. 2022).

With equal class counts and no decay the loss depends on the features through C-1 numbers only, the
signal-to-noise ratios ω_j: singular values of Σ_W^{-1/2} Ṁᵀ. Gradient flow on features that are
renormalised to Σ_W = I all along (which changes neither ω nor the loss) moves each ω_j by itself:

    projected:  dω/dt = ω / (n(C + ω²)²),    n[C² log ω + Cω² + ω⁴/4] = a + t
    rescaled:   dω/dt = ω / (nC(C + ω²)),    n[C² log ω + Cω²/2]      = a + t

*Projected* is the paper's: the gradient is projected on the features with Σ_W = I. *Rescaled* takes
the whole gradient and whitens afterwards, which turns shrinking noise into growing ω. Time is that
of gradient flow on L, the mean over all samples. Derived in notebook 05.
"""

from __future__ import annotations

import torch
from torch.nn.functional import pad

from nclib.checks import at_least, check_pair, check_times
from nclib.formulas.spectra import Noise, split_signal, within_spectrum
from nclib.formulas.statistics import ClassStatistics
from nclib.shapes import Float, Number, Tensor

# n[C² log ω + first · Cω² + second · ω⁴] = a + t
_LAWS = {"projected": (1, 1 / 4), "rescaled": (1 / 2, 0)}


def snr_singular_values(
    stats: ClassStatistics, *, noise: Noise | None = None
) -> Float[Tensor, " {stats.num_classes}-1"]:
    """ω_j (C-1,), singular values of Σ_W^{-1/2} Ṁᵀ, descending; all → ∞ (NC1), and equal (NC2).

    Unchanged by every invertible affine map of the features. Where Σ_W is singular up to rounding
    they are the limits of a vanishing ridge: a mode in which the class means differ outside the
    range of Σ_W is ``inf``; where means do not differ at all it is 0 (so are C-1-p when p < C-1).

    Args:
        stats: class statistics; every class needs samples, any counts.
        noise: ``within_spectrum(stats)``, where it is at hand already.

    Raises:
        ValueError: for a class without samples, or statistics without scatter.

    Source: Han, Papyan, Donoho 2022 (the SNR matrix).
    """
    means = stats.centred_means
    spectrum, (outside, *_) = split_signal(stats, means, noise)
    inside = means.to(spectrum.values) @ spectrum.whitening
    finite = torch.linalg.svdvals(inside - outside @ (outside.T @ inside))
    omega = torch.cat([torch.full_like(outside[0], torch.inf), finite])
    return pad(omega, (0, len(means) - 1 - len(omega)))  # a negative pad crops


def loss(omega: Tensor, *, num_classes: int) -> Float[Tensor, "*rest"]:
    """L = ½ Σ_j 1/(C + ω_j²), the least squared error on features with these ratios (λ = 0).

    From ½(1 - 1/C) where all ratios are 0 down to 0 under collapse.

    Args:
        omega: (..., C-1), each ≥ 0, ``inf`` allowed; of features with equal class counts.
        num_classes: C.

    Raises:
        ValueError: if the last dimension is not C-1, or a ratio is negative or NaN.

    Source: Han, Papyan, Donoho 2022.
    """
    shape = tuple(omega.shape)
    if shape[-1:] != (num_classes - 1,):
        raise ValueError(f"omega has shape {shape}; expected (..., C-1) with C = {num_classes}")
    if not (omega >= 0).all():
        raise ValueError("omega has negative or NaN values; signal-to-noise ratios are at least 0")
    return (0.5 / (num_classes + omega.double() ** 2)).sum(-1)


def clock(
    omega: Tensor, *, num_classes: int, per_class: int, kind: str = "projected"
) -> Float[Tensor, "*shape"]:
    """F(ω), the left side of the law: on the flow F(ω_j(t)) - F(ω_j(0)) = t for every j.

    Increments of F along a recorded run coincide over j if, and only if, its ratios move as on the
    flow, at whatever pace. ``omega`` may have any shape, each > 0; the rest is as in ``flow``.
    Two ω in float64 do not tell times below ωF'(ω)·2e-16 apart, which is 2n at ω = 1e4 on the
    projected flow; where their ratio is known better, take ``passed``.
    """
    c1, c2, c4 = _law(kind, num_classes, per_class)
    return c1 * omega.log() + c2 * omega**2 + c4 * omega**4


def passed(
    omega0: Tensor, growth: Tensor, *, num_classes: int, per_class: int, kind: str = "projected"
) -> Float[Tensor, "*shape"]:
    """F(ω₀e^δ) - F(ω₀), the time in which ω₀ grows by the factor e^δ, to rounding for every δ.

    Args:
        omega0: each > 0, of a shape that fits that of ``growth``.
        growth: δ = log ω/ω₀, of any shape; of a flow by ``log_growth``.
        num_classes: C, at least 2.
        per_class: n ≥ 1.
        kind: "projected" or "rescaled".
    """
    return _passed(omega0, growth, _law(kind, num_classes, per_class))


def _passed(start: Tensor, delta: Tensor, law: tuple) -> Tensor:
    """Differences of powers are ω^k (1 - e^{-kδ}), in which nothing cancels."""
    c1, c2, c4 = law
    omega = start * delta.exp()
    moved = c1 * delta - c2 * omega**2 * torch.expm1(-2 * delta)
    return moved - c4 * omega**4 * torch.expm1(-4 * delta)


def flow(
    omega0: Tensor, times: Tensor, *, num_classes: int, per_class: int, kind: str = "projected"
) -> Float[Tensor, "T {num_classes}-1"]:
    """ω_j at the times given, on the continually renormalised gradient flow; a row for each time.

    Never decreasing, and exact to rounding from t = 0 to 1e12 and beyond. Any two ω_j tend to the
    ratio 1 (NC2), and each to ``asymptote`` and so to ∞ (NC1).

    Args:
        omega0: (C-1,), above 0 and below 1e60: a ratio of 0 stays 0, one of inf has no law.
        times: (T,), ≥ 0 and ascending.
        num_classes: C, at least 2.
        per_class: n ≥ 1, the same for every class.
        kind: "projected" (the paper's) or "rescaled".

    Raises:
        ValueError: for values outside these ranges, or another kind.

    Source: Han, Papyan, Donoho 2022 (projected).
    """
    law = {"num_classes": num_classes, "per_class": per_class, "kind": kind}
    growth = log_growth(omega0, times, **law)
    return (omega0.double() * growth.exp()).cummax(0).values


def log_growth(
    omega0: Tensor, times: Tensor, *, num_classes: int, per_class: int, kind: str = "projected"
) -> Float[Tensor, "T {num_classes}-1"]:
    """Growth log ω_j(t)/ω_j(0) on the ``flow``, also where t is too short to show in ω itself."""
    law, shape = _law(kind, num_classes, per_class), tuple(omega0.shape)
    if shape != (num_classes - 1,):
        raise ValueError(f"omega0 has shape {shape}; expected (C-1,) with C = {num_classes}")
    bad = omega0[~((omega0 > 0) & (omega0 < 1e60))]
    if len(bad):
        raise ValueError(
            f"omega0 contains {float(bad[0])}; each must lie above 0 and below 1e60 (0: the means "
            "do not differ in this mode, as when p < C-1; inf: Σ_W is singular)"
        )
    omega0 = omega0.double()
    return _solve(omega0, check_times(times).to(omega0)[:, None], law)


def asymptote(
    times: Tensor, *, num_classes: int, per_class: int, kind: str = "projected"
) -> Float[Tensor, "*shape"]:
    """What every ω_j tends to: (4t/n)^¼ for "projected", (2t/(nC))^½ for "rescaled"."""
    _, c2, c4 = _law(kind, num_classes, per_class)
    return (times / c4) ** (1 / 4) if c4 else (times / c2) ** (1 / 2)


def feature_gradient(features: Tensor, labels: Tensor) -> Float[Tensor, "N p"]:
    """∇L of (N, p) features with W_LS, b_LS: (W h_i + b - e_{y_i})ᵀ W/N; errors as ``simulate``."""
    by_class = _by_class(features, labels)
    return _gradient(by_class).flatten(0, 1)[labels.argsort(stable=True).argsort()]


def simulate(
    features: Tensor,
    labels: Tensor,
    *,
    steps: int,
    step_size: Number,
    kind: str = "projected",
    record_every: int = 1,
) -> tuple[Float[Tensor, " T"], Float[Tensor, "T modes"]]:
    """Renormalised gradient descent on the features themselves; no law of ω goes in.

    Each step whitens the features and goes ``step_size`` against ∇L at the least-squares classifier
    ("projected": its part tangent to Σ_W = I). Ratios differ from ``flow`` in proportion to it.

    Args:
        features: (N, p), to start from; Σ_W regular, which needs p ≤ N - C.
        labels: (N,) integers in 0..C-1, equally many of each.
        steps: at least 0.
        step_size: > 0, in the flow's time; small beside the time in which ω changes.
        kind: "projected" or "rescaled".
        record_every: record at steps 0, record_every, 2 record_every, …

    Returns:
        times (T,) and ratios (T, C-1), descending in each row; p < C-1 leaves zeros in the end.

    Raises:
        ValueError: for unequal class counts, a singular Σ_W, or values outside these ranges.
    """
    _law(kind, 2, 1)
    at_least(0, steps=steps)
    at_least(1, record_every=record_every)
    if not 0 < step_size < float("inf"):
        raise ValueError(f"step_size is {step_size}; it must be finite and above 0")
    x, omegas = _whiten(_by_class(features, labels)), []
    drift = _tangent if kind == "projected" else _gradient
    for step in range(steps + 1):
        if step:
            x = _whiten(x - step_size * drift(x))
        if step % record_every == 0:
            omegas.append(torch.linalg.svdvals(x.mean(1)))
    times = torch.arange(len(omegas)).to(x) * record_every * step_size
    return times, pad(torch.stack(omegas), (0, len(x) - 1 - len(omegas[0])))


def _law(kind: str, num_classes: int, per_class: int) -> tuple[Number, Number, Number]:
    """c1, c2, c4 of the law c1 log ω + c2 ω² + c4 ω⁴ = a + t."""
    if kind not in _LAWS:
        raise ValueError(f"kind is {kind!r}; choose from {', '.join(_LAWS)}")
    at_least(2, num_classes=num_classes)
    at_least(1, per_class=per_class)
    first, second = _LAWS[kind]
    return per_class * num_classes**2, per_class * num_classes * first, per_class * second


def _solve(start: Tensor, times: Tensor, law: tuple) -> Float[Tensor, "T modes"]:
    """δ = log ω/ω₀ where c1 δ + c2 (ω² - ω₀²) + c4 (ω⁴ - ω₀⁴) = t, by Newton.

    The left side is convex and increasing in δ, so Newton falls from an upper bound to the root.
    """
    c1, c2, c4 = law
    delta = _upper_bound(start.log(), times, law)
    for _ in range(100):
        omega, moved = start * delta.exp(), _passed(start, delta, law)
        slope = c1 + 2 * c2 * omega**2 + 4 * c4 * omega**4
        before, delta = delta, (delta - (moved - times) / slope).clamp(min=0)
        if ((before - delta).abs() <= 1e-9 * delta).all():  # it converges quadratically
            break
    return delta.cummax(0).values


def _upper_bound(log_start: Tensor, times: Tensor, law: tuple) -> Float[Tensor, "T modes"]:
    """The least δ at which one term of the law alone has used up the time."""
    bound = times / law[0] + 0 * log_start
    for power, factor in ((2, law[1]), (4, law[2])):
        if factor:
            ratio = (times / factor).log() - power * log_start
            bound = bound.minimum(torch.logaddexp(torch.zeros_like(ratio), ratio) / power)
    return bound


def _whiten(x: Float[Tensor, "C n p"]) -> Float[Tensor, "C n p"]:
    """(h - μ_G) Σ_W^{-1/2}, by the symmetric root."""
    residuals = (x - x.mean(1, keepdim=True)).flatten(0, 1)
    values, vectors = torch.linalg.eigh(residuals.T @ residuals / len(residuals))
    return (x - x.mean((0, 1))) @ (vectors / values.sqrt()) @ vectors.T


def _gradient(x: Float[Tensor, "C n p"]) -> Float[Tensor, "C n p"]:
    """∇L at the least-squares classifier in the form of Webb & Lowe 1990, W = Ṁ Σ_T⁻¹/C."""
    x = x - x.mean((0, 1))  # then b = 1/C
    size = x.shape[:2].numel()
    total = torch.einsum("cni,cnj->ij", x, x) / size
    weight = torch.linalg.solve(total, x.mean(1).T).T / len(x)
    target = torch.eye(len(x)).to(x)[:, None] - 1 / len(x)
    return (x @ weight.T - target) @ weight / size


def _tangent(x: Float[Tensor, "C n p"]) -> Float[Tensor, "C n p"]:
    """G - R sym(RᵀG)/N: the gradient at whitened x, projected on the tangent of Σ_W = I."""
    gradient, residuals = _gradient(x), x - x.mean(1, keepdim=True)
    product = torch.einsum("cni,cnj->ij", residuals, gradient) / x.shape[:2].numel()
    return gradient - residuals @ (product + product.T) / 2


def _by_class(features: Tensor, labels: Tensor) -> Float[Tensor, "C n p"]:
    """Features in float64, ordered by class; ValueError unless balanced with a regular Σ_W."""
    check_pair(features, labels)
    stats = ClassStatistics.from_features(features.double(), labels)
    counts, size = stats.counts.tolist(), stats.num_features
    if len(set(counts)) > 1:
        raise ValueError(f"labels have {counts} samples of the classes; give equally many of each")
    rank = len(within_spectrum(stats)[0].values)
    if rank < size:
        raise ValueError(
            f"features have a singular within-class covariance (rank {rank} of {size}); give at "
            f"least p + C = {size + len(counts)} samples, and features that all vary"
        )
    return features.double()[labels.argsort(stable=True)].unflatten(0, (len(counts), -1))
