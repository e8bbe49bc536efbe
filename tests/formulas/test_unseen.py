"""Scores of inputs of no known class, against what they are by construction."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.metrics import roc_auc_score

from nclib.formulas import unseen
from nclib.formulas.etf import simplex_etf
from nclib.formulas.statistics import ClassStatistics

LABELS = torch.arange(4).repeat_interleave(10)


@pytest.fixture
def stats():
    """Four corners of a simplex of three dimensions in eight, far from the origin."""
    draw = torch.Generator().manual_seed(0)
    frame = torch.nn.functional.pad(simplex_etf(4, 3), (0, 5)) + 7
    noise = torch.randn(40, 8, dtype=torch.float64, generator=draw)
    return ClassStatistics.from_features(frame[LABELS] + 1e-3 * noise, LABELS)


def spanning(stats):
    return torch.linalg.svd(stats.centred_means, full_matrices=False).Vh[:3].T


def test_the_share_in_the_span_of_the_means(stats):
    base = spanning(stats)
    across = torch.linalg.svd(stats.centred_means).Vh[3]  # at a right angle to all of them
    inside = base @ torch.tensor([0.3, -2.0, 0.5]).double()
    shown = stats.global_mean + torch.stack([inside, across, inside + across * inside.norm()])
    found = unseen.span_share(stats, base * torch.tensor([1e-3, 1.0, 50.0]).double(), shown)
    assert found.tolist() == pytest.approx([1, 0, math.sqrt(0.5)], abs=1e-9)


def test_the_distance_from_the_nearest_mean(stats):
    means = stats.class_means
    shown = torch.stack([means[2], (means[0] + means[1]) / 2])
    half = float((means[0] - means[1]).norm()) / 2
    length = float(stats.centred_means.norm(dim=1).mean())
    found = unseen.mean_distance(stats, shown)
    assert found.tolist() == pytest.approx([0, half / length], abs=1e-9)


@pytest.mark.parametrize("digits", [0, 1, 5])
def test_the_area_under_the_curve_is_scikit_learns(digits):
    draw = torch.Generator().manual_seed(1)
    higher = (torch.randn(50, generator=draw) + 0.5).round(decimals=digits)
    lower = torch.randn(70, generator=draw).round(decimals=digits)  # with many ties at 0 digits
    truth = torch.cat([torch.ones(50), torch.zeros(70)])
    expected = roc_auc_score(truth, torch.cat([higher, lower]))
    assert unseen.auroc(higher, lower) == pytest.approx(expected, abs=1e-12)


def test_no_scores_tell_nothing():
    assert math.isnan(unseen.auroc(torch.zeros(0), torch.zeros(3)))
    assert math.isnan(unseen.auroc(torch.zeros(3), torch.zeros(0)))
