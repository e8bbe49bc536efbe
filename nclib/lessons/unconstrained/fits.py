"""What notebook 06 runs before it draws: fits, descents beside a saddle, scatter that shrinks."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from nclib.formulas.collapse import CollapseMetrics, collapse_metrics
from nclib.formulas.descent import gradient_descent, minimise
from nclib.formulas.mse import least_squares_classifier
from nclib.formulas.statistics import ClassStatistics
from nclib.formulas.synthetic import simplex_with_scatter
from nclib.formulas.ufm import UFM
from nclib.shapes import Float, Number, Tensor


def fit(
    loss: str, num_classes: int, per_class: int, num_features: int, **options: Number | None
) -> UFM:
    """A model of this size at the minimum that L-BFGS finds from a random start.

    Without ``options`` of ``UFM``: λ_W = 0.05, λ_H = 0.02, and a free bias.
    """
    settings = {"weight_decay": 0.05, "feature_decay": 0.02, "bias_decay": 0.0} | options
    model = UFM(num_classes, per_class, num_features, loss=loss, **settings)
    minimise(model, tolerance=1e-7)
    return model


def nudged_descent(model: UFM, steps: int = 300) -> tuple[Sequence[int], Sequence[float]]:
    """Steps and objectives of gradient descent from a little (1e-4) beside where it stands."""
    model.place(*(p.detach() + 1e-4 * torch.randn_like(p) for p in model.parameters()))
    walk = gradient_descent(model, steps=steps, learning_rate=1, record_every=3)
    return tuple(zip(*((step, model.objective().item()) for step in walk), strict=True))


def measured(shape: Float[Tensor, "p p"], decay: Number, size: Number) -> CollapseMetrics:
    """NC1-NC4 of a simplex of four classes with scatter, under the least-squares classifier."""
    features, labels = simplex_with_scatter(4, 50, size=size, shape=shape)
    stats = ClassStatistics.from_features(features, labels)
    fitted = least_squares_classifier(stats, weight_decay=decay)
    return collapse_metrics(stats, *fitted, features=features, labels=labels)


def while_it_shrinks(
    shape: Float[Tensor, "p p"], decay: Number
) -> tuple[Sequence[float], Sequence[float]]:
    """NC1 and NC3 of the same at scatters of size 1, 0.1, … 1e-4."""
    found = [measured(shape, decay, 10.0**-k) for k in range(5)]
    return [one.nc1 for one in found], [one.self_duality for one in found]
