"""What notebook 06 runs before it draws: fits, critical points, descents, shrinking scatter."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import pandas as pd
import torch

from nclib.formulas.collapse import CollapseMetrics, collapse_metrics
from nclib.formulas.descent import least_eigenvalue, minimise
from nclib.formulas.etf import simplex_etf
from nclib.formulas.mse import least_squares_classifier
from nclib.formulas.statistics import ClassStatistics
from nclib.formulas.synthetic import simplex_with_scatter
from nclib.formulas.ufm import UFM, minimum_of
from nclib.runs.free_features import descend
from nclib.runs.trajectory import Trajectory
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


def at_critical_point(rank: int) -> UFM:
    """Four classes, squared error: ``rank`` directions of the simplex, each at its best size."""
    decays = {"weight_decay": 0.02, "feature_decay": 0.02, "bias_decay": 0.0}
    model = UFM(4, 2, 6, loss="squared_error", **decays)
    best = minimum_of(model)
    root = simplex_etf(4, 6) * math.sqrt(3 / 4 * best.scale)  # its columns are orthogonal
    root[:, rank:] = 0
    weight, means = root * best.ratio**0.5, root / best.ratio**0.5
    return model.place(weight, means.repeat_interleave(2, 0), torch.full((4,), 0.25))


def fate(loss: str, init: Number, *, steps: int = 1000, seed: int = 0) -> pd.Series:
    """The last measurements of section 1's 60 points of four classes, set free without decay.

    Args:
        loss: what is descended.
        init: size of the start.
        steps: of gradient descent.
        seed: of the start.
    """
    decays = {"weight_decay": 0, "feature_decay": 0, "bias_decay": 0}
    model = UFM(4, 15, 3, loss=loss, **decays, init=init, seed=seed)
    walk = descend(model, steps=steps, learning_rate=1, num_records=2)
    return Trajectory.of(walk).metrics.iloc[-1]


def slope_and_curvature(rank: int) -> tuple[float, float]:
    """There: the largest entry of the gradient, and the least eigenvalue of the Hessian."""
    model = at_critical_point(rank)
    slopes = torch.autograd.grad(model.objective(), list(model.parameters()))
    return max(float(slope.abs().max()) for slope in slopes), least_eigenvalue(model)


def some_shape(seed: int) -> Float[Tensor, "8 8"]:
    """A random scatter: no direction of it is that of the means."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(8, 8, generator=draw, dtype=torch.float64) / 8**0.5


scattered = functools.partial(simplex_with_scatter, 4, 50)


def measured(shape: Float[Tensor, "p p"], decay: Number, size: Number) -> CollapseMetrics:
    """NC1-NC4 of a simplex of four classes with scatter, under the least-squares classifier."""
    features, labels = scattered(shape=shape, size=size)
    stats = ClassStatistics.from_features(features, labels)
    fitted = least_squares_classifier(stats, weight_decay=decay)
    return collapse_metrics(stats, *fitted, features=features, labels=labels)


def while_it_shrinks(
    shape: Float[Tensor, "p p"], decay: Number
) -> tuple[Sequence[float], Sequence[float]]:
    """NC1 and NC3 of the same at scatters of size 1, 0.1, … 1e-4."""
    found = [measured(shape, decay, 10.0**-k) for k in range(5)]
    return [one.nc1 for one in found], [one.self_duality for one in found]


def keeping_the_span(long: Number, tilt: Number = 0) -> Float[Tensor, "8 8"]:
    """A scatter whose axis ``long`` times the others' lies in the span of ``measured``'s means.

    Args:
        long: its length, the others' being 1.
        tilt: degrees by which it is turned towards a direction square to that span; from 0 to 90
            exclusive the span is not kept.
    """
    inside, outside = torch.linalg.svd(simplex_etf(4, 8, seed=0))[2][[0, -1]]
    angle = math.radians(tilt)
    axis = math.cos(angle) * inside + math.sin(angle) * outside
    return torch.eye(8, dtype=torch.float64) + (long - 1) * torch.outer(axis, axis)
