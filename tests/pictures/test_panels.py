"""Figures: what they say in words, their size, and that they leave the session alone."""

from __future__ import annotations

import io
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import nclib
from nclib import Trajectory, simplex_etf
from nclib.palette import INK, PETROFF, class_colors, ink_on
from nclib.pictures import panels
from nclib.pictures.plane import feature_plane, moving_plane, plane_with_curve, voronoi_borders


def trained(classes, **options):
    data = nclib.load_data("digits", classes=classes)
    network = nclib.build_network("mlp", data, width=16, **options)
    settings = {"epochs": 4, "learning_rate": 0.1, "weight_decay": 1e-2, "progress": False}
    return Trajectory.of(nclib.train(network, data, **settings))


@pytest.fixture(scope="module")
def plane():
    return trained([0, 1, 2], num_features=2, linear_features=True)


@pytest.fixture(scope="module")
def ten():
    return trained(None)


@pytest.fixture(scope="module")
def pictures(plane, ten):
    return {
        "panels of one run": panels.collapse_panels(ten),
        "panels of two runs": panels.collapse_panels({"a": ten, "b": plane}),
        "plane": feature_plane(plane),
        "planes": feature_plane(plane, 0, 2, 4),
        "plane and curve": plane_with_curve(plane)(plane),
        "cosines": panels.cosine_matrices(ten),
        "cosines at two epochs": panels.cosine_matrices(ten, [0, 4]),
    }


def test_every_figure_fits_and_is_described(pictures):
    for name, picture in pictures.items():
        image = Image.open(io.BytesIO(picture.png()))
        assert image.width <= 900, name
        assert len(image.convert("RGB").getcolors(2**24)) > 20, name
        data, metadata = picture._repr_mimebundle_()
        assert data["text/plain"] == metadata["image/png"]["alt"] == picture.alt
        assert len(picture.alt) > 60, name


def test_descriptions_hold_the_numbers(pictures, ten, plane):
    last = ten.metrics.iloc[-1]
    assert f"to {last.nc1:.2g}" in pictures["panels of one run"].alt
    assert f"NC1 {plane.metrics.nc1.iloc[-1]:.1e}" in pictures["plane"].alt
    assert "-1/(C-1) = -0.11" in pictures["cosines"].alt
    assert pictures["planes"].alt.count("at epoch") == 3


def test_a_reduced_profile_is_written_on_the_figure(plane, monkeypatch):
    texts = {}
    for profile in ("ci", "laptop"):
        monkeypatch.setenv("NCLIB_PROFILE", profile)
        texts[profile] = [text.get_text() for text in feature_plane(plane).texts]
    assert texts == {"ci": ["profile ci"], "laptop": []}


def test_the_sessions_defaults_stay(plane):
    before = dict(matplotlib.rcParams)
    feature_plane(plane).png()
    assert dict(matplotlib.rcParams) == before


def test_no_pyplot():
    code = "import nclib, sys; nclib.panels, nclib.plane; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_refused(plane, ten):
    with pytest.raises(ValueError, match=r"has 64 features; this picture draws 2"):
        feature_plane(ten)
    with pytest.raises(ValueError, match=r"epoch 77 was not measured; measured are \[0, 1"):
        feature_plane(plane, 77)


@pytest.mark.parametrize("count", [2, 10, 11, 100])
def test_colours_differ_and_labels_can_be_read_on_them(count):
    colors = class_colors(count)
    assert len(set(colors)) == count
    assert colors[: min(count, 10)] == list(PETROFF[:count]) or count > 10
    for color in colors:
        assert contrast(color, ink_on(color)) >= 3.5


def contrast(one, other):
    """Contrast ratio of two colours (WCAG 2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color):
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_ink():
    assert ink_on("#ffffff") == INK
    assert ink_on("#000000") == "#ffffff"


def test_a_kept_picture_is_the_picture_drawn_anew(plane):
    at = moving_plane(plane)
    for epoch in (4, 0, 2, 0):
        anew, again = feature_plane(plane, epoch), at(epoch)
        assert again.alt == anew.alt
        difference = np.asarray(again.image(), float) - np.asarray(anew.image(), float)
        # the first layout stays, and with it a pixel's width here and there
        assert np.abs(difference).mean() < 1.5
    assert at(4) is at(0)


def test_only_what_moves_is_drawn_again(plane):
    kept = plane_with_curve(plane)(plane)
    first = kept.png()
    for text in kept.axes[1].get_xticklabels():
        text.set_text("changed")
    assert kept.png() == first


@given(st.integers(2, 6), st.integers(0, 10_000))
def test_borders_are_equally_near_to_two_points_and_nearest_to_them(count, seed):
    points = np.random.default_rng(seed).normal(size=(count, 2))
    borders = voronoi_borders(points)
    assert len(borders) >= 1
    for segment in borders:
        for part in (0.001, 0.4, 0.999):
            place = segment[0] + part * (segment[1] - segment[0])
            distances = np.sort(np.linalg.norm(points - place, axis=1))
            assert distances[1] == pytest.approx(distances[0], abs=1e-9)


def test_borders_of_a_triangle_meet_in_its_middle():
    borders = voronoi_borders(simplex_etf(3, 2).numpy())
    assert len(borders) == 3
    for border in borders:
        assert np.linalg.norm(border, axis=1).min() == pytest.approx(0, abs=1e-9)
