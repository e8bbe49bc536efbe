"""Figures of the squared error's terms: what they hold, how fast they answer, what they refuse."""

from __future__ import annotations

import io
import time
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

import nclib
from nclib import ClassStatistics, Trajectory
from nclib.lessons.decomposition import pictures as mse
from nclib.lessons.decomposition import samples, sliders, trainings
from nclib.runs import presets


@pytest.fixture(scope="module")
def run():
    data = nclib.load_data("digits", classes=[0, 1, 2])
    settings = presets.quick("mlp", "squared_error") | {"epochs": 6, "batch_size": 32}
    network = nclib.build_network("mlp", data, width=12)
    return Trajectory.of(nclib.train(network, data, progress=False, **settings))


@pytest.fixture(scope="module")
def stats():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(3).repeat_interleave(10)
    noise = torch.randn(30, 4, generator=generator, dtype=torch.float64)
    return ClassStatistics.from_features(2 * nclib.simplex_etf(3, 4)[labels] + noise, labels)


def width(picture):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return Image.open(io.BytesIO(picture.png())).width


def polygons(axis):
    return [patch.get_xy()[:-1] for patch in axis.patches]


def test_areas_stack_up_to_the_loss(run):
    picture = mse.terms_over_time(6)(run, "as trained")
    assert width(picture) <= 900
    loss, share = picture.axes
    table, half = run.metrics, len(run)
    for area, term in zip(polygons(loss), sliders.TERMS, strict=True):
        low, high = area[:half, 1], area[half:, 1][::-1]
        np.testing.assert_allclose(high - low, table[f"mse_{term}"])
    np.testing.assert_allclose(loss.lines[0].get_ydata(), table.mse_total)
    np.testing.assert_allclose(share.lines[0].get_ydata(), 1)
    assert loss.get_ylim()[1] > table.mse_total.max()
    assert f"L from {table.mse_total.iloc[0]:.2g}" in picture.alt
    assert "as trained" in picture.alt


def test_the_picture_follows_a_run_that_goes_on(run):
    live, table = mse.terms_over_time(6), run.metrics
    picture = live(mse.terms_of({}))
    assert width(picture) <= 900
    assert picture.alt.startswith("Two empty panels")
    first = live(table[:1]).png()
    assert live(table[:3]) is picture
    assert picture.png() != first
    assert len(picture.axes[0].lines[0].get_xdata()) == 3


def test_decompositions_become_the_table_of_a_trajectory(stats):
    weight, bias = nclib.least_squares_classifier(stats)
    one = nclib.decompose_mse(stats, 2 * weight, bias)
    table = mse.terms_of({0: one, 3: one})
    assert table.epoch.tolist() == [0, 3]
    assert table.mse_perpendicular.tolist() == [one.perpendicular] * 2
    assert mse.shares(table)[0] == one.perpendicular / one.total


def test_terms_of_a_network_are_those_that_training_measures():
    data = nclib.load_data("digits", classes=[0, 1, 2])
    network = nclib.build_network("mlp", data, width=12)
    settings = presets.quick("mlp", "squared_error") | {"epochs": 0, "progress": False}
    untrained = next(iter(nclib.train(network, data, **settings))).decomposition
    decay = 3 * settings["weight_decay"] / 2
    found = samples.terms_of(network, data.train, decay)
    for name, value in untrained.as_dict().items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-5)


def test_clouds_scatter_where_the_notebook_says():
    features, labels = samples.clouds([50, 60, 70, 80], seed=1)
    assert labels.bincount().tolist() == [50, 60, 70, 80]
    stats = ClassStatistics.from_features(features, labels)
    assert stats.class_means[:, 3:].abs().max() < 0.4
    assert (stats.within_covariance.diagonal()[:5] > 0.15).all()
    assert features[:, 5].abs().max() == 0


def test_only_the_third_term_pays_for_a_classifier_that_is_moved(stats):
    direction = torch.zeros(3, 5, dtype=torch.float64)
    direction[0, 0] = 1
    moved = sliders.away_from_best(stats, {"one": direction, "bias": direction.roll(-1, 1)})
    picture = moved("one", 0.5)
    assert width(picture) <= 900
    nc1, nc23, perpendicular = polygons(picture.axes[0])
    assert np.ptp(nc1[41:, 1]) < 1e-12
    assert np.ptp(nc23[41:, 1]) < 1e-12
    heights = perpendicular[41:, 1][::-1] - perpendicular[:41, 1]
    steps = np.linspace(-1, 1, 41)
    np.testing.assert_allclose(heights, heights[0] * steps**2, atol=1e-12)
    assert "at distance +0.5" in picture.alt
    assert moved("bias", -1.0) is picture
    assert picture.axes[0].get_ylim()[1] > heights[0]


def test_noise_and_shape():
    classes = sliders.Triangle(per_class=20)
    picture = sliders.noise_and_shape(classes)(0.2, 0.5, 1e-3)
    assert width(picture) <= 900
    plane, curve = picture.axes
    clouds = [line for line in plane.lines if len(line.get_xdata()) == 20]
    dots = np.concatenate([np.column_stack(line.get_data()) for line in clouds])
    means = dots.reshape(3, 20, 2).mean(1)
    expected = nclib.simplex_etf(3, 2).numpy() * [1, 0.5]
    np.testing.assert_allclose(means, expected, atol=1e-12)
    residuals = (dots.reshape(3, 20, 2) - means[:, None]).reshape(-1, 2)
    np.testing.assert_allclose(residuals.T @ residuals / 60, 0.04 * np.eye(2), atol=1e-12)
    now = classes.terms(0.2, 0.5, 1e-3)
    assert now.perpendicular < 1e-15
    points = [line.get_ydata() for line in curve.lines if len(line.get_xdata()) == 1]
    assert [float(y[0]) for y in points] == [now.nc1, now.nc23]
    assert f"NC1 {now.nc1:.2g}, NC2/3 {now.nc23:.2g}" in picture.alt


def test_sliders_answer_in_time(stats):
    felt = sliders.noise_and_shape(sliders.Triangle())
    moved = sliders.away_from_best(stats, {"all": torch.ones(3, 5, dtype=torch.float64)})
    shapes = [(noise, squeeze, 0.0) for noise in (0.1, 1.0) for squeeze in (0.0, 0.5, 1.0)]
    distances = [("all", distance) for distance in (-1.0, 0.0, 0.5)]
    for draw, places in ((felt, shapes), (moved, distances)):
        draw(*places[0]).png()
        seconds = []
        for place in places:
            start = time.process_time()
            draw(*place).png()
            seconds.append(time.process_time() - start)
        assert np.median(seconds) < 0.15


def test_shares_of_runs(run):
    table = mse.share_table({"mine": run})
    share = 100 * (run.metrics.mse_perpendicular / run.metrics.mse_total)
    assert table.loc["mine", "start"] == share.iloc[0]
    assert table.loc["mine", "largest"] == share.max()
    assert table.loc["mine", "end"] == share.iloc[-1]
    assert np.isnan(table.loc["mine", "at 99.9 % right"]) == (run.terminal_epoch is None)
    assert table.loc["mine", "NC1 at the end"] == run.metrics.nc1.iloc[-1]
    assert f"{share.max():.1f} %" in mse.in_percent(table).to_html()


def test_shares_as_a_picture(run):
    picture = mse.perpendicular_shares([run, run])
    assert width(picture) <= 900
    lines = [line for line in picture.axes[0].lines if len(line.get_xdata()) == len(run)]
    np.testing.assert_allclose(lines[0].get_ydata(), mse.shares(run))
    names = [text.get_text() for text in picture.legends[0].get_texts()]
    assert names == ["digits · mlp"]
    assert picture.alt.count("at most") == 2
    with pytest.raises(ValueError, match="there are no runs"):
        mse.perpendicular_shares([])


def test_shares_by_name():
    run = nclib.load_run("digits-mlp-mse-0")
    runs = {"one": run, "none": mse.terms_of({}), "cut": run.metrics[:5]}
    picture = mse.shares_by_name(runs)
    assert width(picture) <= 900
    lines = {line.get_label(): line for line in picture.axes[0].lines}
    np.testing.assert_allclose(lines["one"].get_ydata(), mse.shares(run))
    assert lines["cut"].get_xdata().tolist() == (run.epochs[:5] + 1).tolist()
    assert "none" not in lines
    assert "one: 0.38 at epoch 0" in picture.alt
    with pytest.raises(ValueError, match="there are no runs"):
        mse.shares_by_name({"none": mse.terms_of({})})


def test_shares_since_an_epoch():
    run = nclib.load_run("digits-mlp-mse-0")
    late = mse.shares(run, 10)
    assert late.tolist() == mse.shares(run)[run.epochs >= 10].tolist()
    assert 0 < len(late) < len(run)


@pytest.mark.parametrize("decay", [0.0, 0.05])
@pytest.mark.parametrize("counts", [[12, 12, 12, 12], [4, 30, 9, 17]])
def test_no_other_length_or_bias_of_a_row_is_better(counts, decay):
    stats = ClassStatistics.from_features(*samples.clouds(counts, seed=3))
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 6, generator=generator, dtype=torch.float64)
    best, bias = samples.best_lengths_and_biases(stats, weight, weight_decay=decay)
    cosines = torch.nn.functional.cosine_similarity(best, weight).abs()
    np.testing.assert_allclose(cosines, 1)
    lengths = torch.ones(4, 1, dtype=torch.float64)
    shift = torch.zeros(4, dtype=torch.float64)
    features, labels = samples.clouds(counts, seed=3)

    def loss(lengths, shift):
        rows, off = lengths * best, bias + shift
        misses = features @ rows.T + off - torch.eye(4)[labels]
        decayed = rows.square().sum() + off.square().sum()
        return misses.square().sum(1).mean() / 2 + decay / 2 * decayed

    for slope in torch.func.grad(loss, argnums=(0, 1))(lengths, shift):
        assert slope.abs().max() < 1e-12
    found = nclib.decompose_mse(stats, best, bias, weight_decay=decay)
    assert found.total == pytest.approx(float(loss(lengths, shift)), rel=1e-12)


def test_the_least_squares_classifier_is_not_refitted(stats):
    for decay in (0.0, 0.02):
        weight, bias = nclib.least_squares_classifier(stats, weight_decay=decay)
        again = samples.best_lengths_and_biases(stats, 3 * weight, weight_decay=decay)
        np.testing.assert_allclose(again[0], weight, atol=1e-12)
        np.testing.assert_allclose(again[1], bias, atol=1e-12)


@pytest.mark.parametrize("seed", [1])
def test_cross_entropys_rows_point_elsewhere(seed):
    """Notebook 04, section 5, and its control: squared error's classifier needs no refitting."""
    digits = nclib.load_data("digits")
    table = trainings.refit_table(digits, seed=seed)
    as_it_is, refitted = (table[column].tolist() for column in table)
    assert min(as_it_is) > 0.99
    assert 0.15 < refitted[0] < 0.4
    assert refitted[1] > 0.8
    network = nclib.build_network("mlp", digits, seed=seed)
    settings = presets.quick("mlp", "squared_error") | {"progress": False, "measure_at": []}
    for _ in nclib.train(network, digits, seed=seed, **settings):
        pass
    decay = 10 * settings["weight_decay"] / 2
    one = samples.terms_of(network, digits.train, decay, refitted=True)
    assert one.perpendicular / one.total < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_what_the_falling_rate_does_and_does_not(seed):
    """Notebook 04, section 4, with another seed: two rates that stay beside the one that falls."""
    digits = nclib.load_data("digits")
    settings = presets.quick("mlp", "squared_error") | {"progress": False}
    runs = trainings.at_constant_rates(digits, [0.5, 0.05], seed=seed, **settings)
    assert list(runs) == ["stays at 0.5", "stays at 0.05"]
    high, low = runs.values()
    network = nclib.build_network("mlp", digits, seed=seed)
    falls = Trajectory.of(nclib.train(network, digits, seed=seed, **settings))
    assert mse.shares(falls, 10).max() > 0.5
    assert mse.shares(falls)[-1] < 0.03
    assert mse.shares(high, 10).max() > 0.6
    assert mse.shares(low, 10).max() < 0.2
    for table in (high, low):
        assert 0.06 < mse.shares(table, 60).mean() < 0.25


def test_terms_are_watched_and_an_interrupt_keeps_them(monkeypatch, capsys):
    data = nclib.load_data("digits", classes=[0, 1, 2])
    settings = presets.quick("mlp", "squared_error") | {"epochs": 4, "progress": False, "seed": 0}
    decays = {"as trained": 3 * settings["weight_decay"] / 2, "none": 0.0}
    network = nclib.build_network("mlp", data, width=12, seed=0)
    tables = trainings.watch_terms(network, data, decays, **settings)
    assert list(tables) == list(decays)
    twin = nclib.build_network("mlp", data, width=12, seed=0)
    run = Trajectory.of(nclib.train(twin, data, **settings))
    np.testing.assert_allclose(mse.shares(tables["as trained"]), mse.shares(run), rtol=1e-4)
    assert tables["none"].epoch.tolist() == run.epochs.tolist()

    def cut(*args, **kwargs):
        yield from list(nclib.train(*args, **kwargs))[:2]
        raise KeyboardInterrupt

    monkeypatch.setattr(trainings, "train", cut)
    tables = trainings.watch_terms(network, data, decays, **settings)
    assert tables["none"].epoch.tolist() == [0, 1]
    assert "stopped after 2 measured epochs" in capsys.readouterr().out
