"""The scene on paper: its frame, its views, its moving picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import collapsing_run
from PIL import Image

from nclib import Trajectory
from nclib.pictures.gif import save_gif
from nclib.pictures.scene import Geometry, moving_scene, ring_frame, seen_from, view_of


@given(st.integers(2, 24))
def test_the_ring_is_a_simplex_etf(num_classes):
    frame = ring_frame(num_classes)
    expected = (num_classes * np.eye(num_classes) - 1) / (num_classes - 1)
    np.testing.assert_allclose(frame @ frame.T, expected, atol=1e-12)


@given(st.integers(3, 12), st.integers(0, 4), st.integers(0, 1000))
def test_collapsed_means_stand_on_the_vertices_however_they_are_turned(num_classes, extra, seed):
    rng = np.random.default_rng(seed)
    size = num_classes - 1 + extra
    rotation = np.linalg.qr(rng.normal(size=(size, size)))[0]
    means = 3.5 * np.pad(ring_frame(num_classes), ((0, 0), (0, extra))) @ rotation + rng.normal()
    view = view_of(means, size)
    moment = Geometry(np.arange(num_classes), means, means, means - means.mean(0))
    seen = seen_from(view, moment)
    vertices = np.pad(view.vertices, ((0, 0), (0, 3 - view.vertices.shape[1])))
    for points in seen[1:]:
        np.testing.assert_allclose(points, vertices, atol=1e-7)


@pytest.mark.parametrize("num_classes", [3, 4])
def test_few_classes_are_shown_whole(num_classes):
    rng = np.random.default_rng(0)
    means = rng.normal(size=(num_classes, 6))
    moment = Geometry(np.arange(num_classes), means, means, means)
    view = view_of(means, 6)
    seen = seen_from(view, moment).class_means
    centred = means - means.mean(0)
    centred *= num_classes**0.5 / np.linalg.norm(centred)
    np.testing.assert_allclose(seen @ seen.T, centred @ centred.T, atol=1e-9)  # no distance is lost
    assert view.caption.startswith("exact")


@pytest.mark.parametrize(
    ("num_classes", "num_features"), [(10, 2), (10, 5), (3, 1), (2, 1), (2, 8)]
)
def test_views_without_room_or_need(num_classes, num_features):
    run = collapsing_run(num_classes, num_features, per_class=5, num_epochs=3)
    points = run.coordinates()
    view = view_of(points.class_means[-1], run.num_features)
    assert (view.vertices is None) == (num_features < num_classes - 1)
    moment = Geometry(run.labels, points.features[-1], points.class_means[-1], points.weight[-1])
    shown = moving_scene(run.class_names, 100)(moment, view, run.metrics)
    assert len(shown.image().getcolors(2**24)) > 50
    assert "train accuracy" in shown.alt


def test_points_at_zero_are_drawn():
    names = ["a", "b", "c"]
    with pytest.warns(UserWarning, match="all class means coincide"):
        run = collapsing_run(3, 4, per_class=5, num_epochs=2, scale=0.0)
    points = run.coordinates()
    view = view_of(points.class_means[-1], 4)
    moment = Geometry(run.labels, points.features[-1], points.class_means[-1], points.weight[-1])
    assert moving_scene(names, 10)(moment, view, run.metrics).alt


def test_a_gif_moves_and_stays_small(tmp_path):
    run = collapsing_run(per_class=60, num_epochs=20)
    path = save_gif(run, tmp_path / "run.gif", seconds=2, width=480)
    with Image.open(path) as gif:
        assert gif.size == (480, 240)
        assert gif.n_frames == 24
        frames = []
        for index in (0, 12, 23):
            gif.seek(index)
            frames.append(gif.convert("RGB").tobytes())
        assert gif.info["duration"] == 2000
    assert len(set(frames)) == 3
    assert path.stat().st_size < 1_500_000


def test_a_gif_of_one_epoch(tmp_path):
    run = collapsing_run(3, 2, per_class=5, num_epochs=1, last=1)
    with Image.open(save_gif(run, tmp_path / "one.gif", seconds=1)) as gif:
        assert gif.n_frames >= 1


@pytest.mark.parametrize(
    ("options", "said"),
    [({"seconds": 0}, "seconds is 0"), ({"width": 10}, "width 10"), ({}, "nothing was recorded")],
)
def test_refused(tmp_path, options, said):
    run = collapsing_run(3, 2, per_class=5, num_epochs=2) if options else Trajectory()
    with pytest.raises(ValueError, match=said):
        save_gif(run, tmp_path / "x.gif", **options)
