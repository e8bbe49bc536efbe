"""The unconstrained features model as a module, and descents to its minima and saddles."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import nn

from nclib._shapes import Float, Int, Number, Tensor
from nclib._ufm_checks import check_at_least, check_decays


def half_squared_error(
    logits: Float[Tensor, "N C"], labels: Int[Tensor, " N"]
) -> Float[Tensor, ""]:
    """½‖Z - Y‖_F²/N: the papers' squared error, C/2 times torch's mean over samples and classes."""
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
    "squared_error": half_squared_error,
    "label_smoothing": label_smoothing,
    "focal": focal,
}


class UFM(nn.Module):
    """Unconstrained features model: classifier and features are the parameters, in float64.

    Attributes:
        weight: (C, p) classifier W.
        features: (N, p) rows H, class after class, n of each.
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
        check_at_least(2, num_classes=num_classes)
        check_at_least(1, per_class=per_class, num_features=num_features)
        check_decays(weight_decay=weight_decay, feature_decay=feature_decay)
        if bias_decay is not None:
            check_decays(bias_decay=bias_decay)
        if loss not in LOSSES:
            raise ValueError(f"loss {loss!r} is unknown; choose from {', '.join(LOSSES)}")
        self.loss = loss
        self.weight_decay, self.feature_decay = weight_decay, feature_decay
        self.bias_decay = bias_decay
        generator = torch.Generator().manual_seed(seed)
        shape = (num_classes * (1 + per_class), num_features)
        start = torch.randn(shape, generator=generator, dtype=torch.float64)
        start *= init / num_features**0.5
        self.weight = nn.Parameter(start[:num_classes].clone())
        self.features = nn.Parameter(start[num_classes:].clone())
        self.bias = None if bias_decay is None else nn.Parameter(start.new_zeros(num_classes))
        labels = torch.arange(num_classes).repeat_interleave(per_class)
        self.register_buffer("labels", labels)

    def forward(self) -> Float[Tensor, "N C"]:
        """Logits HWᵀ + 1bᵀ of all features."""
        return F.linear(self.features, self.weight, self.bias)

    def objective(self) -> Float[Tensor, ""]:
        """Data loss + ½λ_W‖W‖² + ½λ_H‖H‖² + ½λ_b‖b‖²."""
        decay = self.weight_decay * self.weight.square().sum()
        decay = decay + self.feature_decay * self.features.square().sum()
        if self.bias is not None:
            decay = decay + self.bias_decay * self.bias.square().sum()
        return LOSSES[self.loss](self(), self.labels) + decay / 2

    def class_means(self) -> Float[Tensor, "C p"]:
        """Mean feature of each class."""
        return self.features.detach().unflatten(0, (len(self.weight), -1)).mean(1)

    def place(self, weight: Tensor, features: Tensor, bias: Tensor | None = None) -> UFM:
        """Start from (C, p), (N, p) and, with a bias, (C,); returns the model.

        Raises:
            ValueError: for a shape that does not fit, or a bias where there is none.
        """
        given = {"weight": weight, "features": features}
        if bias is not None:
            given["bias"] = bias
        own = dict(self.named_parameters())
        for name, tensor in given.items():
            if name not in own:
                raise ValueError("bias was given, but the model has none; build it with bias_decay")
            if tensor.shape != own[name].shape:
                raise ValueError(
                    f"{name} has shape {tuple(tensor.shape)}; this model needs "
                    f"{tuple(own[name].shape)}"
                )
        with torch.no_grad():
            for name, tensor in given.items():
                own[name].copy_(tensor)
        return self


def minimise(model: nn.Module, *, iterations: int = 2000, tolerance: Number = 1e-11) -> float:
    """Go down from where the model stands by L-BFGS; the objective reached.

    Args:
        model: with an ``objective()`` of its parameters, ``UFM`` or ``DeepUFM``; changed in place.
            Give float64 (``model.double()``) where more than six digits are wanted.
        iterations: at most.
        tolerance: stop when no entry of the gradient exceeds it.

    Raises:
        ValueError: when the objective is not finite.
    """
    optimizer = torch.optim.LBFGS(
        model.parameters(),
        max_iter=iterations,
        max_eval=2 * iterations,
        tolerance_grad=tolerance,
        tolerance_change=0,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = model.objective()
        value.backward()
        return value

    optimizer.step(closure)
    with torch.no_grad():
        return _finite(model.objective(), "start from smaller parameters")


def gradient_descent(
    model: nn.Module,
    *,
    steps: int,
    learning_rate: Number,
    momentum: Number = 0.0,
    record_every: int | None = None,
) -> Iterator[int]:
    """Plain gradient descent; yields the number of steps done, with the model in that state.

    Yields 0, then every ``record_every`` steps, and always ``steps``. It works while it is asked:
    ``for step in gradient_descent(...)``.

    Args:
        model: with an ``objective()`` of its parameters; changed in place.
        steps: at least 0.
        learning_rate: > 0; it must stay below 2 over the largest curvature.
        momentum: in [0, 1).
        record_every: steps between two records; only first and last when not given.

    Raises:
        ValueError: for settings out of range, or when the objective stops being finite.
    """
    check_at_least(0, steps=steps)
    check_at_least(1, record_every=max(steps, 1) if record_every is None else record_every)
    if learning_rate <= 0:
        raise ValueError(f"learning_rate is {learning_rate}; give a positive number")
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=momentum)
    for step in range(steps + 1):
        if step == steps or step % (record_every or max(steps, 1)) == 0:
            yield step
        if step < steps:
            optimizer.zero_grad()
            value = model.objective()
            _finite(value, f"lower learning_rate, now {learning_rate:g}")
            value.backward()
            optimizer.step()


def _finite(value: Tensor, remedy: str) -> float:
    found = float(value.detach())
    if not math.isfinite(found):
        raise ValueError(f"the objective became {found}; {remedy}")
    return found


def hessian(model: nn.Module, *, largest: int = 1500) -> Float[Tensor, "P P"]:
    """Second derivatives of the objective where the model stands, parameters in their order.

    Args:
        model: with an ``objective()`` of its parameters.
        largest: refuse more parameters than this; the matrix grows with their square.

    Raises:
        ValueError: for more than ``largest`` parameters.
    """
    sizes = {name: tensor.shape for name, tensor in model.named_parameters()}
    flat = torch.cat([tensor.detach().flatten() for tensor in model.parameters()])
    if len(flat) > largest:
        raise ValueError(
            f"the model has {len(flat)} parameters; take fewer classes, samples or features to "
            f"come below {largest}, or raise largest"
        )

    def objective(point: Tensor) -> Tensor:
        parts = point.split([shape.numel() for shape in sizes.values()])
        named = {n: x.view(s) for (n, s), x in zip(sizes.items(), parts, strict=True)}
        swapped = {f"model.{n}": x for n, x in named.items()}
        return torch.func.functional_call(_Objective(model), swapped, ())

    return torch.func.jacrev(torch.func.grad(objective))(flat)


class _Objective(nn.Module):
    """A module whose forward is the model's objective, so that parameters can be swapped in."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self) -> Tensor:
        return self.model.objective()


def least_eigenvalue(model: nn.Module) -> float:
    """Least eigenvalue of the Hessian: negative at a strict saddle, 0 at a minimum (symmetry).

    At a minimum it is 0 rather than positive because turning W and H together costs nothing.
    With p > C every critical point that is not a global minimum is a strict saddle (Zhu et al.
    2021, for cross-entropy).
    """
    return float(torch.linalg.eigvalsh(hessian(model))[0])
