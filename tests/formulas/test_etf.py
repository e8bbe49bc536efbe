"""Simplex ETFs: what defines them, and how far other frames are from one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import nclib
from nclib.formulas.etf import align, etf_distance, simplex_gram

sizes = st.tuples(st.integers(2, 40), st.integers(0, 20), st.integers(0, 2**31))


@given(sizes)
def test_gram_sum_and_tightness(size):
    num_classes, extra, seed = size
    frame = nclib.simplex_etf(num_classes, num_classes - 1 + extra, seed=seed)
    assert frame.shape == (num_classes, num_classes - 1 + extra)
    assert frame.dtype == torch.float64
    assert torch.allclose(frame @ frame.T, simplex_gram(num_classes), atol=1e-13)
    assert frame.sum(0).abs().max() < 1e-12
    singular = torch.linalg.svdvals(frame)[: num_classes - 1]
    assert torch.allclose(
        singular, torch.full_like(singular, num_classes / (num_classes - 1)) ** 0.5
    )


def test_defaults():
    assert nclib.simplex_etf(4).shape == (4, 4)
    assert torch.equal(nclib.simplex_etf(4, 3), nclib.simplex_etf(4)[:, :3])
    assert torch.equal(nclib.simplex_etf(4, seed=1), nclib.simplex_etf(4, seed=1))
    assert not torch.equal(nclib.simplex_etf(4, seed=1), nclib.simplex_etf(4, seed=2))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((1,), "num_classes is 1"), ((0,), "num_classes is 0"), ((5, 3), "dim is 3.*at least 4")],
)
def test_where_there_is_none(arguments, said):
    with pytest.raises(ValueError, match=said):
        nclib.simplex_etf(*arguments)


@given(sizes, st.floats(0.01, 100))
def test_align_recovers_a_similarity(size, scale):
    num_classes, extra, seed = size
    frame = nclib.simplex_etf(num_classes, num_classes - 1)
    turned = scale * nclib.simplex_etf(num_classes, num_classes - 1 + extra, seed=seed)
    found = align(turned, frame)
    assert found.scale == pytest.approx(scale)
    assert torch.allclose(found.scale * frame @ found.rotation.T, turned, atol=1e-10 * scale)
    identity = torch.eye(num_classes - 1, dtype=torch.float64)
    assert torch.allclose(found.rotation.T @ found.rotation, identity, atol=1e-10)


def test_align_finds_the_least_distance():
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(4, 6, dtype=torch.float64, generator=generator)
    frame = nclib.simplex_etf(4, 3)
    best = align(points, frame)
    least = (points - best.scale * frame @ best.rotation.T).norm()
    for _ in range(200):
        other = torch.linalg.qr(torch.randn(6, 3, dtype=torch.float64, generator=generator)).Q
        for rotation in (other, torch.linalg.qr(best.rotation + 0.01 * other).Q):
            assert (points - best.scale * frame @ rotation.T).norm() >= least - 1e-12


@given(sizes)
def test_distance_is_zero_for_an_etf_and_survives_scaling(size):
    num_classes, extra, seed = size
    frame = nclib.simplex_etf(num_classes, num_classes - 1 + extra, seed=seed)
    assert etf_distance(1e-6 * frame) < 1e-13


def test_distance_is_that_of_procrustes():
    means = torch.randn(5, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    means -= means.mean(0)
    frame = nclib.simplex_etf(5, 4)
    best = align(means, frame)
    relative = (means - best.scale * frame @ best.rotation.T).norm() / means.norm()
    assert etf_distance(means) == pytest.approx(float(relative), rel=1e-12)


def test_distance_resolves_what_a_difference_of_squares_would_lose():
    frame = nclib.simplex_etf(4, 3)
    stretch = torch.diag(torch.tensor([1 + 1e-10, 1.0, 1 - 1e-10], dtype=torch.float64))
    assert etf_distance(frame @ stretch) == pytest.approx((2 / 3) ** 0.5 * 1e-10, rel=1e-4)


def test_floor_where_dimensions_are_missing():
    projected = nclib.simplex_etf(10, 9)[:, :5]
    assert etf_distance(projected) == pytest.approx((4 / 9) ** 0.5)
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        means = torch.randn(10, 5, generator=generator)
        assert etf_distance(means - means.mean(0)) > (4 / 9) ** 0.5


def test_distance_of_nothing_is_nan():
    assert torch.tensor(etf_distance(torch.zeros(3, 4))).isnan()
