"""The losses a network, or free features, are trained with, each a mean over the samples.

``LOSSES`` is what ``train`` takes by name. The papers' squared error is C/2 times torch's: free
features descend it, by the same name, in ``UFM_LOSSES``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from nclib.checks import at_least
from nclib.shapes import Float, Int, Tensor


def squared_error(logits: Float[Tensor, "N C"], labels: Int[Tensor, " N"]) -> Float[Tensor, ""]:
    """Mean over samples *and* classes of (logit - one-hot)², torch's: 2/C times ½‖Z - Y‖_F²/N."""
    return F.mse_loss(logits, F.one_hot(labels, logits.shape[1]).to(logits))


def half_squared_error(
    logits: Float[Tensor, "N C"], labels: Int[Tensor, " N"]
) -> Float[Tensor, ""]:
    """½‖Z - Y‖_F²/N, the papers': C/2 times ``squared_error``."""
    return (logits - F.one_hot(labels, logits.shape[1])).square().sum() / (2 * len(logits))


def label_smoothing(logits: Float[Tensor, "N C"], labels: Int[Tensor, " N"]) -> Float[Tensor, ""]:
    """Cross-entropy against 0.9 one-hot + 0.1 uniform (Szegedy et al. 2016)."""
    return F.cross_entropy(logits, labels, label_smoothing=0.1)


def focal(logits: Float[Tensor, "N C"], labels: Int[Tensor, " N"]) -> Float[Tensor, ""]:
    """Mean of -(1 - p_y)² ln p_y (Lin et al. 2017, γ = 2)."""
    log_p = F.log_softmax(logits, dim=1).gather(1, labels[:, None])[:, 0]
    return -(torch.expm1(log_p).square() * log_p).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": F.cross_entropy,
    "squared_error": squared_error,
    "label_smoothing": label_smoothing,
    "focal": focal,
}
UFM_LOSSES = LOSSES | {"squared_error": half_squared_error}


def pull_at_zero(loss: Callable[[Tensor, Tensor], Tensor], num_classes: int) -> float:
    """C‖∂L/∂Z‖₂ at logits of zero, one sample a class: what decays have to outweigh there.

    Free features leave zero as long as Cθ is less (θ = √(λ_W λ_H n), L of ``UFM_LOSSES``). It is 1
    for cross-entropy and squared error, which share the residual 1/C - e_y (the latter by its bias;
    without one -e_y, as large); 0.9 for smoothed labels; (1-q)(1-q-2q ln q) with q = 1/C for the
    focal loss: .60 for two classes, 1.22 for ten. Where the loss is convex, zero is best from there
    on; the focal loss is not, and for many classes its minimum jumps to zero a little later.
    """
    at_least(2, num_classes=num_classes)
    logits = torch.zeros(num_classes, num_classes, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss(logits, torch.arange(num_classes)), logits)
    return num_classes * float(torch.linalg.matrix_norm(slope, 2))


def check_loss(name: str) -> None:
    """Raise ValueError, with the names there are, unless ``name`` is one of ``LOSSES``."""
    if name not in LOSSES:
        raise ValueError(f"loss {name!r} is unknown; choose from {', '.join(LOSSES)}")
