"""Closed-form minima against descents and random points; saddles."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nclib import simplex_etf
from nclib.formulas import descent, losses
from nclib.formulas.ufm import UFM, ce_minimum, focal_minimum, mse_minimum

MODELS = {  # name: loss, decay on the bias, closed form
    "squared error": ("squared_error", None, mse_minimum),
    "squared error, free bias": ("squared_error", 0.0, mse_minimum),
    "squared error, decayed bias": ("squared_error", 0.4, mse_minimum),
    "cross-entropy": ("cross_entropy", None, ce_minimum),
    "cross-entropy, free bias": ("cross_entropy", 0.0, ce_minimum),
    "label smoothing": ("label_smoothing", None, ce_minimum),
    "focal": ("focal", None, focal_minimum),
}
EACH_MODEL = pytest.mark.parametrize("name", MODELS)


def setting(seed, *, above, largest=7):
    """C, n and decays with Cθ on one side of the threshold 1."""
    rng = np.random.default_rng(seed)
    num_classes, per_class = int(rng.integers(2, largest)), int(rng.integers(1, 7))
    theta = float(rng.uniform(1.1, 3) if above else rng.uniform(0.05, 0.85)) / num_classes
    ratio = float(np.exp(rng.uniform(-1, 1)))
    root = theta / per_class**0.5
    return num_classes, per_class, {"weight_decay": root * ratio, "feature_decay": root / ratio}


def optimum(name, num_classes, per_class, decays):
    _, bias_decay, minimum = MODELS[name]
    if minimum is mse_minimum:
        decays = decays | {"bias_decay": bias_decay}
    if name == "label smoothing":
        decays = decays | {"smoothing": 0.1}
    return minimum(num_classes, per_class, **decays)


def model(name, num_classes, per_class, num_features, decays, **options):
    loss, bias_decay, _ = MODELS[name]
    return UFM(
        num_classes,
        per_class,
        num_features,
        loss=loss,
        bias_decay=bias_decay,
        **decays,
        **options,
    )


def objective(network):
    with torch.no_grad():
        return float(network.objective())


def check_fit(name, seed, *, above):
    num_classes, per_class, decays = setting(seed, above=above)
    expected = optimum(name, num_classes, per_class, decays)
    network = model(name, num_classes, per_class, num_classes + seed % 3, decays, seed=seed)
    assert descent.minimise(network) == pytest.approx(expected.loss, rel=0, abs=1e-8)
    weight, means = network.weight.detach(), network.class_means()
    assert torch.allclose(weight @ weight.T, expected.weight_gram, rtol=0, atol=1e-4)
    assert torch.allclose(means @ means.T, expected.mean_gram, rtol=0, atol=1e-4)
    assert torch.allclose(weight @ means.T, expected.mean_logits, rtol=0, atol=1e-4)
    within = network.features.detach().unflatten(0, (num_classes, per_class)) - means[:, None]
    assert float(within.abs().max()) < 1e-4
    if network.bias is not None and MODELS[name][1] != 0:  # a free constant changes no softmax
        assert torch.allclose(
            network.bias.detach(), torch.full_like(network.bias.detach(), expected.bias), atol=1e-5
        )
    if not name.startswith("focal"):
        assert expected.is_zero == above


@EACH_MODEL
@pytest.mark.parametrize("above", [False, True])
def test_a_descent_reaches_the_closed_form(name, above):
    check_fit(name, 0, above=above)
    check_fit(name, 1, above=above)


@pytest.mark.slow
@EACH_MODEL
@pytest.mark.parametrize("above", [False, True])
@pytest.mark.parametrize("seed", range(2, 10))
def test_a_descent_reaches_the_closed_form_in_many_settings(name, above, seed):
    check_fit(name, seed, above=above)


@EACH_MODEL
@given(st.integers(0, 2**31), st.booleans(), st.floats(0.01, 3))
@settings(max_examples=25)
def test_no_point_lies_below_the_closed_form(name, seed, above, size):
    num_classes, per_class, decays = setting(seed, above=above)
    least = optimum(name, num_classes, per_class, decays).loss
    anywhere = model(name, num_classes, per_class, num_classes, decays, seed=seed, init=size)
    assert objective(anywhere) >= least
    means = size * simplex_etf(num_classes)
    collapsed = anywhere.place(means, means.repeat_interleave(per_class, 0))
    assert objective(collapsed) >= least - 1e-12


@EACH_MODEL
@given(st.integers(0, 2**31), st.booleans())
@settings(max_examples=25)
def test_the_minimum_is_attained_by_its_own_gram_matrices(name, seed, above):
    """A factor of each Gram matrix, put into the objective, gives the loss that was claimed."""
    num_classes, per_class, decays = setting(seed, above=above, largest=12)
    expected = optimum(name, num_classes, per_class, decays)
    values, vectors = torch.linalg.eigh(expected.mean_logits)
    root = vectors * torch.where(values > 1e-12, values, 0.0).sqrt()
    weight, means = root * expected.ratio**0.5, root / expected.ratio**0.5
    assert torch.allclose(weight @ weight.T, expected.weight_gram, atol=1e-12)
    network = model(name, num_classes, per_class, num_classes, decays)
    network.place(weight, means.repeat_interleave(per_class, 0))
    if network.bias is not None:
        network.place(
            weight,
            means.repeat_interleave(per_class, 0),
            torch.full((num_classes,), expected.bias, dtype=torch.float64),
        )
    assert objective(network) == pytest.approx(expected.loss, rel=1e-12, abs=1e-12)
    network.objective().backward()
    for parameter in network.parameters():
        # focal's s comes from a search, so its slope is not zero to rounding
        assert float(parameter.grad.abs().max()) < (1e-6 if name == "focal" else 1e-12)


@EACH_MODEL
@given(st.integers(0, 2**31), st.booleans())
@settings(max_examples=20)
def test_only_the_product_of_decays_and_samples_counts(name, seed, above):
    num_classes, per_class, decays = setting(seed, above=above)
    merged = {
        "weight_decay": decays["weight_decay"] * per_class / 2,
        "feature_decay": decays["feature_decay"] * 2,
    }
    found = optimum(name, num_classes, per_class, decays)
    single = optimum(name, num_classes, 1, merged)
    assert single.loss == pytest.approx(found.loss, rel=1e-12)
    assert single.scale == pytest.approx(found.scale, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("num_classes", [2, 3, 10, 100])
@pytest.mark.parametrize("name", [n for n in MODELS if n not in ("focal", "label smoothing")])
def test_zero_takes_over_where_said_and_without_a_jump(name, num_classes):
    for factor, zero in ((1 - 1e-6, False), (1 + 1e-6, True)):
        decay = factor / num_classes
        found = optimum(name, num_classes, 1, {"weight_decay": decay, "feature_decay": decay})
        assert found.is_zero == zero
        assert found.scale < 1e-3
    network = model(name, num_classes, 1, 2, {"weight_decay": 1, "feature_decay": 1}, init=0)
    zero_loss = {"cross_entropy": math.log(num_classes), "squared_error": 0.5}[network.loss]
    if network.bias is not None and network.loss == "squared_error":
        zero_loss += -0.5 / num_classes + found.bias * network.bias_decay / 2
    assert found.loss == pytest.approx(zero_loss, rel=1e-12)


@given(st.integers(2, 20), st.floats(0.01, 0.99))
@settings(max_examples=20)
def test_decay_on_the_bias_leads_from_the_simplex_to_the_orthogonal_frame(num_classes, part):
    decay = part / num_classes
    decays = {"weight_decay": decay, "feature_decay": decay}
    simplex = mse_minimum(num_classes, 1, **decays, bias_decay=0.0)
    frame = mse_minimum(num_classes, 1, **decays)
    biases = [float(x) for x in np.geomspace(1e-4, 1e8, 40)]
    between = [mse_minimum(num_classes, 1, **decays, bias_decay=b) for b in biases]
    cosines = [float(o.mean_gram[0, 1] / o.mean_gram[0, 0]) for o in (simplex, *between, frame)]
    assert cosines[0] == pytest.approx(-1 / (num_classes - 1))
    assert cosines[-1] == pytest.approx(0, abs=1e-12)
    assert cosines[-2] == pytest.approx(0, abs=1e-5)
    assert np.all(np.diff(cosines) >= -1e-12)
    assert np.all(np.diff([o.loss for o in (simplex, *between, frame)]) >= -1e-12)


@pytest.mark.parametrize("bias_decay", [None, 0.0, 0.05, 2.0])
@pytest.mark.parametrize("num_features", [1, 2, 4])
def test_fewer_features_than_classes_leave_out_directions(bias_decay, num_features):
    num_classes, per_class, decays = 5, 3, {"weight_decay": 0.02, "feature_decay": 0.03}
    expected = mse_minimum(
        num_classes, per_class, **decays, bias_decay=bias_decay, num_features=num_features
    )
    network = UFM(
        num_classes,
        per_class,
        num_features,
        loss="squared_error",
        bias_decay=bias_decay,
        **decays,
    )
    assert descent.minimise(network) == pytest.approx(expected.loss, rel=0, abs=1e-8)
    assert expected.rank == num_features
    if num_features < num_classes - 1 or bias_decay is None:
        with pytest.raises(ValueError, match="not unique; raise num_features"):
            expected.weight_gram
    else:
        weight = network.weight.detach()
        assert torch.allclose(weight @ weight.T, expected.weight_gram, atol=1e-4)


def test_all_losses_give_the_same_simplex_and_the_squared_one_without_bias_a_frame():
    decays = {"weight_decay": 5e-3, "feature_decay": 5e-3}
    for name in MODELS:
        network = model(name, 4, 3, 5, decays)
        descent.minimise(network)
        means = network.class_means()
        unit = means / means.norm(dim=1, keepdim=True)
        cosines = (unit @ unit.T)[torch.ones(4, 4).triu(1) == 1]
        wanted = 0 if name == "squared error" else -1 / 3
        if name != "squared error, decayed bias":
            assert torch.allclose(cosines, torch.full_like(cosines, wanted), atol=1e-4), name


def test_losses_are_the_definitions():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 3, dtype=torch.float64, generator=generator)
    labels = torch.tensor([0, 1, 2, 2, 1, 0])
    own = logits.softmax(1)[range(6), labels]
    uniform = -logits.log_softmax(1).mean(1)
    expected = {
        "cross_entropy": -own.log(),
        "squared_error": (logits - torch.eye(3)[labels]).square().sum(1) / 2,
        "label_smoothing": -0.9 * own.log() + 0.1 * uniform,
        "focal": -((1 - own) ** 2) * own.log(),
    }
    assert set(expected) == set(losses.UFM_LOSSES)
    for name, values in expected.items():
        found = losses.UFM_LOSSES[name](logits, labels)
        assert float(found) == pytest.approx(float(values.mean()), rel=1e-12)


FOCAL = {2: 0.5966, 3: 0.9327, 4: 1.0824, 10: 1.2245}


@pytest.mark.parametrize("num_classes", [2, 3, 4, 10])
@pytest.mark.parametrize("name", MODELS)
def test_zero_is_left_while_c_theta_is_less_than_the_pull_of_the_loss(name, num_classes):
    """1 for cross-entropy and squared error, not for all losses: 0.9 smoothed, else for focal."""
    loss, bias_decay, _ = MODELS[name]
    pull = losses.pull_at_zero(losses.UFM_LOSSES[loss], num_classes)
    wanted = {"label_smoothing": 0.9, "focal": FOCAL[num_classes]}.get(loss, 1)
    assert pull == pytest.approx(wanted, abs=1e-4)
    for factor in (0.98, 1.02):
        decay = factor * pull / num_classes
        decays = {"weight_decay": decay, "feature_decay": decay}
        assert optimum(name, num_classes, 1, decays).is_zero == (factor > 1)
        network = model(name, num_classes, 1, num_classes, decays, init=0)
        descent.minimise(network)  # the bias, where there is one
        if num_classes < 5 and bias_decay != 0:  # a free bias is flat under softmax
            assert (descent.least_eigenvalue(network) < -1e-6) == (factor < 1)


def test_the_focal_loss_keeps_a_simplex_beyond_the_threshold_of_the_others():
    decays = {"weight_decay": 0.1, "feature_decay": 0.1}  # ten classes, Cθ = 1
    assert focal_minimum(10, 1, **decays).scale == pytest.approx(0.878, abs=1e-3)
    network = model("focal", 10, 1, 10, decays, init=1)
    assert descent.minimise(network) == pytest.approx(focal_minimum(10, 1, **decays).loss, abs=1e-9)
    assert ce_minimum(10, 1, **decays).is_zero


def curvature(name):
    """The least over random logits of one sample of four classes."""
    draw, label = torch.Generator().manual_seed(0), torch.tensor([0])
    points = 3 * torch.randn(100, 1, 4, generator=draw, dtype=torch.float64)
    slope = torch.func.grad(lambda z: losses.UFM_LOSSES[name](z, label))
    hessians = [torch.func.jacrev(slope)(z).reshape(4, 4) for z in points]
    return min(float(torch.linalg.eigvalsh(hessian)[0]) for hessian in hessians)


def test_symmetry_sets_the_shape_where_the_loss_is_convex_and_the_focal_loss_is_not():
    for name in set(losses.UFM_LOSSES) - {"focal"}:
        assert curvature(name) > -1e-12, name
    assert curvature("focal") < -0.05


@pytest.mark.parametrize("loss", sorted({*losses.UFM_LOSSES} - {"focal"}))
def test_for_fixed_weights_all_samples_of_a_class_want_the_same_feature(loss):
    """NC1 first: for any W and b, each h_i minimises the same strictly convex function."""
    for decay, collapses in ((0.02, True), (0.0, False)):
        network = UFM(3, 5, 6, loss=loss, weight_decay=0.1, feature_decay=decay, bias_decay=0.0)
        network.weight.requires_grad_(False)
        network.bias.requires_grad_(False)
        descent.minimise(network, iterations=300)
        residuals = network.features.detach().unflatten(0, (3, 5)) - network.class_means()[:, None]
        assert (float(residuals.abs().max()) < 1e-6) == collapses


@pytest.mark.parametrize("num_features", [3, 8])
def test_without_decay_the_flow_keeps_what_the_start_put_between_features_and_weights(num_features):
    """WᵀW - HᵀH stays in a slow descent; with a decay λ on both it dies out like e^{-2λt}."""
    for decay in (0.0, 0.05):
        decays = {"weight_decay": decay, "feature_decay": decay}
        network = UFM(4, 15, num_features, loss="squared_error", bias_decay=0.0, **decays)
        found = []
        for _ in descent.gradient_descent(network, steps=2000, learning_rate=0.01):
            w, h = network.weight.detach(), network.features.detach()
            found.append(w.T @ w - h.T @ h)
        expected = math.exp(-2 * decay * 2000 * 0.01) * found[0]
        assert float((found[1] - expected).norm() / found[0].norm()) < 0.02


# descents and saddles


def test_gradient_descent_yields_its_states_and_arrives():
    decays = {"weight_decay": 0.03, "feature_decay": 0.02}
    network = model("cross-entropy", 3, 4, 3, decays)
    seen, losses = [], []
    run = descent.gradient_descent(network, steps=1500, learning_rate=2, record_every=400)
    for step in run:
        seen.append(step)
        losses.append(objective(network))
    assert seen == [0, 400, 800, 1200, 1500]
    assert all(after < before + 1e-12 for before, after in itertools.pairwise(losses))
    assert losses[1] < losses[0] - 0.01
    assert losses[-1] == pytest.approx(ce_minimum(3, 4, **decays).loss, abs=1e-8)


def test_gradient_descent_is_the_formula_and_starts_anywhere():
    decays = {"weight_decay": 0.1, "feature_decay": 0.2}
    network = model("squared error, decayed bias", 3, 2, 4, decays)
    generator = torch.Generator().manual_seed(5)
    weight, features = (torch.randn(n, 4, dtype=torch.float64, generator=generator) for n in (3, 6))
    bias = torch.randn(3, dtype=torch.float64, generator=generator)
    network.place(weight, features, bias)
    residual = features @ weight.T + bias - torch.eye(3).repeat_interleave(2, 0)
    assert list(descent.gradient_descent(network, steps=1, learning_rate=0.5)) == [0, 1]
    expected = {
        "weight": weight - 0.5 * (residual.T @ features / 6 + 0.1 * weight),
        "features": features - 0.5 * (residual @ weight / 6 + 0.2 * features),
        "bias": bias - 0.5 * (residual.mean(0) + 0.4 * bias),
    }
    for name, parameter in network.named_parameters():
        assert torch.allclose(parameter.detach(), expected[name], rtol=1e-12), name


@pytest.mark.parametrize(("steps", "num_records"), [(1, 1), (7, 1), (500, 2), (500, 50)])
def test_log_spaced_records_hold_the_last_step(steps, num_records):
    kept = descent.log_spaced(steps, num_records)
    assert {1, steps} <= kept <= {*range(1, steps + 1)}
    assert len(kept) <= num_records + 1


@pytest.mark.parametrize("name", ["squared error", "squared error, free bias", "cross-entropy"])
@given(st.integers(0, 2**31), st.booleans())
@settings(max_examples=8)
def test_zero_is_a_strict_saddle_below_the_threshold_only(name, seed, above):
    """Its least curvature: that of [[λ_W, 1/(C√n)], [1/(C√n), λ_H]]."""
    num_classes, per_class, decays = setting(seed, above=above, largest=5)
    network = model(name, num_classes, per_class, 2, decays, init=0)
    if network.bias is not None:
        network.bias.data.fill_(1 / num_classes)
    pull = 1 / (num_classes * per_class**0.5)
    block = [[decays["weight_decay"], pull], [pull, decays["feature_decay"]]]
    expected = float(np.linalg.eigvalsh(block)[0])
    if network.bias is not None:  # a flat direction, or the bias's own curvature
        expected = min(expected, float(np.linalg.eigvalsh(descent.hessian(network).numpy())[0]))
    found = descent.least_eigenvalue(network)
    assert found == pytest.approx(expected, abs=1e-9)
    assert (found < -1e-9) == (not above)


@pytest.mark.parametrize("name", ["squared error", "squared error, free bias", "cross-entropy"])
def test_a_minimum_of_lower_rank_is_a_strict_saddle_and_the_way_down_leads_to_the_minimum(name):
    num_classes, per_class, decays = 4, 2, {"weight_decay": 0.03, "feature_decay": 0.05}
    plane = model(name, num_classes, per_class, 2, decays, seed=1)
    in_plane = descent.minimise(plane)
    network = model(name, num_classes, per_class, num_classes + 1, decays)
    parts = [plane.weight, plane.features, *([] if plane.bias is None else [plane.bias])]
    padded = [
        torch.nn.functional.pad(x.detach(), (0, num_classes - 1)) if x.ndim == 2 else x.detach()
        for x in parts
    ]
    network.place(*padded)
    network.objective().backward()
    assert max(float(p.grad.abs().max()) for p in network.parameters()) < 1e-8  # critical
    values, vectors = torch.linalg.eigh(descent.hessian(network))
    assert float(values[0]) == pytest.approx(descent.least_eigenvalue(network), abs=1e-12)
    assert float(values[0]) < -1e-3
    with torch.no_grad():
        point = torch.nn.utils.parameters_to_vector(network.parameters())
        torch.nn.utils.vector_to_parameters(point + 1e-2 * vectors[:, 0], network.parameters())
    assert objective(network) < in_plane - 1e-8
    expected = optimum(name, num_classes, per_class, decays)
    assert descent.minimise(network) == pytest.approx(expected.loss, abs=1e-8)
    assert descent.least_eigenvalue(network) > -1e-6


def test_the_hessian_is_that_of_differences_of_the_gradient():
    network = model("focal", 3, 2, 2, {"weight_decay": 0.1, "feature_decay": 0.2})
    found = descent.hessian(network)
    point = torch.nn.utils.parameters_to_vector(network.parameters()).detach()

    def gradient(at):
        torch.nn.utils.vector_to_parameters(at, network.parameters())
        grads = torch.autograd.grad(network.objective(), list(network.parameters()))
        return torch.cat([g.flatten() for g in grads])

    steps = 1e-5 * torch.eye(len(point), dtype=torch.float64)
    columns = [(gradient(point + e) - gradient(point - e)) / 2e-5 for e in steps]
    assert torch.allclose(found, torch.stack(columns), atol=1e-8)


# bad input

GOOD = {"num_classes": 3, "per_class": 2, "weight_decay": 0.1, "feature_decay": 0.1}


@pytest.mark.parametrize("minimum", [mse_minimum, ce_minimum, focal_minimum])
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("num_classes", 1, "num_classes is 1; give an integer of at least 2"),
        ("per_class", 0, "per_class is 0; give an integer of at least 1"),
        ("weight_decay", -0.1, "weight_decay is -0.1; give a finite number"),
        ("feature_decay", -1, "feature_decay is -1; give a finite number"),
        ("feature_decay", float("nan"), "feature_decay is nan"),
        ("weight_decay", 0, "weight_decay is 0; without decay nothing bounds"),
    ],
)
def test_settings_out_of_range_are_named(minimum, name, value, message):
    with pytest.raises(ValueError, match=message):
        minimum(**(GOOD | {name: value}))
    if value != 0 or name == "per_class":  # the model itself may go without decay
        with pytest.raises(ValueError, match=message):
            UFM(**(GOOD | {"num_features": 3, name: value}))


def test_other_bad_input_is_named():
    with pytest.raises(ValueError, match="bias_decay is -1"):
        mse_minimum(**GOOD, bias_decay=-1)
    with pytest.raises(ValueError, match="num_features is 0"):
        mse_minimum(**GOOD, num_features=0)
    with pytest.raises(ValueError, match=r"smoothing is 1\.0; give a number in"):
        ce_minimum(**GOOD, smoothing=1.0)
    with pytest.raises(ValueError, match="loss 'hinge' is unknown; choose from cross_entropy"):
        UFM(**GOOD, num_features=3, loss="hinge")
    network = UFM(**GOOD, num_features=3)
    weight, features = network.weight.detach(), network.features.detach()
    with pytest.raises(ValueError, match=r"features has shape \(3, 3\); this model needs \(6, 3\)"):
        network.place(weight, weight)
    with pytest.raises(ValueError, match="bias was given, but the model has none"):
        network.place(weight, features, torch.zeros(3))
    with pytest.raises(ValueError, match="learning_rate is 0"):
        next(descent.gradient_descent(network, steps=1, learning_rate=0))
    with pytest.raises(ValueError, match="record_every is 0"):
        next(descent.gradient_descent(network, steps=1, learning_rate=1, record_every=0))
    with pytest.raises(ValueError, match=r"the objective became .*; lower learning_rate"):
        list(descent.gradient_descent(network, steps=5000, learning_rate=1e3))
    with pytest.raises(ValueError, match="the model has 27 parameters"):
        descent.hessian(network, largest=20)
    with pytest.raises(ValueError, match="learning_rate is nan"):
        next(descent.gradient_descent(network, steps=1, learning_rate=math.nan))
