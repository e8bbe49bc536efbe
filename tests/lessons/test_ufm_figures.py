"""Pictures and recorded descents of free features: what they show is what was fitted."""

from __future__ import annotations

import functools
import io
import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import nclib
from nclib import ClassStatistics, Trajectory, simplex_etf
from nclib.formulas import descent, losses
from nclib.formulas.collapse import collapse_metrics
from nclib.formulas.synthetic import simplex_with_scatter
from nclib.formulas.ufm import UFM, minimum_of
from nclib.lessons.claims import claim_collapsed
from nclib.lessons.unconstrained import decay, fits, margin, sliders
from nclib.lessons.unconstrained import pictures as free
from nclib.runs.free_features import descend

ROOT = Path(__file__).parents[2]
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


@pytest.mark.parametrize("rank", range(4))
def test_where_directions_are_left_out_there_is_a_way_down_to_the_minimum(rank):
    slope, curvature = fits.slope_and_curvature(rank)
    assert slope < 1e-12
    assert (curvature < -0.05) == (rank < 3)
    model = fits.at_critical_point(rank)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.data.add_(1e-4 * noise)
    assert descent.minimise(model) == pytest.approx(minimum_of(model).loss, abs=1e-9)


def test_scatter_shrinks_step_by_step():
    shape = torch.eye(8, dtype=torch.float64)
    nc1, nc3 = fits.while_it_shrinks(shape, 0)
    assert [b / a for a, b in itertools.pairwise(nc1)] == pytest.approx([1e-2] * 4)
    assert max(nc3) < 1e-20  # round scatter: self-dual at every size
    assert nc1[1] == fits.measured(shape, 0, 0.1).nc1
    nc3 = fits.while_it_shrinks(fits.some_shape(0), 0)[1]
    assert min(nc3) > 0.1


def test_scatter_need_not_be_round_but_keep_the_span_of_the_means():
    """At λ = 0 the classifier becomes self-dual if Σ_W maps span(Ṁ) into itself, and only then."""
    long = fits.keeping_the_span(22)
    assert torch.linalg.cond(long.T @ long) == pytest.approx(484)
    ends = {}
    for tilt in (0, 5, 45, 85, 90):
        shape = fits.keeping_the_span(22, tilt)
        ends[tilt] = fits.measured(shape, 0, 1e-6).self_duality
        assert fits.measured(shape, 1e-2, 1e-6).self_duality < 1e-9  # a decay helps at any tilt
    assert max(ends[0], ends[90]) < 1e-9
    assert min(ends[tilt] for tilt in (5, 45, 85)) > 1e-3


# without decay


@pytest.mark.parametrize("seed", range(2))
def test_without_decay_the_end_remembers_the_start(seed):
    """Squared error stops at zero loss, uncollapsed; from a small start it collapses."""
    end = fits.fate("squared_error", 1, steps=400, seed=seed)
    assert end.loss < 1e-12
    with pytest.raises(AssertionError, match="does not hold"):
        claim_collapsed("from a start of 1", end)
    claim_collapsed("from a small start", fits.fate("squared_error", 0.05, steps=400, seed=seed))


def test_cross_entropy_without_decay_may_be_far_from_collapse_when_its_loss_is_nearly_gone():
    end = fits.fate("cross_entropy", 1, steps=400)
    assert end.loss < 1e-3
    assert end.nc1 > 0.5


# notebook 03's network


@pytest.fixture(scope="module")
def three():
    return nclib.load_data("digits", classes=[0, 1, 2])


@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_the_largest_decay_is_the_pull_at_zero(num_classes):
    labels = torch.arange(num_classes).repeat_interleave(4)
    for loss, wanted in (
        ("squared_error", 2 / num_classes**1.5),
        ("cross_entropy", num_classes**-0.5),
    ):
        logits = torch.full((len(labels), num_classes), 1 / num_classes, dtype=torch.float64)
        logits.requires_grad_()
        losses.LOSSES[loss](logits, labels).backward()
        pull = len(labels) ** 0.5 * torch.linalg.matrix_norm(logits.grad, 2)
        assert decay.largest_decay(loss, num_classes) == pytest.approx(wanted)
        assert float(pull) == pytest.approx(wanted)


def test_layers_below_are_held_and_the_head_starts_afresh(three):
    first = decay.train_in_plane(three, 2e-2, epochs=2)
    held = decay.train_in_plane(three, 0.1, epochs=1, held=first.network, seed=1)
    for a, b in zip(first.network.features[:-1].parameters(),
                    held.network.features[:-1].parameters(), strict=True):  # fmt: skip
        assert torch.equal(a, b)
    assert not torch.equal(first.network.classifier.weight, held.network.classifier.weight)
    assert held.sizes[0] >= held.sizes[1]
    table = decay.above_the_line({0.1: held, 0.5: held})
    assert table.larger[0.1] == pytest.approx(float(held.sizes[0]) - 1 + 0.1 * 3**1.5 / 2)
    assert table.smaller[0.5] == pytest.approx(float(held.sizes[1]))
    picture = decay.sizes_and_balance({0.02: first}, {0.1: held})
    shown(picture)
    assert f"λ = 0.02: {first.sizes[0]:.2f} and {first.sizes[1]:.2f}" in picture.alt
    assert "0.385" in picture.alt


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:all class means coincide")
@pytest.mark.parametrize("seed", [1])
def test_classes_merge_one_by_one_unless_the_layers_below_are_held(three, seed):
    run = functools.partial(decay.train_in_plane, three, epochs=100, seed=seed)
    whole = {wd: run(wd) for wd in (0, 0.02, 0.1, 0.25, 0.3)}
    assert float(decay.above_the_line(whole)[:0.1].abs().max().max()) < 0.06
    assert float(whole[0.3].sizes.max()) < 1e-3
    assert whole[0.02].off_balance < 0.05 < 1 < whole[0].off_balance
    assert whole[0.25].sizes[0] > 0.2
    assert whole[0.25].sizes[1] < 1e-3
    assert int(whole[0.25].apart.argmin()) == int(decay.distances_of_images(three).argmin()) == 2
    for wd in (0.25, 0.3, 0.35):
        held = run(wd, held=whole[0.02].network)
        assert float(held.sizes.min()) > 0.02
        assert float(decay.above_the_line({wd: held}).abs().max().max()) < 0.07


def test_the_texts_name_two_papers_and_claim_no_collapse_in_time():
    guide = (ROOT / "TEACHING.md").read_text(encoding="utf-8").split("\n### 06: ")[1]
    page = (ROOT / "notebooks" / "06_unconstrained_features.py").read_text(encoding="utf-8")
    for text in (guide.split("\n### ")[0], page):
        assert not re.search(r"Zhou et al\. 2022\b(?![ab])", text)
        assert not re.search(r"collapse \*soon\*|only slower|scatter is round", text)


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
