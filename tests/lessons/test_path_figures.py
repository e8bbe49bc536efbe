"""Figures of the central path: what they hold, how fast they answer."""

from __future__ import annotations

import io
import time
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

import nclib
from nclib.formulas import central_path
from nclib.lessons.path import clocks
from nclib.lessons.path import pictures as path

LAW = {"num_classes": 4, "per_class": 5}


def width(picture):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return Image.open(io.BytesIO(picture.png())).width


def omegas(kind):
    start = torch.tensor([3.0, 1.0, 0.5], dtype=torch.float64)
    times = torch.tensor([0.0, 1.0, 10.0, 1000.0], dtype=torch.float64)
    return times, central_path.flow(start, times, kind=kind, **LAW)


@pytest.mark.parametrize("kind", path.KINDS)
def test_points_of_the_landscape_lie_on_their_lines(kind):
    landscape = path.landscape(per_class=5)
    picture = landscape(0, kind)
    assert width(picture) <= 900
    lines = [line.get_xydata() for line in picture.axes[0].lines if len(line.get_xdata()) == 121]
    dots = next(line for line in picture.axes[0].lines if line.get_marker() == "o")
    np.testing.assert_allclose(dots.get_xydata(), [line[0] for line in lines])
    assert landscape(1e4, kind) is picture
    for dot, line in zip(dots.get_xydata(), lines, strict=True):
        ahead = (line >= dot).all(axis=1)
        assert ahead.any()
        assert not ahead.all()
    assert "at time 10000 " in picture.alt
    assert kind in picture.alt


def test_spectrum_is_the_flow_and_its_limit():
    spectrum = path.spectrum()
    picture = spectrum(4, 5, 9.0, 100)
    assert width(picture) <= 900
    left, right = picture.axes
    modes = [line.get_ydata() for line in left.lines if len(line.get_xdata()) == 81]
    assert len(modes) == 2 * (3 + 1)
    start = torch.tensor([3.0, 1.0, 1 / 3], dtype=torch.float64)
    expected = central_path.flow(start, torch.as_tensor(path.TIMES), **LAW).numpy().T
    np.testing.assert_allclose(modes[:3], expected)
    apart = right.lines[0].get_ydata()
    np.testing.assert_allclose(apart, expected.max(0) / expected.min(0) - 1)
    assert "at time 100" in picture.alt
    spectrum(10, 5, 9.0, 100)
    assert sum(len(line.get_xdata()) == 81 for line in left.lines) == 2 * (9 + 1)
    spectrum(3, 5, 9.0, 100)
    assert sum(len(line.get_xdata()) == 81 for line in left.lines) == 2 * (2 + 1)


def test_sliders_answer_in_time():
    landscape, spectrum = path.landscape(), path.spectrum()
    points = [(moment, kind) for moment in (0, 1e6) for kind in path.KINDS]
    settings = [(count, 10, 4.0, 100) for count in (3, 5, 10)]
    for draw, places in ((landscape, points), (spectrum, settings)):
        draw(*places[0]).png()
        seconds = []
        for place in places:
            begin = time.process_time()
            draw(*place).png()
            seconds.append(time.process_time() - begin)
        assert np.median(seconds) < 0.15


@pytest.mark.parametrize("kind", path.KINDS)
def test_clocks_agree_on_their_own_flow_alone(kind):
    times, omega = omegas(kind)
    for other in path.KINDS:
        moved = clocks.increments(omega, kind=other, **LAW)
        assert moved.shape == (3, 3)
        gap = float((moved - 1).abs().max())
        assert (gap < 1e-8) if other == kind else (gap > 0.1)
    picture = path.shape_test(times, omega, **LAW, title="a flow")
    assert width(picture) <= 900
    ratios, *progress = picture.axes
    assert [line.get_ydata().tolist() for line in ratios.lines[:3]] == omega[1:].T.tolist()
    own = progress[path.KINDS.index(kind)]
    np.testing.assert_allclose([line.get_ydata() for line in own.lines[:3]], 1, rtol=1e-8)
    assert f"{kind} from 1 to 1" in picture.alt
    assert picture.alt.startswith("a flow: from 0.5-3 to ")


def test_errors_against_steps():
    errors = {"projected": {"projected": [0.2, 0.1], "rescaled": [0.5, 0.5]}}
    picture = path.step_errors(errors, [2.0, 1.0])
    assert width(picture) <= 900
    own, other, guide = picture.axes[0].lines
    assert own.get_ydata().tolist() == [0.2, 0.1]
    assert other.get_ydata().tolist() == [0.5, 0.5]
    assert guide.get_ydata().tolist() == [0.2, 0.1]
    assert "projected against the rescaled law 0.5 to 0.5" in picture.alt


@pytest.mark.parametrize("kind", path.KINDS)
def test_clocks_are_apart_off_their_flow(kind):
    _, omega = omegas(kind)
    for other in path.KINDS:
        apart = clocks.apart(omega, kind=other, **LAW)
        moved = clocks.increments(omega, kind=other, **LAW)
        assert apart.tolist() == [float(row.max() / row.min()) for row in moved]
        assert (apart[0] < 1 + 1e-8) == (other == kind)


SQUARED = [f"digits-{name}-mse-{seed}" for name in ("mlp", "convnet") for seed in range(3)]
SQUARED += ["mnist-vgg11-mse", "mnist-resnet18-mse", "mnist-densenet40-mse", "cifar10-vgg11-mse"]


def test_how_the_ratios_of_a_run_grow():
    run = nclib.load_run("digits-mlp-mse-0")
    table = clocks.growth_table({"mine": run, "again": run})
    assert table.index.tolist() == ["mine", "again"]
    row, (epochs, ratios, size) = table.loc["mine"], clocks.of_run(run)
    assert size == {"num_classes": 10, "per_class": run.settings["num_samples"] // 10}
    assert row["ω max/min, start"] == float(ratios[0].max() / ratios[0].min())
    assert row["ω max/min, end"] == float(ratios[-1].max() / ratios[-1].min())
    near = clocks.near_path(run)
    assert row["near from epoch"] == epochs[near[0]]
    for kind in path.KINDS:
        for column, rows in ((f"clocks apart, {kind}", ratios), (f"near: apart, {kind}", near)):
            chosen = rows if rows is ratios else ratios[rows]
            moved = clocks.increments(chosen, kind=kind, **size)[-1]
            assert row[column] == float(moved.max() / moved.min())
    late, time = epochs >= 10, clocks.rate_time(run)
    slope = np.polyfit(np.log(time[late]), ratios[late].log().mean(1), 1)[0]
    assert row["slope, epochs after 10"] == pytest.approx(slope)


def test_the_time_of_a_run_is_the_sum_of_its_rates():
    for name, (rate, thirds) in {
        "digits-mlp-mse-0": (0.5, None),
        "digits-convnet-mse-0": (0.1, (1, 0.1, 0.01)),
    }.items():
        run = nclib.load_run(name)
        epochs, time = run.settings["epochs"], clocks.rate_time(run)
        assert time[0] == 0
        # the mean of a warm-up over 5 % and a half cosine is one half; of steps, their mean
        mean = 0.5 if thirds is None else sum(thirds) / 3
        assert time[-1] == pytest.approx(rate * epochs * mean, rel=1e-3)
        assert (np.diff(time) <= rate * np.diff(run.epochs) * (1 + 1e-12)).all()
        assert (np.diff(time) > 0).all()
    third = run.epochs <= epochs // 3
    np.testing.assert_allclose(time[third], 0.1 * run.epochs[third])
    run.settings = run.settings | {"schedule": "<lambda>"}
    with pytest.raises(ValueError, match="the schedule is <lambda>; take a run with step_schedule"):
        clocks.rate_time(run)


def test_near_the_path_the_share_stays_small():
    for name in SQUARED:
        run = nclib.load_run(name)
        share = (run.metrics.mse_perpendicular / run.metrics.mse_total).to_numpy()
        for limit in (0.01, 0.05, 0.3, 2.0):
            near = clocks.near_path(run, limit)
            assert (share[near] < limit).all()
            assert near.tolist() == list(range(len(share) - len(near), len(share)))
            assert len(near) == len(share) or share[len(share) - len(near) - 1] >= limit


def test_no_recorded_run_follows_a_law_near_the_path():
    """Notebook 05, section 6, on every run: by time of rates, and from the path's nearness on."""
    table = clocks.growth_table({name: nclib.load_run(name) for name in SQUARED})
    assert table["slope, epochs after 10"].between(1, 3.5).all()
    never = table.index[table["near from epoch"].isna()]
    assert never.tolist() == ["cifar10-vgg11-mse"]
    near = table.drop(never)
    assert (near["near: apart, rescaled"] > 1.5).all()
    assert (near["near: apart, projected"] > near["near: apart, rescaled"]).all()


def test_clocks_and_slopes_would_show_a_flow():
    """The control: ratios that do move by the rescaled law pass the test that the runs fail."""
    run = nclib.load_run("digits-convnet-mse-0")
    _, ratios, size = clocks.of_run(run)
    law = size | {"kind": "rescaled"}
    time = torch.as_tensor(1e6 * clocks.rate_time(run))
    run._points["snr"] = list(central_path.flow(ratios[0], time, **law).numpy())
    row = clocks.growth_table({"flow": run}).loc["flow"]
    assert row["clocks apart, rescaled"] == pytest.approx(1, abs=1e-6)
    assert row["near: apart, rescaled"] == pytest.approx(1, abs=1e-6)
    assert row["slope, epochs after 10"] == pytest.approx(0.5, abs=0.02)


def test_a_run_against_the_sum_of_its_rates():
    run = nclib.load_run("digits-convnet-mse-0")
    picture, near, time = path.run_test(run), clocks.near_path(run), clocks.rate_time(run)
    assert width(picture) <= 900
    for axis in picture.axes:
        assert axis.get_xlabel() == "sum of learning rates"
        np.testing.assert_allclose(axis.lines[0].get_xdata(), time[1:])
        assert any(list(line.get_xdata()) == [time[near[0]]] * 2 for line in axis.lines)
    assert f"Near the central path from {time[near[0]]:.3g} to {time[-1]:.3g}." in picture.alt
    assert "Near" not in path.run_test(nclib.load_run("cifar10-vgg11-mse")).alt


def test_simulated_errors_fall_with_the_step_on_their_own_law():
    labels = torch.arange(3).repeat_interleave(6)
    normal = torch.randn(18, 4, generator=torch.Generator().manual_seed(0)).double()
    features = nclib.simplex_etf(3, 4)[labels] + normal
    errors = clocks.step_errors(features, labels, end=40, steps=[4.0, 2.0])
    assert list(errors) == list(path.KINDS)
    for kind, by_law in errors.items():
        (other,) = {*path.KINDS} - {kind}
        assert by_law[kind][0] / by_law[kind][1] == pytest.approx(2, rel=0.2)
        assert min(by_law[other]) > 5 * by_law[kind][0]
