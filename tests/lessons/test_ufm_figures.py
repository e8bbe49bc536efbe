"""Pictures and recorded descents of free features: what they show is what was fitted."""

from __future__ import annotations

import io
import itertools
import math

import numpy as np
import pytest
import torch
from PIL import Image

from nclib import ClassStatistics, Trajectory, simplex_etf
from nclib.formulas import descent, losses
from nclib.formulas.collapse import collapse_metrics
from nclib.formulas.synthetic import simplex_with_scatter
from nclib.formulas.ufm import UFM, minimum_of
from nclib.lessons.unconstrained import fits, margin, sliders
from nclib.lessons.unconstrained import pictures as free
from nclib.runs.free_features import descend

DECAYS = {"weight_decay": 0.05, "feature_decay": 0.04}


def fitted(loss="squared_error", num_classes=3, per_class=2, num_features=3, **options):
    options = DECAYS | {"bias_decay": 0.0} | options
    model = UFM(num_classes, per_class, num_features, loss=loss, **options)
    descent.minimise(model, tolerance=1e-8)
    return model


def both(**options):
    return [fitted(loss, **options) for loss in ("cross_entropy", "squared_error")]


def texts(picture):
    return [text.get_text() for axis in picture.axes for text in axis.texts] + [
        axis.get_title(loc="left") for axis in picture.axes
    ]


def shown(picture):
    image = Image.open(io.BytesIO(picture.png()))
    assert image.width <= 900
    return np.asarray(image)


# closed forms of a model


@pytest.mark.parametrize("loss", losses.UFM_LOSSES)
@pytest.mark.parametrize("bias_decay", [None, 0.0, 0.3])
def test_the_minimum_of_a_model_is_where_a_fit_ends(loss, bias_decay):
    model = fitted(loss, bias_decay=bias_decay)
    assert model.objective().item() == pytest.approx(minimum_of(model).loss, rel=0, abs=1e-8)


def test_the_minimum_of_a_model_with_too_few_features():
    model = fitted(num_classes=5, num_features=2)
    assert model.objective().item() == pytest.approx(minimum_of(model).loss, rel=0, abs=1e-8)
    for loss in set(losses.UFM_LOSSES) - {"squared_error"}:
        with pytest.raises(ValueError, match=f"num_features is 2; the minimum for {loss} is known"):
            minimum_of(UFM(5, 2, 2, loss=loss, **DECAYS))
    with pytest.raises(ValueError, match="weight_decay is 0"):
        minimum_of(UFM(5, 2, 5, loss="focal", weight_decay=0, feature_decay=1))


# descents as runs


def test_a_descent_is_a_run_that_can_be_played():
    model = UFM(4, 6, 3, loss="cross_entropy", **DECAYS)
    start = model.features.detach().clone()
    run = Trajectory.of(descend(model, steps=200, learning_rate=1, num_records=12))
    assert run.epochs[0] == 0
    assert run.epochs[-1] == 200
    assert 8 <= len(run) <= 13
    assert run.title == "free features · 4 classes of 6 · cross-entropy"
    stats = ClassStatistics.from_features(start, model.labels)
    assert run.metrics.nc1.iloc[0] == pytest.approx(
        collapse_metrics(stats, model.weight.detach(), torch.zeros(4)).nc1
    )
    assert run.metrics.loss.iloc[-1] < run.metrics.loss.iloc[0]
    spread = np.linalg.norm(run.coordinates().features[-1], axis=1)
    expected = model.features.detach().norm(dim=1)
    assert np.allclose(spread, expected, rtol=1e-5)  # three features: nothing is left out
    assert "free features" in run.player().to_html()


def test_a_descent_is_gradient_descent():
    ours, plain = (UFM(3, 4, 3, loss="squared_error", bias_decay=0.0, **DECAYS) for _ in range(2))
    list(descend(ours, steps=30, learning_rate=0.5, momentum=0.5))
    list(descent.gradient_descent(plain, steps=30, learning_rate=0.5, momentum=0.5))
    assert torch.equal(ours.features, plain.features)
    with pytest.raises(ValueError, match="steps is 0"):
        list(descend(ours, steps=0, learning_rate=1))
    with pytest.raises(ValueError, match="lower learning_rate, now 1000"):
        list(descend(ours, steps=50, learning_rate=1000, num_records=2))


@pytest.mark.parametrize("size", [0, 1e-3, 2.0])
def test_a_simplex_with_scatter_has_the_scatter_asked_for(size):
    shape = torch.randn(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    features, labels = simplex_with_scatter(4, 9, size=size, shape=shape, seed=3)
    stats = ClassStatistics.from_features(features, labels)
    assert torch.allclose(stats.class_means, simplex_etf(4, 6, seed=3), atol=1e-12)
    wanted = size**2 * shape.T @ shape
    assert torch.allclose(stats.within_covariance, wanted, rtol=1e-9, atol=1e-12 * size)
    with pytest.raises(ValueError, match="per_class is 2: 4 classes of it scatter in fewer than 6"):
        simplex_with_scatter(4, 2, size=size, shape=shape)
    with pytest.raises(ValueError, match="dim is 2"):
        simplex_with_scatter(4, 9, size=size, shape=shape[:2, :2])


def test_a_nudged_descent_begins_where_the_model_stands_and_leaves_a_saddle():
    model = UFM(3, 2, 4, loss="squared_error", **DECAYS, init=0)
    at_zero = model.objective().item()
    steps, values = fits.nudged_descent(model)
    assert (steps[0], steps[1], steps[-1]) == (0, 3, 300)
    assert values[0] == pytest.approx(at_zero, abs=1e-6)
    assert values[-1] == pytest.approx(minimum_of(model).loss, abs=1e-6)


def test_scatter_shrinks_step_by_step():
    shape = torch.eye(8, dtype=torch.float64)
    nc1, nc3 = fits.while_it_shrinks(shape, 0)
    assert [b / a for a, b in itertools.pairwise(nc1)] == pytest.approx([1e-2] * 4)
    assert max(nc3) < 1e-20  # round scatter: self-dual at every size
    assert nc1[1] == fits.measured(shape, 0, 0.1).nc1


# pictures


def test_ends_are_where_the_models_are():
    models = [fitted(num_classes=4, num_features=p) for p in (2, 4)]
    models += both(weight_decay=0.9, feature_decay=0.9)
    table = free.ends(models)
    assert table.loss.tolist() == ["squared_error"] * 2 + ["cross_entropy", "squared_error"]
    assert table.classes.tolist() == [4, 4, 3, 3]
    assert table.features.tolist() == [2, 4, 3, 3]
    assert table.directions.tolist() == [2, 3, 0, 0]
    assert table.theta.tolist() == pytest.approx([math.sqrt(0.004)] * 2 + [math.sqrt(1.62)] * 2)
    for row, model in zip(table.itertuples(), models, strict=True):
        cosines = free.pairs_of(model)
        assert (row.lowest, row.highest) == (float(cosines.min()), float(cosines.max()))
        assert row.objective == model.objective().item()
        assert (row.least, row.scale) == (minimum_of(model).loss, minimum_of(model).scale)
        assert row.gap == row.objective - row.least
    assert table.highest[1] == pytest.approx(-1 / 3, abs=1e-3)


@pytest.mark.parametrize("num_classes", [3, 5])
def test_threshold_says_what_was_measured(num_classes):
    picture = sliders.threshold_picture()
    below = both(num_classes=num_classes, num_features=num_classes)
    first = shown(picture(*below))
    said = " ".join(texts(picture(*below)))
    for model in below:
        value = f"{model.objective().item():.9f}"
        assert said.count(f"measured {value}") == 1
        assert f"closed form {minimum_of(model).loss:.9f}" in picture(*below).alt
    size = {"num_classes": num_classes, "num_features": num_classes}
    above = both(**size, weight_decay=0.9, feature_decay=0.9)
    assert "0 directions of size s = 0.00" in picture(*above).alt
    assert not np.array_equal(first, shown(picture(*above)))
    assert np.array_equal(first, shown(picture(*below)))


def test_threshold_draws_the_objective_against_c_theta():
    models = both(num_classes=4, num_features=4)
    line, modes = sliders.threshold_picture()(*models).axes
    dots = [dot for dot in line.lines if len(dot.get_xdata()) == 1]
    zero = {"cross_entropy": math.log(4), "squared_error": 3 / 8}
    for dot, model in zip(dots, models, strict=True):
        assert dot.get_xdata()[0] == pytest.approx(4 * math.sqrt(0.05 * 0.04 * 2))
        wanted = model.objective().item() / zero[model.loss]
        assert dot.get_ydata()[0] == pytest.approx(wanted, abs=1e-12)
    best = minimum_of(models[1])
    values = [np.sort(line.get_ydata()) for line in modes.lines if len(line.get_xdata()) == 4]
    assert values[1] == pytest.approx([0, *[best.scale] * 3], abs=1e-4)


def test_room_shows_cosines_and_the_cost_of_each_dimension():
    picture = sliders.room_picture()
    for num_features in (2, 3, 5):
        model = fitted(num_classes=4, num_features=num_features)
        found = picture(model)
        assert f"measured {model.objective().item():.9f}" in found.alt
        curve = next(line for line in found.axes[1].lines if len(line.get_xdata()) == 7)
        assert curve.get_ydata()[num_features - 1] == pytest.approx(model.objective().item())
        shown(found)
        cosines = free.pairs_of(model)
        assert (float((cosines + 1 / 3).abs().max()) < 1e-3) == (num_features >= 3)
    assert np.all(np.diff(curve.get_ydata())[:2] < 0)
    assert np.diff(curve.get_ydata())[2:] == pytest.approx(0)


def test_umbrella_stands_on_its_curve():
    picture = sliders.umbrella_picture(**DECAYS, per_class=2)
    for bias_decay in (0.01, 0.5, 10.0):
        model = fitted(bias_decay=bias_decay)
        found = picture(model)
        shown(found)
        dot = next(line for line in found.axes[1].lines if len(line.get_xdata()) == 1)
        curve = next(line for line in found.axes[1].lines if len(line.get_xdata()) == 300)
        wanted = np.interp(bias_decay, curve.get_xdata(), curve.get_ydata())
        assert dot.get_ydata()[0] == pytest.approx(wanted, abs=2e-3)
        assert f"measured {dot.get_ydata()[0]:.4f}" in found.alt
        balls = found.axes[0].collections[-1].get_offsets()
        assert np.linalg.norm(balls, axis=1).max() <= 1.1
    assert dot.get_ydata()[0] > -0.01


def test_static_figures_say_their_numbers():
    before = {"squared": [UFM(4, 1, 4, loss="squared_error", **DECAYS)]}
    after = {"squared": [fitted(num_classes=4, num_features=4)]}
    picture = free.losses_and_cosines(before, after)
    shown(picture)
    assert "squared: -0.3333 to -0.3333" in picture.alt
    curves = {"round": ([1, 0.1], [1e-3, 1e-30]), "other": ([1, 0.1], [0.5, 0.4])}
    picture = free.scatter_and_duality(curves)
    shown(picture)
    assert "round: NC3 ends at 1.0e-30; other: NC3 ends at 4.0e-01" in picture.alt
    assert picture.axes[0].lines[0].get_ydata()[-1] == 1e-12
    picture = free.saddles([([0, 5], [0.4, 0.2]), ([0, 5], [0.2, 0.2])], [-0.1, -1e-17], 0.2)
    shown(picture)
    assert "0.400 to 0.200 (-0.100), 0.200 to 0.200 (0.000)" in picture.alt
    simplex, labels = simplex_etf(3, 2), torch.arange(3)
    start = torch.randn(3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    walk = {"steps": 200, "learning_rate": 0.1}
    paths = {
        name: margin.descend_without_decay(
            start, simplex, labels, **walk, normalised=name == "fast"
        )
        for name in ("slow", "fast")
    }
    picture = free.margins(paths, simplex)
    shown(picture)
    assert f"slow: {float(paths['slow'].gaps(simplex)[-1]):.4f} at step 200" in picture.alt
