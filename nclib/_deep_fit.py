"""Many deep unconstrained features models descend at once, as one batch of matrix products."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import nn

from nclib._shapes import Float, Number, Tensor
from nclib._ufm_checks import check_at_least


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
    check_at_least(0, steps=steps)
    check_at_least(1, record_every=max(steps, 1) if record_every is None else record_every)
    if learning_rate <= 0:
        raise ValueError(f"learning_rate is {learning_rate}; give a positive number")
    batch = _Batch(models)
    fused = batch.features.device.type in ("cpu", "cuda")
    optimizer = torch.optim.Adam(batch.parameters, lr=learning_rate, fused=fused)
    try:
        for step in range(steps + 1):
            if step == steps or step % (record_every or max(steps, 1)) == 0:
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
