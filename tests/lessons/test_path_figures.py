"""Figures of the central path: what they hold, how fast they answer."""

from __future__ import annotations

import io
import time
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from nclib.formulas import central_path
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
    landscape = path.Landscape(per_class=5)
    picture = landscape.at(0, kind)
    assert width(picture) <= 900
    lines = [line.get_xydata() for line in picture.axes[0].lines if len(line.get_xdata()) == 121]
    dots = next(line for line in picture.axes[0].lines if line.get_marker() == "o")
    np.testing.assert_allclose(dots.get_xydata(), [line[0] for line in lines])
    assert landscape.at(1e4, kind) is picture
    for dot, line in zip(dots.get_xydata(), lines, strict=True):
        ahead = (line >= dot).all(axis=1)
        assert ahead.any()
        assert not ahead.all()
    assert "at time 10000 " in picture.alt
    assert kind in picture.alt


def test_spectrum_is_the_flow_and_its_limit():
    spectrum = path.Spectrum()
    picture = spectrum.at(4, 5, 9.0, 100)
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
    spectrum.at(10, 5, 9.0, 100)
    assert sum(len(line.get_xdata()) == 81 for line in left.lines) == 2 * (9 + 1)
    spectrum.at(3, 5, 9.0, 100)
    assert sum(len(line.get_xdata()) == 81 for line in left.lines) == 2 * (2 + 1)


def test_sliders_answer_in_time():
    landscape, spectrum = path.Landscape(), path.Spectrum()
    points = [(moment, kind) for moment in (0, 1e6) for kind in path.KINDS]
    settings = [(count, 10, 4.0, 100) for count in (3, 5, 10)]
    for draw, places in ((landscape.at, points), (spectrum.at, settings)):
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
        clocks = path.increments(omega, kind=other, **LAW)
        assert clocks.shape == (3, 3)
        gap = float((clocks - 1).abs().max())
        assert (gap < 1e-8) if other == kind else (gap > 0.1)
    picture = path.shape_test(times, omega, **LAW, title="a flow")
    assert width(picture) <= 900
    ratios, *clocks = picture.axes
    assert [line.get_ydata().tolist() for line in ratios.lines[:3]] == omega[1:].T.tolist()
    own = clocks[path.KINDS.index(kind)]
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
