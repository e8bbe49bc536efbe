"""Pictures of notebook 01's first two sections: what they say is what is so."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from nclib import packings, simplex_etf
from nclib.lessons.simplex import shapes, twist

pytestmark = pytest.mark.usefixtures("without_shape_checks")  # of hundreds of steps


# The zoo


@pytest.mark.parametrize("draw", [0, 1, 2])
def test_each_animal_is_what_the_text_calls_it(draw):
    exact = {"pentagon": math.cos(2 * math.pi / 5), "hexagon": 0.5, "octahedron": 0}
    exact |= {"icosahedron": 5**-0.5, "orthoplex in 4-D": 0}
    for name, cosine in exact.items():
        end = shapes.of_zoo(name, draw).points[-1]
        assert float(packings.largest_cosine(end)) == pytest.approx(cosine, abs=1e-9)
    for shape in shapes.ZOO.values():
        assert shape.dim < shape.num_points - 1


@pytest.mark.parametrize("draw", [0, 1, 2])
def test_seven_points_are_one_and_three_and_three(draw):
    end = shapes.of_zoo("seven points", draw).points[-1]
    levels = [sorted((end @ pole).tolist()) for pole in end]
    gaps = [[one[2] - one[0], one[5] - one[3]] for one in levels]
    assert min(map(max, gaps)) < 1e-3  # seen from one of them: three below, three beside, itself


@pytest.mark.parametrize("draw", [0, 1, 2])
def test_five_points_are_two_poles_and_an_equator(draw):
    end = shapes.of_zoo("five points in space", draw).points[-1]
    gram = end @ end.T
    assert gram.min() < -1 + 1e-5
    north = int(gram.min(1).values.argmin())
    rest = gram[north].abs() < 0.9
    assert rest.sum() == 3
    assert gram[north][rest].abs().max() < 2e-3


# Gram matrices


@pytest.fixture(scope="module")
def grams():
    return shapes.gram_matrices()


def test_gram_matrices_are_those_of_the_step(grams):
    for points in (3, 4, 5, 6, 8, 10, 15, 20):
        one = grams(points, 300)
        quadratic, simplex = (axis.images[0].get_array() for axis in one.axes[:2])
        assert np.allclose(simplex, (simplex_etf(points) @ simplex_etf(points).T).numpy())
        assert abs(float(quadratic.sum())) < 1e-9  # balanced
        limit = f"{-1 / (points - 1):.3f}"
        assert f"β = 1 {limit} to {limit}; the simplex has {limit}" in one.alt
        assert (f"quadratic repulsion {limit} to {limit}" in one.alt) == (points == 3)


def test_gram_matrices_begin_alike_and_change(grams):
    seen = set()
    for step in shapes.STEPS:
        one = grams(10, step)
        first, second = (np.asarray(axis.images[0].get_array()) for axis in one.axes[:2])
        assert np.array_equal(first, second) == (step == 0)
        seen |= {(one.png(), one.alt)}
        curves = [line.get_ydata() for line in one.axes[2].lines[:2]]
        assert all(len(ys) == 45 and (np.diff(ys) >= 0).all() for ys in curves)
    assert len(seen) == len(shapes.STEPS)


# Margins


@pytest.fixture(scope="module")
def tables():
    return {c: shapes.margins_by_dimension(c, range(2, 14), frames=100) for c in (4, 10)}


def test_margins_of_ten_classes(tables):
    ten = tables[10]
    assert ten.best[9] == pytest.approx(0.7454, abs=5e-5)
    assert ten.best.loc[5:8].to_numpy() == pytest.approx(0.7071, abs=5e-5)
    assert ten.proved.tolist() == [p != 3 for p in ten.index]
    for table in tables.values():
        assert (table.best.diff().iloc[1:] > -1e-12).all()  # a dimension more does not harm
        assert (table.found <= table.best + 1e-12).all()
        assert (table.found >= table.best - 1e-3).all()
        assert (table.random < table.luckiest).all()
        assert (table.luckiest < table.best).all()


def test_random_frames_of_ten_classes(tables):
    found = tables[10].random
    for dim, median in ((5, 0.27), (8, 0.38), (9, 0.40), (10, 0.42)):
        assert found[dim] == pytest.approx(median, abs=0.03)


def test_the_picture_of_margins_says_what_is_drawn(tables):
    drawn = shapes.margin_by_dimension()
    alts = []
    for classes, table in tables.items():
        one = drawn(classes, table)
        whole = packings.best_margin(classes, classes - 1)
        best, found = one.axes[0].lines[:2]
        assert np.allclose(best.get_ydata(), table.best / whole)
        assert list(found.get_xdata()) == [p for p in table.index if not table.proved[p]]
        assert f"p = 2: {table.best[2] / whole:.3f} ({table.random[2] / whole:.3f})" in one.alt
        alts.append((one.alt, one.png()))
    assert alts[0][0] != alts[1][0]
    assert alts[0][1] != alts[1][1]
    lost = [text.get_text() for text in drawn(10, tables[10]).axes[0].texts]
    assert "−5.1%" in lost


# Eight points


@pytest.mark.parametrize("turn", range(0, 46, 9))
def test_turning_alone_gains_nothing(turn):
    cube = twist.twisted(turn, 3**-0.5)
    assert float(packings.largest_cosine(cube)) == pytest.approx(1 / 3)


def test_nothing_on_the_sliders_beats_the_antiprism():
    heights = np.linspace(0.3, 0.8, 101)
    cosines = {
        (turn, height): float(packings.largest_cosine(twist.twisted(turn, height)))
        for turn, height in itertools.product(range(0, 46, 5), heights)
    }
    best = min(cosines, key=cosines.get)
    assert best[0] == 45
    assert twist.ANTIPRISM < cosines[best] < twist.ANTIPRISM + 5e-3
    height = (1 + 2 * 2**0.5) ** -0.5
    exact = float(packings.largest_cosine(twist.twisted(45, height)))
    assert exact == pytest.approx(twist.ANTIPRISM, abs=1e-12)


def test_the_twisted_cube_draws_and_says_its_numbers():
    drawn = twist.twisted_cube()
    seen = {}
    for turn, height, pairs in ((0, 3**-0.5, 12), (45, 3**-0.5, 8), (45, 0.5111, 16)):
        one = drawn(turn, height)
        largest = float(packings.largest_cosine(twist.twisted(turn, height)))
        assert f"largest cosine {largest:.4f} (cube 0.3333, antiprism 0.2612)" in one.alt
        assert f"{pairs} pairs at the least distance" in one.alt
        struts = one.axes[0].collections[0]
        assert sum(width > 2 for width in struts.get_linewidths()) == pairs
        within, between, dot = one.axes[1].lines[:3]
        assert dot.get_ydata()[0] == pytest.approx(largest)
        at = int(np.argmin(np.abs(within.get_xdata() - turn)))
        both = within.get_ydata()[at], between.get_ydata()[at]
        assert max(both) == pytest.approx(largest)
        seen[one.png()] = one.alt
    assert len(seen) == len(set(seen.values())) == 3
