"""The law of equal improvement: lines through logs, fronts, and shares of a layer's own fall."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import linregress

from nclib.formulas.law import (
    fall_after,
    falls_with_depth,
    first_below,
    half_of_fall,
    log_linear,
)


@pytest.mark.parametrize("ratio", [0.3, 0.9, 1.2])
def test_a_geometric_sequence_is_its_own_line(ratio):
    values = 0.9 * ratio ** np.arange(7.0)
    line = log_linear(values)
    assert line.ratio == pytest.approx(ratio, rel=1e-12)
    assert line.r_squared == pytest.approx(1, abs=1e-12)
    assert line.intercept == pytest.approx(math.log(0.9), abs=1e-12)
    assert line.at(np.arange(7.0)) == pytest.approx(values, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_least_squares_line_of_the_logs(seed):
    values = np.exp(np.random.default_rng(seed).normal(size=6))
    other, line = linregress(np.arange(6), np.log(values)), log_linear(values)
    assert line.ratio == pytest.approx(math.exp(other.slope), rel=1e-10)
    assert line.r_squared == pytest.approx(other.rvalue**2, abs=1e-10)
    assert line.intercept == pytest.approx(other.intercept, abs=1e-10)


def test_a_factor_on_all_values_moves_the_line_alone():
    values = np.array([0.9, 0.35, 0.2, 0.07])
    line, scaled = log_linear(values), log_linear(10 * values)  # NC1 and tr(Σ_W Σ_B⁺), C = 10
    assert scaled[:2] == pytest.approx(line[:2], rel=1e-12)
    assert scaled.intercept - line.intercept == pytest.approx(math.log(10))


def test_what_has_no_line():
    assert math.isnan(log_linear(np.ones(4)).r_squared)
    assert log_linear(np.ones(4)).ratio == pytest.approx(1)
    for bad in (0.0, -1.0, math.nan, math.inf):
        assert all(map(math.isnan, log_linear(np.array([1.0, 0.5, bad]))))
    with pytest.raises(ValueError, match="values are 2; a line needs at least three layers"):
        log_linear(np.array([1.0, 0.5]))


# Over training: halved each row, a quarter each row, never, up and down again

VALUES = np.array(
    [
        [1.0, 1.0, 1.0, 1.0],
        [0.5, 0.25, 1.0, 0.05],
        [0.25, 0.0625, 1.0, 2.0],
        [0.125, 1 / 64, 1.0, 4.0],
        [0.0625, 1 / 256, 1.0, 3.0],
    ]
)


def test_the_front_at_a_fixed_threshold():
    assert first_below(VALUES).tolist() == [4, 2, -1, 1]
    assert first_below(VALUES, 0.5).tolist() == [2, 1, -1, 1]  # half itself is not below half
    assert first_below(VALUES, 1.0).tolist() == [1, 1, -1, 1]
    assert first_below(7 * VALUES).tolist() == first_below(VALUES).tolist()


def test_half_of_a_layers_own_fall():
    assert half_of_fall(VALUES).tolist() == [2, 2, -1, -1]
    slow_end = np.array([[1.0], [1e-1], [1e-2 * 1.01], [1e-2], [1e-4]])
    assert half_of_fall(slow_end).tolist() == [3]


def test_the_fall_that_is_left():
    assert fall_after(VALUES, 0) == pytest.approx(np.log([16, 256, 1, 1 / 3]))
    assert fall_after(VALUES, 2) == pytest.approx(np.log([4, 16, 1, 2 / 3]))
    assert fall_after(VALUES, -1) == pytest.approx(0)


def test_falls_with_depth():
    rows = np.array([[3.0, 2.0, 1.0], [3.0, 3.0, 1.0], [1.0, 2.0, 0.5], [2.0, 1.0, math.nan]])
    assert falls_with_depth(rows).tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: log_linear(VALUES), r"values have shape \(5, 4\); give \(L,\)"),
        (lambda: log_linear(["a", "b", "c"]), "values are .*; give numbers"),
        (lambda: first_below(VALUES[:, 0]), r"values have shape \(5,\); give \(E, L\)"),
        (lambda: first_below(VALUES, math.nan), "share is nan"),
        (lambda: first_below(VALUES, 0), "share is 0; give a number above 0"),
        (lambda: half_of_fall(VALUES[:0]), r"values have shape \(0, 4\)"),
        (lambda: fall_after(VALUES, 5), "row is 5; values have 5 rows"),
        (lambda: falls_with_depth(None), r"values have shape \(\)"),
    ],
)
@pytest.mark.usefixtures("without_shape_checks")
def test_what_is_no_table_of_layers_is_refused(ask, said):
    with pytest.raises(ValueError, match=said):
        ask()


@pytest.mark.usefixtures("without_shape_checks")
def test_lists_are_taken():
    assert log_linear([1.0, 0.5, 0.25]).ratio == pytest.approx(0.5)
    assert first_below(VALUES.tolist()).tolist() == first_below(VALUES).tolist()
