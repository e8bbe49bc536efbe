"""Claims: what passes, what fails, and what is said of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import nclib
from nclib.lessons.claims import claim, claim_collapsed
from nclib.quantities import COLLAPSED

NAN = float("nan")
RUNS = pd.Series({"one": 0.2, "two": 0.7})


@pytest.mark.parametrize(
    ("found", "limits", "said"),
    [
        (1e-13, {"below": 1e-12}, "error = 1e-13 (limit < 1e-12)"),
        (3, {"above": 2}, "error = 3 (limit > 2)"),
        (2.005, {"near": 2, "below": 0.01}, "error = 2, 0.005 from 2 (limit < 0.01)"),
        (5.0, {"near": 2, "above": 1}, "error = 5, 3 from 2 (limit > 1)"),
        (0.5, {"above": 0.4, "below": 1}, "error = 0.5 (limit < 1, > 0.4)"),
        (True, {}, "error"),
        (torch.tensor([1.0, 3.0, 2.0], requires_grad=True), {"below": 4}, "= 3 (limit < 4)"),
        (np.array([[1.0, 3.0], [2.0, 5.0]]), {"above": 0}, "= 1 (limit > 0)"),
        ([torch.tensor(1.0), 2.0], {"below": 3}, "= 2 (limit < 3)"),
        (RUNS, {"below": 1}, "= 0.7 at two (limit < 1)"),
        (RUNS, {"above": 0.1, "below": 2}, "= 0.2 at one (limit < 2, > 0.1)"),
        (RUNS > 0, {}, "error at"),
    ],
)
def test_what_holds_is_printed_in_one_line(found, limits, said, capsys):
    claim("error", found, **limits)
    printed = capsys.readouterr().out
    assert printed.startswith("checked: error")
    assert said in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize(
    ("found", "limits", "said"),
    [
        (2e-12, {"below": 1e-12}, "error = 2e-12 (limit < 1e-12)"),
        (1.0, {"below": 1.0}, "error = 1 (limit < 1)"),
        (2, {"above": 2}, "error = 2 (limit > 2)"),
        (2.3, {"near": 2, "below": 0.1}, "error = 2.3, 0.3 from 2 (limit < 0.1)"),
        (1.7, {"near": 2, "below": 0.1}, "error = 1.7, 0.3 from 2 (limit < 0.1)"),
        (0.3, {"above": 0.4, "below": 1}, "error = 0.3 (limit < 1, > 0.4)"),
        (float("inf"), {"below": 1}, "error = inf (limit < 1)"),
        (torch.tensor([0.0, 2.0]), {"below": 1}, "= 2 (limit < 1)"),
        (RUNS, {"above": 0.5}, "= 0.2 at one (limit > 0.5)"),
        (RUNS, {"below": 0.5}, "= 0.7 at two (limit < 0.5)"),
        (RUNS > 0.5, {}, "error at one"),
        (False, {}, "error"),
    ],
)
def test_what_fails_says_what_was_found_and_the_limit(found, limits, said, capsys):
    with pytest.raises(AssertionError) as refused:
        claim("error", found, **limits)
    assert str(refused.value).startswith("does not hold: error")
    assert said in str(refused.value)
    assert not capsys.readouterr().out


@pytest.mark.parametrize("limits", [{"below": 1}, {"above": -1}, {"near": 0, "below": 1}, {}])
@pytest.mark.parametrize("found", [NAN, [0.5, NAN], torch.tensor([NAN]), pd.Series([0.5, NAN])])
def test_nan_never_holds(found, limits):
    with pytest.raises(AssertionError, match="nan"):
        claim("error", found, **limits)


@pytest.mark.parametrize("found", [[], torch.empty(0), RUNS[RUNS > 1]])
@pytest.mark.parametrize("limits", [{"below": 1}, {}])
def test_no_numbers_are_no_claim(found, limits):
    with pytest.raises(AssertionError, match="there is nothing to check"):
        claim("error", found, **limits)


def test_near_without_a_limit_checks_nothing():
    with pytest.raises(ValueError, match="say with below how far"):
        claim("error", 1.0, near=1)


RUNS = sorted(nclib.recorded_runs())


@pytest.mark.parametrize("name", RUNS)
def test_the_yardstick_tells_the_recorded_runs_ends_from_their_starts(name):
    metrics = nclib.load_run(name).metrics
    claim_collapsed(name, metrics.iloc[-1])
    with pytest.raises(AssertionError, match="nc1"):
        claim_collapsed(name, metrics.iloc[0])


@pytest.mark.parametrize("missed", COLLAPSED)
def test_each_measure_can_miss_the_yardstick_alone(missed):
    end = pd.Series(dict.fromkeys(COLLAPSED, 0.0))
    claim_collapsed("all zero", end)
    with pytest.raises(AssertionError, match=missed):
        claim_collapsed("one missed", pd.Series(dict(end) | {missed: COLLAPSED[missed]}))
