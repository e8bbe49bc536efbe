"""Descents of models with an ``objective()`` of their parameters, one alone or many at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from nclib.checks import at_least, check_positive
from nclib.shapes import Float, Number, Tensor


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
    records = _records(steps, learning_rate, record_every)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=momentum)
    for step in range(steps + 1):
        if step in records:
            yield step
        if step < steps:
            optimizer.zero_grad()
            value = model.objective()
            _finite(value, f"lower learning_rate, now {learning_rate:g}")
            value.backward()
            optimizer.step()


def _records(steps: int, learning_rate: Number, record_every: int | None) -> set[int]:
    """The numbers of steps to yield at, of checked settings: 0, those between, and the last."""
    at_least(0, steps=steps)
    every = max(steps, 1) if record_every is None else record_every
    at_least(1, record_every=every)
    check_rate(learning_rate)
    return {*range(0, steps, every), steps}


def check_rate(learning_rate: Number) -> None:
    """Raise ValueError unless it is a finite number > 0."""
    check_positive("nothing would move; give a positive number", learning_rate=learning_rate)


def log_spaced(steps: int, num_records: int) -> set[int]:
    """About ``num_records`` of the numbers 1 … ``steps``, evenly spread on a logarithmic axis.

    Both ends are among them. Raises ValueError for fewer than 1 of either.
    """
    at_least(1, steps=steps, num_records=num_records)
    return {steps, *np.geomspace(1, steps, num_records).round().astype(int).tolist()}


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


# Many deep models at once, as one batch of matrix products. By torch.func.vmap, a batch a depth, it
# would be 25 lines less; but the benchmark's 25 models of five depths take 18 s then instead of 8,
# notebook 07's fits 1.6 times as long, and one of them ends 9e-5 elsewhere.


def fit(
    models: Sequence[nn.Module], *, steps: int = 4000, learning_rate: Number = 1e-2
) -> Float[Tensor, " B"]:
    """Train ``DeepUFM`` models in place, all at once; their objectives (B,) at the end.

    Adam with a cosine learning rate. Each model moves as it would alone: the batch shares nothing
    but the time. For many small models that is an order of magnitude less of it.

    Args:
        models: of equal classes, samples and width; depths, decays, starts and seeds may differ.
        steps: at least 0; 4000 bring the objective within about 1e-6 of a minimum.
        learning_rate: > 0, at the start; it ends at a thousandth.

    Raises:
        ValueError: for no models, models that do not fit together, or settings out of range.
    """
    for _ in descend(models, steps=steps, learning_rate=learning_rate):
        pass
    with torch.no_grad():
        return torch.stack([model.objective() for model in models])


def descend(
    models: Sequence[nn.Module],
    *,
    steps: int = 4000,
    learning_rate: Number = 1e-2,
    record_every: int | None = None,
) -> Iterator[int]:
    """The same as a generator: yields the steps done, with all models in that state.

    Yields 0, then every ``record_every`` steps, and always ``steps``. Arguments as in ``fit``.
    """
    records = _records(steps, learning_rate, record_every)
    batch = _Batch(models)
    fused = batch.features.device.type in ("cpu", "cuda")
    optimizer = torch.optim.Adam(batch.parameters, lr=learning_rate, fused=fused)
    try:
        for step in range(steps + 1):
            if step in records:
                yield step
            if step < steps:
                cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
                optimizer.param_groups[0]["lr"] = learning_rate * (1e-3 + (1 - 1e-3) * cosine)
                optimizer.zero_grad()
                batch.objective().backward()
                optimizer.step()
    finally:
        batch.release()


class _Batch:
    """Models of different depth as one, aligned at the output: level k counts weights from there.

    The deepest come first, so the models that have a level k are the first ``len(weights[k])``, and
    each enters with its features at its own depth. While the batch lives, the parameters of the
    models are views of it; weights are stored as (in, out).
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        _check_alike(models)
        models = sorted(models, key=lambda model: -len(model.weights))
        levels = range(len(models[0].weights))
        having = [[m for m in models if len(m.weights) > k] for k in levels]
        self.features = torch.stack([m.features.detach() for m in models]).requires_grad_()
        self.weights = [
            torch.stack([m.weights[-1 - k].detach().mT for m in having[k]]).requires_grad_()
            for k in levels
        ]
        self.parameters = [self.features, *self.weights]
        self.decays = [self.features.new_tensor([m.feature_decay for m in models])]
        self.decays += [
            self.features.new_tensor([m.weight_decays[-1 - k] for m in having[k]]) for k in levels
        ]
        self.targets = models[0].targets
        self.views = [(m.features, self.features.detach()[i]) for i, m in enumerate(models)]
        for k in levels:
            stacked = self.weights[k].detach().mT
            self.views += [(m.weights[-1 - k], stacked[i]) for i, m in enumerate(having[k])]
        for parameter, view in self.views:
            parameter.data = view

    def objective(self) -> Float[Tensor, ""]:
        """Sum of the models' objectives: no gradient of one depends on another."""
        x = self.features[:0]
        for weights in reversed(self.weights):
            entering = self.features[len(x) : len(weights)]
            x = torch.bmm(torch.cat([x.relu(), entering]), weights)
        data = (x - self.targets).square().sum() / len(self.targets)
        pairs = zip(self.decays, self.parameters, strict=True)
        return (data + sum(decay @ p.square().sum((1, 2)) for decay, p in pairs)) / 2

    def release(self) -> None:
        """Give every model parameters of its own again."""
        for parameter, view in self.views:
            parameter.data = view.clone(memory_format=torch.contiguous_format)


def _check_alike(models: Sequence[nn.Module]) -> None:
    if not models or len(set(map(id, models))) < len(models):
        raise ValueError("models must be at least one DeepUFM, each of them once")
    kinds = {
        (m.targets.shape, m.features.shape, m.features.dtype, m.features.device) for m in models
    }
    if len(kinds) > 1:
        raise ValueError(
            "models differ in classes, samples, width, dtype or device; fit equal ones together"
        )
