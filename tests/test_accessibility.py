"""Every kind of picture in words, and nothing is told by colour alone."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest
from every_picture import make_all, makers_in_the_library
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.text import Text
from sight import APART, SHAPE, TEXT, contrast, least_distance

from nclib.palette import PETROFF, ink_on


@pytest.fixture(scope="module")
def made():
    return make_all()


def test_no_kind_of_picture_is_forgotten(made):
    assert set(made) == makers_in_the_library()
    assert len(made) > 25


def test_every_picture_says_what_it_shows(made):
    for name, (picture, alts) in made.items():
        assert picture.alt == alts[1], name
        assert len(picture.alt) > 60, name
        assert not re.search(r"[$\\{}_]|\bnan\b|\bNone\b", picture.alt), f"{name}: {picture.alt}"


def test_words_follow_the_data(made):
    for name, (_, (one, other)) in made.items():
        assert re.findall(r"\d[\d.e-]*", one) != re.findall(r"\d[\d.e-]*", other), name


# ---- Not by colour alone -------------------------------------------------------------------


def test_named_lines_differ_by_more_than_colour_or_by_a_colour_all_can_tell(made):
    compared = 0
    for name, (picture, _) in made.items():
        for axis in picture.axes:
            lines = [line for line in axis.lines if not line.get_label().startswith("_")]
            for one, other in combinations(lines, 2):
                looks = [(line.get_linestyle(), line.get_marker()) for line in (one, other)]
                colors = [to_hex(line.get_color()) for line in (one, other)]
                compared += 1
                assert looks[0] != looks[1] or least_distance(colors) >= APART, name
                assert min(map(contrast, colors)) >= SHAPE, name
    assert compared > 15


def test_words_in_figures_can_be_read(made):
    read = 0
    for name, (picture, _) in made.items():
        for text in picture.findobj(Text):
            color = to_hex(text.get_color())
            if text.get_text().strip() and color != "#ffffff":  # white ones stand on dark discs
                read += 1
                assert contrast(color) >= TEXT, f"{name}: {text.get_text()}"
    assert read > 100


@pytest.mark.parametrize("name", ["feature_plane", "moving_plane", "plane_with_curve"])
def test_every_mean_in_the_plane_has_its_label(made, name):
    axis = made[name].picture.axes[0]
    labels = {text.get_text(): text.get_position() for text in axis.texts}
    discs = [found for found in axis.collections if isinstance(found, PathCollection)]
    means = next(found for found in discs if found.get_sizes().tolist() == [170])
    assert list(labels) == ["0", "1", "2"]
    np.testing.assert_allclose(list(labels.values()), means.get_offsets())


def test_every_mean_in_the_scene_has_its_label(made):
    axis = made["moving_scene"].picture.axes[0]
    *_, balls, names = axis.collections
    assert len({path.vertices.tobytes() for path in names.get_paths()}) == 10
    np.testing.assert_allclose(names.get_offsets(), balls.get_offsets())
    inks = [to_hex(color) for color in names.get_facecolors()]
    assert inks == [ink_on(color) for color in PETROFF]
