"""What counts as zero: decided by the features' own rounding, their size and their offset."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import nclib
from nclib import ClassStatistics, collapse_metrics
from nclib.formulas.central_path import snr_singular_values
from nclib.formulas.mse import least_squares_classifier

CLASSES, WIDTH, EACH = 6, 24, 50
LABELS = torch.arange(CLASSES).repeat_interleave(EACH)
AGREES = {  # how well NC1 of rounded features can agree
    torch.float32: 1e-5,
    torch.float16: 1e-2,
    torch.bfloat16: 2e-2,
}


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def clouds(means, spread=0.2):
    """Features (N, p) around class means, whose own mean is that of each class exactly."""
    noise = normal(len(means), EACH, means.shape[1], seed=1)
    noise -= noise.mean(1, keepdim=True)
    return (means[:, None] + spread * noise).flatten(0, 1)


def in_a_plane(dimensions=3):
    """Features that vary in a few of many directions, as behind a narrow layer."""
    return clouds(normal(CLASSES, dimensions)) @ normal(dimensions, WIDTH, seed=2)


def with_equal_means():
    means = normal(CLASSES, WIDTH)
    means[1] = means[0]
    return clouds(means)


def measured(features, streamed=False):
    stats = ClassStatistics.from_features(features, LABELS)
    if streamed:
        stats = ClassStatistics(CLASSES, WIDTH)
        for h, y in zip(features.split(77), LABELS.split(77), strict=True):
            stats.update(h, y)
    return collapse_metrics(stats, normal(CLASSES, WIDTH, seed=3), features=features, labels=LABELS)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("dtype", AGREES)
@pytest.mark.parametrize("offset", [0, 5])
@pytest.mark.parametrize(("features", "rank"), [(in_a_plane(), 3), (with_equal_means(), 4)])
def test_directions_that_are_rounding_are_no_directions(features, rank, offset, dtype, streamed):
    found, exact = measured((features + offset).to(dtype), streamed), measured(features)
    assert found.rank == exact.rank == rank
    assert found.nc1 == pytest.approx(exact.nc1, rel=AGREES[dtype], abs=0)


@pytest.mark.parametrize("size", [1e-37, 1e-30, 1e-23, 1e-5, 1e20, 1e37])
def test_the_size_of_float32_features_does_not_matter(size):
    features = with_equal_means()
    found, exact = measured((features * size).float()), measured(features)
    assert found.rank == exact.rank
    assert found.nc1 == pytest.approx(exact.nc1, rel=1e-5, abs=0)
    assert found.ncc_mismatch == exact.ncc_mismatch


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1e150, 1e300])
def test_squares_outside_float64_are_refused(size):
    with pytest.raises(ValueError, match=r"features of size .* scale them"):
        ClassStatistics.from_features(size * in_a_plane(), LABELS)


@pytest.mark.parametrize("offset", [1, 1e3, 1e5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_means_that_differ_by_more_than_rounding_still_count(offset, dtype):
    """The other side: a real difference a thousand times the resolution stays in the rank."""
    means = normal(CLASSES, WIDTH)
    stats = ClassStatistics.from_features((clouds(means) + offset).to(dtype), LABELS)
    means[1] = means[0]
    means[1, 0] += 1000 * stats.resolution
    features = (clouds(means, spread=stats.resolution) + offset).to(dtype)
    assert measured(features).rank == CLASSES - 1


def test_a_class_mean_at_the_global_mean_has_no_direction():
    means = normal(CLASSES, WIDTH)
    means[0] = means[1:].mean(0)
    metrics = measured((clouds(means) + 0.3).float())
    assert np.isnan([metrics.max_angle_means, metrics.equiangularity_means]).all()
    assert np.isfinite([metrics.nc1, metrics.equinorm_means, metrics.self_duality]).all()


@pytest.mark.parametrize("offset", [0.0, 0.1, 1e4])
def test_one_point_for_all_classes_has_rank_zero_in_float32(offset):
    features = clouds(torch.zeros(CLASSES, WIDTH, dtype=torch.float64)) + offset
    with pytest.warns(UserWarning, match="all class means coincide"):
        metrics = measured(features.float())
    assert metrics.rank == 0
    assert np.isnan([metrics.nc1, metrics.self_duality, metrics.max_angle_means]).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_ratios_and_least_squares_do_not_see_rounding_either(dtype):
    """Behind a narrow layer Σ_W has few directions, and rounding must not look free of noise."""
    features = in_a_plane()
    exact, found = (
        ClassStatistics.from_features(h, LABELS) for h in (features, features.to(dtype))
    )
    omega = snr_singular_values(exact)[:3]
    assert snr_singular_values(found)[:3] == pytest.approx(omega, rel=AGREES[dtype])
    assert float(snr_singular_values(found)[3:].max()) < 0.1 * float(omega[-1])
    norms = [float(least_squares_classifier(one)[0].norm()) for one in (exact, found)]
    assert norms[1] == pytest.approx(norms[0], rel=0.2)


# Features that change after they were measured


def by_torch(features):
    features.mul_(3)


def by_data(features):
    features.data[7, 2] += 1


def by_numpy(features):
    features.numpy()[:] *= 3


def rows_by_numpy(features):
    features.numpy()[[0, 70]] = features.numpy()[[70, 0]]


def columns_by_numpy(features):
    features.numpy()[:, [0, 1]] = features.numpy()[:, [1, 0]]


CHANGES = [by_torch, by_data, by_numpy, rows_by_numpy, columns_by_numpy]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("change", CHANGES)
def test_features_changed_after_they_were_measured_are_refused(change, dtype):
    features = with_equal_means().to(dtype)
    stats = ClassStatistics.from_features(features, LABELS)
    before = stats.centred_means
    change(features)
    for use in (lambda: stats.within_covariance, lambda: nclib.formulas.collapse.nc1(stats)):
        with pytest.raises(ValueError, match=r"features were changed in place .*clone"):
            use()
    assert torch.equal(stats.centred_means, before)


@pytest.mark.parametrize("change", [by_torch, by_data])
def test_a_half_precision_feature_that_changed_is_seen(change):
    features = with_equal_means().bfloat16()
    stats = ClassStatistics.from_features(features, LABELS)
    change(features)
    with pytest.raises(ValueError, match="features were changed in place"):
        _ = stats.within_covariance


def test_labels_changed_afterwards_do_not_matter():
    features, labels = with_equal_means(), LABELS.clone()
    stats = ClassStatistics.from_features(features, labels)
    labels.zero_()
    expected = ClassStatistics.from_features(features, LABELS).within_covariance
    assert torch.equal(stats.within_covariance, expected)


def test_other_labels_make_other_samples():
    """NC1 is that of the statistics, whatever labels come with the features NC4 is counted on."""
    features, weight = with_equal_means(), normal(CLASSES, WIDTH)
    stats = ClassStatistics.from_features(features, LABELS)
    others = LABELS.flip(0)
    metrics = collapse_metrics(stats, weight, features=features, labels=others)
    assert metrics.nc1 == pytest.approx(nclib.formulas.collapse.nc1(stats), rel=1e-12)
