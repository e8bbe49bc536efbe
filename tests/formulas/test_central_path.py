"""Signal-to-noise ratios, the renormalised flows and their simulation."""

from __future__ import annotations

import itertools

import mpmath
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.special
import torch
from hypothesis import given
from hypothesis import strategies as st

import nclib
from nclib import ClassStatistics
from nclib.formulas import central_path
from nclib.formulas.central_path import flow, simulate, snr_singular_values
from nclib.formulas.mse import decompose_mse

shapes = st.tuples(st.integers(2, 6), st.integers(0, 6), st.integers(0, 2**31))
sizes = st.tuples(st.integers(2, 12), st.integers(1, 5000))
KINDS = ("projected", "rescaled")
kinds = st.sampled_from(KINDS)
TIMES = torch.tensor([0, *np.logspace(-9, 12, 43)], dtype=torch.float64)


def case(num_classes, num_features, seed=0, *, per_class=12, noise=1.0):
    """Balanced features and labels; N > p + C, so that Σ_W is regular."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(num_classes), per_class))
    means = rng.normal(size=(num_classes, num_features))
    features = means[labels] + noise * rng.normal(size=(len(labels), num_features))
    return torch.tensor(features), torch.tensor(labels)


def ratios(features, labels, num_classes=None):
    return snr_singular_values(ClassStatistics.from_features(features, labels, num_classes))


def half_sum(omega, num_classes):
    return float((0.5 / (num_classes + omega**2)).sum())


@given(shapes, st.sampled_from([1.0, 1e-3]))
def test_squares_are_the_generalised_eigenvalues_of_the_two_scatters(shape, noise):
    num_classes, extra, seed = shape
    features, labels = case(num_classes, num_classes - 1 + extra, seed, noise=noise)
    stats = ClassStatistics.from_features(features, labels)
    between, within = stats.between_covariance.numpy(), stats.within_covariance.numpy()
    squares = num_classes * scipy.linalg.eigh(between, within, eigvals_only=True)
    expected = np.sqrt(squares[::-1][: num_classes - 1].clip(0))
    found = snr_singular_values(stats)
    assert found.numpy() == pytest.approx(expected, rel=1e-6, abs=1e-5)
    assert (found[:-1] >= found[1:]).all()


@given(shapes, st.sampled_from([1.0, 1e-3, 1e-6]))
def test_the_least_loss_is_a_function_of_the_ratios(shape, noise):
    num_classes, extra, seed = shape
    features, labels = case(num_classes, num_classes + extra, seed, noise=noise)
    stats = ClassStatistics.from_features(features, labels)
    found = decompose_mse(stats, torch.zeros_like(stats.class_means), None)
    omega = snr_singular_values(stats)
    assert found.least_squares == pytest.approx(half_sum(omega, num_classes), rel=1e-12, abs=0)
    whole = float(central_path.loss(omega, num_classes=num_classes))
    assert found.least_squares == pytest.approx(whole, rel=1e-12, abs=0)
    squares = (num_classes + omega**2) ** 2
    nc1, nc23 = float((omega**2 / squares).sum()) / 2, float((num_classes / squares).sum()) / 2
    assert found.nc1 == pytest.approx(nc1, rel=1e-10, abs=0)
    rounding = 1e-14 * nc23**0.5  # that of outputs near 1, which miss by √nc23
    assert found.nc23 == pytest.approx(nc23, rel=1e-10, abs=rounding)


def test_far_from_the_origin_and_near_collapse():
    means, labels = 3 * nclib.simplex_etf(5, 8, seed=1) + 100, torch.arange(5).repeat(200)
    noise = torch.randn(1000, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    noise -= torch.stack([noise[labels == c].mean(0) for c in range(5)])[labels]
    one = ratios(means[labels] + noise, labels)
    far = ratios(means[labels] + 1e-6 * noise, labels)
    assert far.numpy() == pytest.approx(1e6 * one.numpy(), rel=1e-7)


def test_means_outside_the_range_of_the_scatter_are_infinitely_far_apart():
    features, labels = case(4, 40, per_class=5)  # N < p
    assert torch.isinf(ratios(features, labels)).all()
    assert torch.isinf(ratios(features.float(), labels)).all()


def test_one_mode_outside_leaves_the_others():
    features, labels = case(4, 6)
    inside = ratios(features, labels)
    outside = torch.nn.functional.one_hot(labels, 4)[:, :1].double()
    found = ratios(torch.cat([features, outside], 1), labels)
    assert found[0] == torch.inf
    assert torch.isfinite(found[1:]).all()
    assert found[2] <= inside[1]  # interlacing: one direction of class space is taken away
    ridge = torch.cat([features, outside + 1e-5 * case(4, 1, 3)[0]], 1)
    assert ratios(ridge, labels)[1:].numpy() == pytest.approx(found[1:].numpy(), rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dead_features_change_nothing(dtype):
    features, labels = (x.to(t) for x, t in zip(case(4, 6), (dtype, torch.int64), strict=True))
    dead = torch.cat([0 * features, features, 0 * features + 7], 1)
    found = ratios(dead, labels).numpy()
    assert found == pytest.approx(ratios(features, labels).numpy(), rel=1e-5)


def test_total_collapse_has_no_signal_and_no_class_scatter_all():
    labels = torch.arange(4).repeat(5)
    assert ratios(torch.ones(20, 6), labels).tolist() == [0, 0, 0]
    assert ratios(nclib.simplex_etf(4, 6)[labels], labels).tolist() == [torch.inf] * 3
    noise = torch.randn(20, 3, dtype=torch.float64)
    noise -= torch.stack([noise[labels == c].mean(0) for c in range(4)])[labels]
    assert ratios(noise, labels).numpy() == pytest.approx(np.zeros(3), abs=1e-12)


def test_fewer_dimensions_than_the_simplex_needs_leave_zeros():
    found = ratios(*case(7, 3))
    assert found.shape == (6,)
    assert (found[:3] > 0).all()
    assert found[3:].tolist() == [0, 0, 0]


def test_the_loss_between_no_signal_and_collapse():
    ends = torch.tensor([[0.0] * 4, [1.0] * 4, [torch.inf] * 4])
    assert central_path.loss(ends, num_classes=5).tolist() == pytest.approx([0.4, 1 / 3, 0])


# --- the law


def spectrum(num_classes, low, high, seed):
    powers = np.random.default_rng(seed).uniform(low, high, num_classes - 1)
    return torch.tensor(10**powers)


def law(kind, num_classes, per_class):
    """F and ωF' with 40 digits, from the paper's form."""
    c, n, log = mpmath.mpf(num_classes), mpmath.mpf(per_class), mpmath.log
    if kind == "projected":
        return (
            lambda w: n * (c**2 * log(w) + c * w**2 + w**4 / 4),
            lambda w: n * (c + w**2) ** 2,
        )
    return lambda w: n * c * (c * log(w) + w**2 / 2), lambda w: n * c * (c + w**2)


@given(sizes, kinds, st.integers(0, 2**31), st.sampled_from([(-8, -3), (-1, 1), (1, 4)]))
def test_the_flow_keeps_to_its_law(size, kind, seed, powers):
    """Within 1e-10 of the time passed, or what one rounding of ω itself makes of it."""
    num_classes, per_class = size
    start = spectrum(num_classes, *powers, seed)[:1].expand(num_classes - 1)
    omega = flow(start, TIMES, num_classes=num_classes, per_class=per_class, kind=kind)[:, 0]
    law_of, slope = law(kind, num_classes, per_class)
    with mpmath.workdps(40):
        first = law_of(mpmath.mpf(float(start[0])))
        for time, value in zip(TIMES.tolist(), map(mpmath.mpf, omega.tolist()), strict=True):
            missed = abs(law_of(value) - first - time)
            assert missed <= 1e-13 * time + 2**-50 * slope(value)
            assert missed <= 1e-10 * (abs(first) + time)


@given(sizes, kinds, st.integers(0, 2**31))
def test_the_flow_begins_where_it_starts_never_falls_and_can_be_taken_up_again(size, kind, seed):
    num_classes, per_class = size
    start = spectrum(num_classes, -3, 3, seed)
    given_ = {"num_classes": num_classes, "per_class": per_class, "kind": kind}
    omega = flow(start, TIMES, **given_)
    assert torch.equal(omega[0], start)
    assert (omega.diff(dim=0) >= 0).all()
    order = start.argsort()
    assert (omega[:, order].diff(dim=1) >= 0).all()  # no mode overtakes another
    again = flow(omega[20], TIMES, **given_)
    both = flow(start, TIMES + TIMES[20], **given_)
    assert torch.allclose(again, both, rtol=1e-12)


@pytest.mark.parametrize("size", [(2, 1), (4, 6), (10, 5000)])
@pytest.mark.parametrize("start", [1e-8, 1.0, 1e4, 1e8])
@pytest.mark.parametrize("kind", KINDS)
def test_the_time_passed_does_not_cancel(size, kind, start):
    """At ω = 1e4 a time of 1 is lost in ω and in its clock, not in the growth."""
    given_ = {"num_classes": size[0], "per_class": size[1], "kind": kind}
    omega0 = torch.full((size[0] - 1,), start, dtype=torch.float64)
    growth = central_path.log_growth(omega0, TIMES, **given_)
    assert growth[0].tolist() == [0] * (size[0] - 1)
    found = central_path.passed(omega0, growth, **given_)
    np.testing.assert_allclose(found[:, 0], TIMES, rtol=1e-11)
    law_of, _ = law(kind, *size)
    with mpmath.workdps(60):
        start = mpmath.mpf(start)
        whole = [law_of(start * mpmath.exp(float(one))) - law_of(start) for one in growth[1:, 0]]
    np.testing.assert_allclose(found[1:, 0], np.array(whole, dtype=float), rtol=1e-13)
    omega = flow(omega0, TIMES, **given_)
    assert torch.equal(omega, (omega0 * growth.exp()).cummax(0).values)


def test_what_clocks_of_ratios_alone_can_tell():
    """The limit that ``clock`` names: two roundings of ω."""
    size, start = {"num_classes": 4, "per_class": 6}, torch.full((3,), 1e4, dtype=torch.float64)
    times = torch.tensor([1.0, 10, 100, 1000], dtype=torch.float64)
    clocks = central_path.clock(flow(start, times, **size), **size)
    found = clocks - central_path.clock(start, **size)
    assert found[0].tolist() == [0, 0, 0]
    assert (found - times[:, None]).abs().max() < 2 * size["per_class"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_flow_is_the_solution_of_its_differential_equation(kind):
    start, per_class, num_classes = np.array([0.01, 1.0, 5.0]), 6, 4

    def speed(time, omega):
        if kind == "projected":
            return omega / (per_class * (num_classes + omega**2) ** 2)
        return omega / (per_class * num_classes * (num_classes + omega**2))

    times = np.array([0.0, 1, 30, 1000, 1e4])
    solved = scipy.integrate.solve_ivp(
        speed, (0, 1e4), start, t_eval=times, method="DOP853", rtol=1e-12, atol=1e-14
    )
    given_ = {"num_classes": num_classes, "per_class": per_class, "kind": kind}
    found = flow(torch.tensor(start), torch.tensor(times), **given_)
    assert found.T.numpy() == pytest.approx(solved.y, rel=1e-9)
    passed = central_path.clock(found, **given_) - central_path.clock(found[0], **given_)
    assert passed.T.numpy() == pytest.approx(np.tile(times, (3, 1)), rel=1e-10, abs=1e-10)


def test_the_rescaled_flow_in_closed_form():
    start, num_classes, per_class = spectrum(6, -1, 1, 0), 6, 20
    offset = num_classes * start.log() + start**2 / 2
    y = offset + TIMES[:, None] / (per_class * num_classes)
    squares = num_classes * scipy.special.wrightomega(
        2 * y.numpy() / num_classes - np.log(num_classes)
    )
    given_ = {"num_classes": num_classes, "per_class": per_class, "kind": "rescaled"}
    assert flow(start, TIMES, **given_).numpy() == pytest.approx(np.sqrt(squares), rel=1e-12)


@pytest.mark.parametrize(("kind", "factor"), [("projected", 4), ("rescaled", 2)])
def test_ratios_tend_to_one_and_growth_to_its_power(kind, factor):
    given_ = {"num_classes": 5, "per_class": 8, "kind": kind}
    start = torch.tensor([0.5, 1, 2, 3], dtype=torch.float64)
    times = torch.logspace(6, 12, 7, dtype=torch.float64)
    omega = flow(start, times, **given_)
    offsets = central_path.clock(start, **given_)
    gap = 1 - omega.min(1).values / omega.max(1).values
    expected = (offsets.max() - offsets.min()) / (factor * times)
    assert gap.numpy() == pytest.approx(expected.numpy(), rel=0.05)
    away = (omega / central_path.asymptote(times, **given_)[:, None] - 1).abs()
    assert (away.diff(dim=0) < 0).all()
    assert away[-1].max() < 1e-4
    slopes = omega.log().diff(dim=0) / times.log().diff()[:, None]
    assert slopes[-1].tolist() == pytest.approx([1 / factor] * 4, rel=1e-3)


def test_no_times_give_no_rows_and_integers_count_as_numbers():
    omega0 = torch.tensor([1, 2])
    empty = flow(omega0, torch.tensor([]), num_classes=3, per_class=5)
    assert empty.shape == (0, 2)
    found = flow(omega0, torch.tensor([0, 7]), num_classes=3, per_class=5)
    exact = flow(omega0.double(), torch.tensor([0.0, 7.0]).double(), num_classes=3, per_class=5)
    assert torch.equal(found, exact)


# --- the flow on features


@given(shapes)
def test_the_gradient_is_that_of_the_least_squares_loss(shape):
    num_classes, extra, seed = shape
    features, labels = case(num_classes, 1 + extra, seed)
    features = features.requires_grad_()
    ones = torch.ones(len(labels), 1, dtype=torch.float64)
    targets = torch.nn.functional.one_hot(labels, num_classes).double()
    extended = torch.cat([features, ones], 1)
    solved = torch.linalg.solve(extended.T @ extended, extended.T @ targets)
    loss = (extended @ solved - targets).square().sum() / (2 * len(labels))
    (expected,) = torch.autograd.grad(loss, features)
    found = central_path.feature_gradient(features.detach(), labels)
    assert torch.allclose(found, expected, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(("num_classes", "num_features"), [(2, 1), (3, 5), (4, 3), (6, 9)])
def test_each_line_of_the_derivation(num_classes, num_features):
    """Notebook 05, section 2: what one gradient step does to the means and to the noise."""
    features, labels = case(num_classes, num_features, seed=5)
    labels = labels.sort().values
    x = central_path._whiten(central_path._by_class(features, labels))
    n, means = x.shape[1], x.mean(1)
    residuals = x - means[:, None]
    u, omega, vt = torch.linalg.svd(means, full_matrices=False)
    u, omega, vt = u[:, : num_classes - 1], omega[: num_classes - 1], vt[: num_classes - 1]
    flat = x.flatten(0, 1)
    weight, _ = nclib.least_squares_classifier(ClassStatistics.from_features(flat, labels))
    values = omega / (num_classes + omega**2)
    assert torch.allclose(weight, u * values @ vt, atol=1e-12)
    step = -central_path.feature_gradient(flat, labels).unflatten(0, (num_classes, n))
    speed = omega / (n * (num_classes + omega**2) ** 2)
    assert torch.allclose(step.mean(1), u * speed @ vt, atol=1e-12)
    slope = torch.func.grad(lambda w: (0.5 / (num_classes + w**2)).sum())(omega)
    assert torch.allclose(speed, -slope / n, rtol=1e-12)
    shrinking = values**2 / (n * num_classes)
    of_noise = step - step.mean(1, keepdim=True)
    assert torch.allclose(of_noise, -(residuals @ vt.T) * shrinking @ vt, atol=1e-12)
    rescaled = omega / (n * num_classes * (num_classes + omega**2))
    assert torch.allclose(speed + omega * shrinking, rescaled, rtol=1e-12)
    tangent = -central_path._tangent(x)  # what keeps Σ_W = I is the means' step, and nothing else
    assert torch.allclose(tangent, step.mean(1, keepdim=True).expand_as(x), atol=1e-12)


def errors(kind, *, of, time=60.0):
    """Relative distance of simulations, each with half the step, to the flow ``of`` a kind."""
    features, labels = case(4, 8, seed=3, per_class=6)
    found = []
    for step_size in (4.0, 2.0, 1.0, 0.5):
        steps = round(time / step_size)
        times, omegas = simulate(
            features, labels, steps=steps, step_size=step_size, kind=kind, record_every=steps
        )
        law = flow(omegas[0], times, num_classes=4, per_class=6, kind=of)
        found.append(float((omegas / law - 1).abs().max()))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_simulation_meets_its_law_to_first_order_in_the_step_and_not_the_other(kind):
    own = errors(kind, of=kind)
    assert own[-1] < 3e-3
    assert [a / b for a, b in itertools.pairwise(own)] == pytest.approx([2] * 3, rel=0.1)
    (other,) = {"projected", "rescaled"} - {kind}
    assert min(errors(kind, of=other)) > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_plain_descent_follows_neither_law_where_simulation_follows_its_own(kind):
    features, labels = case(4, 8, seed=3, per_class=6)
    given_ = {"num_classes": 4, "per_class": 6, "kind": kind}
    clock = lambda omega: central_path.clock(omega, **given_)  # noqa: E731
    _, omegas = simulate(features, labels, steps=400, step_size=0.5, kind=kind, record_every=400)
    passed = clock(omegas[1]) - clock(omegas[0])
    assert passed.tolist() == pytest.approx([200] * 3, rel=0.03)
    plain = features - ClassStatistics.from_features(features, labels).global_mean
    start = ratios(plain, labels)
    for _ in range(400):
        plain = plain - 0.5 * central_path.feature_gradient(plain, labels)
    passed = clock(ratios(plain, labels)) - clock(start)
    assert float(passed.max() / passed.min()) > 1.1


@pytest.mark.parametrize("kind", KINDS)
def test_simulation_sees_no_affine_map_and_no_order(kind):
    features, labels = case(3, 5, per_class=8)
    given_ = {"steps": 6, "step_size": 3, "kind": kind, "record_every": 2}
    times, omegas = simulate(features, labels, **given_)
    assert times.tolist() == [0, 6, 12, 18]
    assert omegas[0].numpy() == pytest.approx(ratios(features, labels).numpy(), rel=1e-10)
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(5, 5, generator=generator, dtype=torch.float64)
    order = torch.randperm(24, generator=generator)
    _, moved = simulate((features @ mixing + 9)[order], labels[order], **given_)
    assert torch.allclose(moved, omegas, rtol=1e-9)


def test_simulation_with_fewer_dimensions_than_the_simplex_needs():
    _, omegas = simulate(*case(5, 2), steps=3, step_size=1.0)
    assert omegas.shape == (4, 4)
    assert (omegas[:, :2] > 0).all()
    assert (omegas[:, 2:] == 0).all()


def test_no_steps_record_the_start():
    features, labels = case(3, 4)
    times, omegas = simulate(features.float(), labels, steps=0, step_size=1.0)
    assert times.tolist() == [0]
    assert omegas[0].numpy() == pytest.approx(ratios(features, labels).numpy(), rel=1e-5)


def test_renormalised_descent_lowers_the_loss_and_stays_on_the_central_path():
    features, labels = case(3, 4)
    for kind in KINDS:
        _, omegas = simulate(features, labels, steps=20, step_size=1.0, kind=kind)
        assert (central_path.loss(omegas, num_classes=3).diff() < 0).all()


# --- what is refused

FEATURES, LABELS = case(4, 8, per_class=6)
START = torch.tensor([1.0, 2.0, 3.0])
GIVEN = {"num_classes": 4, "per_class": 6}
REFUSED = {
    "a negative time": (
        lambda: flow(START, torch.tensor([-1.0, 0.0]), **GIVEN),
        r"times contain -1\.0; they must be finite and at least 0",
    ),
    "a time without end": (
        lambda: flow(START, torch.tensor([0.0, torch.inf]), **GIVEN),
        "times contain inf",
    ),
    "times that go back": (
        lambda: flow(START, torch.tensor([0.0, 2.0, 1.0]), **GIVEN),
        r"times are not ascending; sort them",
    ),
    "times in a matrix": (
        lambda: flow(START, torch.zeros(2, 2), **GIVEN),
        r"times have shape \(2, 2\); expected \(T,\)",
    ),
    "a mode without signal": (
        lambda: flow(0 * START, TIMES, **GIVEN),
        r"omega0 contains 0\.0; each must lie above 0 .* p < C-1",
    ),
    "a negative ratio": (lambda: flow(-START, TIMES, **GIVEN), r"omega0 contains -1\.0"),
    "an infinite ratio": (
        lambda: flow(START / 0, TIMES, **GIVEN),
        "omega0 contains inf.*Σ_W is singular",
    ),
    "ratios that are NaN": (lambda: flow(START * torch.nan, TIMES, **GIVEN), "omega0 contains nan"),
    "ratios of other classes": (
        lambda: flow(START[:2], TIMES, **GIVEN),
        r"omega0 has shape \(2,\); expected \(C-1,\) with C = 4",
    ),
    "an unknown kind of flow": (
        lambda: flow(START, TIMES, **GIVEN, kind="plain"),
        "kind is 'plain'; choose from projected, rescaled",
    ),
    "an unknown kind of simulation": (
        lambda: simulate(FEATURES, LABELS, steps=1, step_size=1.0, kind="naive"),
        "kind is 'naive'; choose from projected, rescaled",
    ),
    "one class": (
        lambda: flow(START[:0], TIMES, num_classes=1, per_class=6),
        "num_classes is 1; give an integer of at least 2",
    ),
    "no samples": (
        lambda: central_path.clock(START, num_classes=4, per_class=0),
        "per_class is 0; give an integer of at least 1",
    ),
    "the loss of other classes": (
        lambda: central_path.loss(START, num_classes=3),
        r"omega has shape \(3,\); expected \(..., C-1\) with C = 3",
    ),
    "the loss of negative ratios": (
        lambda: central_path.loss(-START, num_classes=4),
        "omega has negative or NaN values",
    ),
    "unequal class counts": (
        lambda: simulate(FEATURES[1:], LABELS[1:], steps=1, step_size=1.0),
        r"labels have \[.*5.*\] samples of the classes; give equally many of each",
    ),
    "the gradient for unequal class counts": (
        lambda: central_path.feature_gradient(FEATURES[1:], LABELS[1:]),
        "give equally many of each",
    ),
    "too few samples": (
        lambda: simulate(*case(4, 9, per_class=3), steps=1, step_size=1.0),
        r"singular within-class covariance \(rank 8 of 9\); give at least p \+ C = 13 samples",
    ),
    "a dead feature": (
        lambda: simulate(FEATURES * (torch.arange(8) > 0), LABELS, steps=1, step_size=1.0),
        r"rank 7 of 8.*features that all vary",
    ),
    "steps below zero": (
        lambda: simulate(FEATURES, LABELS, steps=-1, step_size=1.0),
        "steps is -1; give an integer of at least 0",
    ),
    "a step of nothing": (
        lambda: simulate(FEATURES, LABELS, steps=1, step_size=0.0),
        r"step_size is 0\.0; it must be finite and above 0",
    ),
    "never recorded": (
        lambda: simulate(FEATURES, LABELS, steps=1, step_size=1.0, record_every=0),
        "record_every is 0; give an integer of at least 1",
    ),
    "labels of no class": (
        lambda: simulate(FEATURES, LABELS.double(), steps=1, step_size=1.0),
        "labels have dtype torch.float64",
    ),
    "ratios without scatter": (
        lambda: snr_singular_values(ClassStatistics(4, 8, scatter=False).update(FEATURES, LABELS)),
        "scatter=False",
    ),
    "ratios with a class missing": (lambda: ratios(FEATURES, LABELS, 5), "no samples of class 4"),
}


@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_named(name):
    act, said = REFUSED[name]
    with pytest.raises(ValueError, match=said):
        act()
