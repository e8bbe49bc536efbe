"""Notebook 01, section 3: how often the nearest class mean errs under noise."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import binomtest

from nclib import simplex_etf
from nclib.formulas.packings import margin, random_points
from nclib.lessons.simplex import noise
from nclib.lessons.simplex.noisy import FRAMES, SIGMAS, measured, noise_and_frames


@pytest.fixture(scope="module", params=[0, 1])
def found(request):
    """As in the notebook under profile ci, under two seeds."""
    return {c: measured(c, samples=100_000, seed=request.param) for c in (3, 10)}


def test_the_simplex_is_best_with_certainty_at_every_size_of_noise(found):
    for of in found.values():
        for sigma in SIGMAS:
            random, orthogonal, simplex = (of.errors[name][sigma] for name in FRAMES)
            assert simplex.high < orthogonal.low
            assert simplex.high < random.low


def test_theory_and_experiment_agree(found):
    for num_classes, of in found.items():
        for name, norm in (
            ("orthogonal", 1.0),
            ("simplex", (num_classes / (num_classes - 1)) ** 0.5),
        ):
            for sigma, error in of.errors[name].items():
                exact = math.exp(noise.orthogonal_log_error(num_classes, norm, sigma))
                samples = error.samples
                spread = math.sqrt(exact * (1 - exact) / samples)
                assert abs(error.rate - exact) < 4.5 * spread + 2 / samples


def test_errors_lie_between_the_two_bounds(found):
    for of in found.values():
        for name, means in of.frames.items():
            for sigma, error in of.errors[name].items():
                low, high = noise.error_bounds(means, sigma)
                spread = 4.5 * math.sqrt(min(high, 1) / error.samples) + 2 / error.samples
                assert low - spread <= error.rate <= high + spread


@pytest.mark.parametrize("num_classes", [3, 4, 10, 20])
def test_the_exponent_is_the_limit(num_classes):
    """Richardson on -σ² ln(error) over σ, whose correction is σ² times a slow logarithm."""
    for norm, wanted in (
        (1.0, 1 / 4),
        ((num_classes / (num_classes - 1)) ** 0.5, num_classes / (4 * (num_classes - 1))),
    ):
        near, far = (
            -(s**2) * noise.orthogonal_log_error(num_classes, norm, s) for s in (0.02, 0.04)
        )
        assert (4 * near - far) / 3 == pytest.approx(wanted, abs=1e-3)
        assert abs(near - wanted) < abs(far - wanted)


def test_two_classes_are_the_tail_itself():
    for sigma in (0.2, 0.5, 1.0):
        found = math.exp(noise.orthogonal_log_error(2, 1.0, sigma))
        assert found == pytest.approx(noise.tail(math.sqrt(0.5) / sigma), rel=1e-6)


def test_an_orthogonal_frame_from_its_centre_is_a_smaller_simplex():
    for num_classes in (3, 10):
        frame = noise.frames(num_classes)["orthogonal"]
        centred = frame - frame.mean(0)
        norms = centred.norm(dim=1)
        assert norms.std() < 1e-15
        assert float(norms[0]) == pytest.approx(math.sqrt(1 - 1 / num_classes))
        unit = centred / norms[:, None]
        etf = simplex_etf(num_classes)
        assert torch.allclose(unit @ unit.T, etf @ etf.T, atol=1e-14)


def test_nothing_within_the_unit_ball_has_a_larger_exponent():
    draw = torch.Generator().manual_seed(0)
    for num_classes in range(2, 15):
        limit = num_classes / (4 * (num_classes - 1))
        assert noise.exponent(simplex_etf(num_classes)) == pytest.approx(limit, rel=1e-12)
        for dim in (2, 3, num_classes, 2 * num_classes):
            for points in random_points(num_classes, dim, starts=100, seed=dim):
                assert noise.exponent(points) < limit + 1e-12
                radii = torch.rand(num_classes, 1, generator=draw, dtype=torch.float64)
                assert noise.exponent(points * radii) < limit


def test_the_mean_square_distance_is_two_norms_less_the_centre():
    """The identity of the uniqueness proof, for any points."""
    for points in random_points(7, 4, starts=20, seed=1):
        points = points * torch.linspace(0.2, 1, 7, dtype=torch.float64)[:, None]
        pairs = torch.cdist(points, points).square().sum()
        wanted = 2 * 7 * points.square().sum() - 2 * points.sum(0).square().sum()
        assert float(pairs) == pytest.approx(float(wanted))
        assert 4 * float(margin(points)) ** 2 * 42 <= float(pairs) + 1e-9


@pytest.mark.parametrize(("count", "samples"), [(0, 50), (3, 1000), (500, 1000), (50, 50)])
def test_intervals_are_clopper_and_pearsons(count, samples):
    found = noise.interval(count, samples)
    wanted = binomtest(count, samples).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_decisions_are_those_of_the_nearest_mean():
    drawn = noise.Noise(5, 2000, seed=3)
    means = 0.7 * noise.frames(5, seed=3)["random"]
    means[2] *= 0.4  # norms count
    features, wrong = drawn.decide(means, 0.6)
    nearest = torch.cdist(features.double(), means).argmin(1)
    assert torch.equal(wrong, nearest != drawn.labels)
    rows = torch.tensor([5, 9, 1999])
    some, same = drawn.decide(means, 0.6, rows)
    assert torch.equal(some, features[rows])
    assert torch.equal(same, wrong[rows])


def test_noise_that_says_nothing_is_refused():
    with pytest.raises(ValueError, match="sigma is 0; without noise"):
        noise.Noise(3, 30).decide(simplex_etf(3), 0)
    with pytest.raises(ValueError, match="samples is 2; give an integer of at least 3"):
        noise.Noise(3, 2)
    with pytest.raises(ValueError, match="num_classes is 2"):
        noise.frames(2)


def test_a_picture_says_and_draws_what_was_found(found):
    draw = noise_and_frames(found)
    seen = {}
    for classes in found:
        for sigma in (SIGMAS[0], SIGMAS[-1]):
            for frame in FRAMES:
                picture = draw(classes, sigma, frame)
                assert f"{classes} classes, noise {sigma:g}, frame {frame}" in picture.alt
                assert str(found[classes].errors[frame][sigma]) in picture.alt
                seen[picture.png()] = picture.alt
    assert len(seen) == 12
    space = draw(10, 0.5, "random").axes[0]
    shown = sum(len(line.get_xdata()) for line in space.lines[1:])
    assert shown == 600
    crosses = space.lines[-1].get_xdata()
    assert 100 < len(crosses) < 400
