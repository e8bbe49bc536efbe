"""Values of the deep model against descents and other formulas; collapse; many models at once."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from nclib.formulas import descent
from nclib.formulas.collapse import collapse_metrics
from nclib.formulas.deep_ufm import (
    DeepUFM,
    collapse_loss,
    existence_limit,
    graph_loss,
    partial_loss,
    threshold,
)
from nclib.formulas.descent import descend, fit
from nclib.formulas.graphs import graph_factor, graph_matrices, incidence
from nclib.formulas.layers import layer_collapse
from nclib.formulas.statistics import ClassStatistics

sizes = st.tuples(st.integers(2, 12), st.integers(2, 9))


def equal_decays(num_classes, depth, part, *, per_class=1, of=threshold):
    """One decay for everything, such that Λ is ``part`` of the threshold."""
    decay = (part * of(num_classes, depth) / per_class) ** (1 / (depth + 1))
    return {"weight_decay": decay, "feature_decay": decay}


def objective(model):
    with torch.no_grad():
        return float(model.objective())


def slope(model):
    """Largest entry of the gradient."""
    model.zero_grad()
    model.objective().backward()
    return max(float(p.grad.abs().max()) for p in model.parameters())


def spread(model):
    """Relative difference between the largest and the least energy."""
    energies = model.energies().detach()
    return float(energies.max() / energies.min()) - 1


# values


@given(sizes, st.floats(1e-6, 0.999))
@settings(max_examples=15)
def test_the_value_is_that_of_a_descent_over_the_sizes_of_all_layers(size, part):
    """Equal shares are not put in: L+1 sizes of K directions each, and decays all different."""
    num_classes, depth = size
    rng = np.random.default_rng(num_classes * 100 + depth)
    decays = rng.uniform(0.5, 2, depth + 1)
    decays *= (part * threshold(num_classes, depth) / decays.prod()) ** (1 / (depth + 1))

    def cost(logs):
        sizes = np.exp(logs)
        return (1 - sizes.prod()) ** 2 / 2 + num_classes * (decays * sizes**2).sum() / 2

    loss, scale = collapse_loss(num_classes, depth, float(decays.prod()))
    start = np.log(scale ** (1 / (depth + 1))) + 0.01 * rng.normal(size=depth + 1)
    found = minimize(cost, start, method="BFGS", options={"gtol": 1e-9})
    assert loss == pytest.approx(found.fun, abs=1e-8)
    assert scale == pytest.approx(float(np.exp(found.x).prod()), abs=1e-4)


@given(sizes)
def test_at_the_threshold_the_scale_jumps_to_zero(size):
    _, depth = size
    limit = threshold(*size)
    below, above = (collapse_loss(*size, limit * factor) for factor in (1 - 1e-9, 1 + 1e-9))
    assert below[0] == pytest.approx(0.5, abs=1e-8)
    assert below[0] < 0.5
    assert below[1] == pytest.approx((depth - 1) / depth, rel=1e-6)
    assert above == (0.5, 0.0)


@given(sizes, st.floats(-8, 1))
def test_no_scale_is_better(size, exponent):
    num_classes, depth = size
    product = 10**exponent * threshold(*size)
    loss, _ = collapse_loss(*size, product)
    scales = np.linspace(0, 1.2, 2001)
    decays = num_classes * (product * scales**2) ** (1 / (depth + 1))
    costs = (1 - scales) ** 2 / 2 + (depth + 1) / 2 * decays
    assert loss == pytest.approx(costs.min(), abs=1e-5)
    assert loss <= costs.min() + 1e-12


@given(sizes, st.floats(0, 1))
def test_partial_collapse_lies_evenly_between(size, part):
    num_classes, _ = size
    product = part * threshold(*size)
    values = [partial_loss(*size, product, rank)[0] for rank in range(num_classes + 1)]
    assert values[0] == 0.5
    assert values[-1] == pytest.approx(collapse_loss(*size, product)[0], rel=1e-12)
    assert np.ptp(np.diff(values)) < 1e-12


def test_without_decay_the_targets_are_met_for_nothing():
    assert collapse_loss(3, 4, 0) == (0, 1)
    assert collapse_loss(3, 4, 0.0) == (0, 1)


@pytest.mark.parametrize(("num_classes", "per_class", "depth"), [(2, 3, 2), (3, 1, 3), (4, 2, 5)])
@pytest.mark.parametrize("part", [0.1, 0.9, 1.1])
def test_the_collapsed_start_has_the_value_and_is_critical(num_classes, per_class, depth, part):
    rng = np.random.default_rng(depth)
    decays = rng.uniform(0.5, 2, depth)
    target = part * threshold(num_classes, depth) / per_class
    decays *= (target / decays.prod()) ** (1 / depth)  # λ_H = 1
    model = DeepUFM(
        num_classes,
        per_class,
        depth,
        num_classes + 2,
        weight_decay=decays.tolist(),
        feature_decay=1,
    ).double()
    model.start_collapsed()
    assert model.decay_product == pytest.approx(part * threshold(num_classes, depth), rel=1e-12)
    assert slope(model) < 1e-12
    assert spread(model) < 1e-12
    loss, scale = collapse_loss(num_classes, depth, model.decay_product)
    if part < 1:
        assert objective(model) == pytest.approx(loss, rel=1e-12)
        expected = scale * torch.eye(num_classes).repeat_interleave(per_class, 0).double()
        assert torch.allclose(model().detach(), expected, atol=1e-12)
    else:
        assert loss == 0.5
        assert objective(model) > 0.5
    for layer in layer_collapse(model):
        assert layer.dnc1 < 1e-20
        assert layer.dnc2 == pytest.approx(1, abs=1e-12)
        assert layer.gram_distance < 1e-12
        assert layer.dnc3 < 1e-12
        assert layer.rank == num_classes


@given(sizes)
def test_collapse_exists_up_to_its_limit(size):
    num_classes, depth = size
    limit = existence_limit(*size)
    assert limit > threshold(*size)
    below = DeepUFM(
        *(num_classes, 1, depth, num_classes), **equal_decays(*size, 1 - 1e-6, of=existence_limit)
    )
    scale = below.double().start_collapsed()().detach()[0, 0]
    assert float(scale) == pytest.approx((depth - 1) / (2 * depth), rel=0.01)
    above = DeepUFM(
        *(num_classes, 1, depth, num_classes), **equal_decays(*size, 1 + 1e-6, of=existence_limit)
    )
    with pytest.raises(ValueError, match="all such solutions shrink to 0; lower the decays"):
        above.start_collapsed()


@pytest.mark.parametrize("num_classes", [2, 4])
def test_the_first_layer_may_be_anything_between_a_frame_and_a_simplex(num_classes):
    """Before its ReLU (1+t)I - t11ᵀ costs the same up to t = 1/(K-1): means on an ETF."""
    model = DeepUFM(num_classes, 1, 3, num_classes, **equal_decays(num_classes, 3, 0.2)).double()
    value = objective(model.start_collapsed())
    identity = torch.eye(num_classes, dtype=torch.float64)
    size = float((model.weights[0] @ model.features.T).detach()[0, 0])
    for part in (0.3, 1, 1.2):
        t = part / (num_classes - 1)
        u, s, vt = torch.linalg.svd(size * ((1 + t) * identity - t))
        with torch.no_grad():
            model.weights[0].copy_(u * s.sqrt())
            model.features.copy_(vt.T * s.sqrt())
        if part > 1:
            assert objective(model) > value + 1e-4
            continue
        assert objective(model) == pytest.approx(value, rel=1e-12)
        assert slope(model) < 1e-10
        assert layer_collapse(model)[1].gram_distance < 1e-12
        first = model.features.detach()
        unit = first / first.norm(dim=1, keepdim=True)
        cosines = (unit @ unit.T)[identity == 0]
        assert float(cosines.max()) < 0
        if part == 1:
            assert torch.allclose(cosines, torch.full_like(cosines, -1 / (num_classes - 1)))


# the graph


@pytest.mark.parametrize("vertices", range(3, 9))
def test_the_graph_is_strongly_regular_and_its_relu_an_identity(vertices):
    edges = incidence(vertices)
    overlap = edges.T @ edges
    num_classes = vertices * (vertices - 1) // 2
    identity = torch.eye(num_classes, dtype=torch.float64)
    assert torch.equal((overlap - 1).relu(), identity)
    meet = (overlap == 1).double()
    # T(r): 2(r-2) neighbours; r-2 in common with each of them, 4 with any other
    common = (2 * (vertices - 2) - 4) * identity + (vertices - 6) * meet + 4
    assert torch.equal(meet @ meet, common)


@pytest.mark.parametrize("depth", range(3, 8))
@pytest.mark.parametrize("vertices", range(3, 9))
def test_the_factor_is_the_product_of_the_norms_and_that_of_another_derivation(vertices, depth):
    num_classes = vertices * (vertices - 1) // 2
    means, weights = graph_matrices(num_classes, depth)
    norms = math.prod(float(x.square().sum()) for x in (means, *weights))
    assert graph_factor(num_classes, depth) == pytest.approx(norms, rel=1e-12)
    r = vertices
    rho, q = math.sqrt(2 * (r - 1) / (r - 2)), (r - 1) * abs(r - 4) / (2 * (r - 2))
    other = (r - 2) ** 2 * (rho + r - 1) ** 2 * r ** (depth - 3) * ((q / rho) ** 2 + r - 1)
    assert graph_factor(num_classes, depth) == pytest.approx(other * num_classes, rel=1e-12)


def test_the_graph_itself_beats_collapse_from_four_layers_and_six_classes_on():
    for vertices, depth in itertools.product(range(3, 11), range(3, 8)):
        num_classes = vertices * (vertices - 1) // 2
        product = 1e-3 * threshold(num_classes, depth)
        better = graph_loss(num_classes, depth, product) < collapse_loss(
            num_classes, depth, product
        )
        assert better == (depth >= 4 and num_classes >= 6), (num_classes, depth)


@pytest.mark.parametrize(("num_classes", "depth"), [(3, 3), (6, 3), (6, 5), (10, 4), (15, 6)])
def test_the_explicit_graph_has_its_value_and_a_descent_goes_on_from_there(num_classes, depth):
    decays = [1e-3 * (1 + layer) for layer in range(depth)]
    model = DeepUFM(
        num_classes, 2, depth, num_classes + 3, weight_decay=decays, feature_decay=1e-3
    ).double()
    model.start_graph()
    loss, scale = graph_loss(num_classes, depth, model.decay_product)
    assert objective(model) == pytest.approx(loss, rel=0, abs=1e-10)
    assert spread(model) < 1e-10
    expected = scale * torch.eye(num_classes).repeat_interleave(2, 0).double()
    assert torch.allclose(model().detach(), expected, atol=1e-10)
    vertices = len(incidence(math.isqrt(2 * num_classes) + 1))
    ranks = [layer.rank for layer in layer_collapse(model)]
    assert ranks == [vertices] * (depth - 1) + [num_classes]
    assert slope(model) > 1e-4  # the best of its family, not a critical point
    assert float(fit([model], steps=20, learning_rate=1e-4)) < loss - 1e-7


@pytest.mark.parametrize(("num_classes", "below"), [(6, {0}), (10, {*range(1, 6)}), (15, {6})])
def test_at_three_layers_descents_from_beside_the_graph_end_below_collapse(num_classes, below):
    """Some of six with ten classes, all with fifteen, though the graph itself costs more there."""
    decays = {"weight_decay": 4e-3, "feature_decay": 4e-3}
    models = [DeepUFM(num_classes, 1, 3, num_classes + 2, **decays) for _ in range(6)]
    value, _ = collapse_loss(num_classes, 3, models[0].decay_product)
    for seed, model in enumerate(models):
        assert objective(model.start_graph().double()) > 1.03 * value
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    found = fit(models, steps=1000) < 0.995 * value
    assert int(found.sum()) in below


@pytest.mark.parametrize("width", [10, 30, 128])
def test_what_a_narrow_model_finds_fits_into_a_wide_one_at_the_same_cost(width):
    model = DeepUFM(10, 1, 4, width, weight_decay=4e-3, feature_decay=4e-3).double()
    loss, _ = graph_loss(10, 4, model.decay_product)
    assert objective(model.start_graph()) == pytest.approx(loss, rel=1e-9)


@pytest.mark.parametrize(("rank", "width"), [(1, 6), (5, 10), (5, 16), (10, 16)])
def test_a_frame_of_r_directions_in_d_dimensions_has_as_many_free_numbers_as_counted(rank, width):
    """All ways to turn it a little, by skew matrices; the objective feels none of them in H."""
    rows, columns = torch.triu_indices(width, width, 1)
    turns = torch.zeros(len(rows), width, width, dtype=torch.float64)
    turns[range(len(rows)), rows, columns] = 1
    moved = (turns - turns.mT) @ torch.eye(width, dtype=torch.float64)[:, :rank]
    free = rank * width - rank * (rank + 1) // 2
    assert torch.linalg.matrix_rank(moved.flatten(1)) == free
    model = DeepUFM(rank + 1, 1, 3, width, weight_decay=0.1, feature_decay=0.1, init=1).double()
    before, turn = objective(model), torch.linalg.matrix_exp(turns[0] - turns[0].T)
    with torch.no_grad():
        model.features.copy_(model.features @ turn)
        model.weights[0].copy_(model.weights[0] @ turn)
    assert objective(model) == pytest.approx(before, rel=1e-12)


# measurements


def test_dnc_are_numbers_of_their_own_and_not_nc_of_every_layer():
    """Where NC is 0, DNC need not be, and the other way round."""
    frame, labels = torch.eye(3, dtype=torch.float64), torch.arange(3).repeat_interleave(40)
    noise = torch.randn(120, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def both(means, weight, scatter=1e-4):
        model = DeepUFM(3, 40, 2, 4, weight_decay=0.1, feature_decay=0.1).double()
        with torch.no_grad():
            model.features.copy_(scatter * noise)
            model.features[:, :3] += means.repeat_interleave(40, 0)
            model.weights[0].zero_()[:3, :3] = weight
        stats = ClassStatistics.from_features(model.features.detach(), labels, 3)
        return collapse_metrics(stats, model.weights[0].detach()[:3]), layer_collapse(model)[0]

    nc, dnc = both(frame - 1 / 3, frame - 1 / 3)  # a simplex is what NC2 asks for
    assert nc.max_angle_means < 1e-3
    assert dnc.dnc2 > 100
    nc, dnc = both(frame, torch.diag(torch.tensor([1.0, 2.0, 9.0])))  # unequal rows, right angles
    assert nc.self_duality > 0.1
    assert dnc.dnc3 < 1e-3
    flat = torch.tensor([[1, 0, 0], [-1, 0, 0], [0, 0.05, 0]]).double()
    nc, dnc = both(flat, frame, 0.01)  # noise that is large beside the short axis alone
    assert nc.nc1 > 20 * dnc.dnc1


def naive_layer(x, labels, weight):
    """The definitions by loops: within over between, singular values, angles of rows."""
    classes = sorted(set(labels))
    means = np.array(
        [np.mean([v for v, y in zip(x, labels, strict=True) if y == c], 0) for c in classes]
    )
    within = np.mean([np.sum((v - means[y]) ** 2) for v, y in zip(x, labels, strict=True)])
    between = np.mean([np.sum((m - means.mean(0)) ** 2) for m in means])
    singular = np.linalg.svd(means)[1]
    full = np.linalg.matrix_rank(means) == len(means)
    bent = 0.0
    for w in weight:
        cosines = [w @ m / np.linalg.norm(w) / (np.linalg.norm(m) or 1) for m in means]
        bent += np.linalg.norm(w) * math.sin(math.acos(max(cosines)))
    gram = means @ means.T
    frame = np.eye(len(classes)) / math.sqrt(len(classes))
    return (
        within / between,
        singular[0] / singular[-1] if full else math.inf,
        np.linalg.norm(gram / np.linalg.norm(gram) - frame),
        bent / np.linalg.norm(weight, axis=1).sum(),
    )


@given(st.integers(2, 5), st.integers(1, 4), st.integers(2, 4), st.integers(0, 1000))
@settings(max_examples=20)
def test_layers_are_measured_as_defined(num_classes, per_class, depth, seed):
    model = DeepUFM(
        num_classes, per_class, depth, 7, weight_decay=0.1, feature_decay=0.1, init=1, seed=seed
    ).double()
    labels = [c for c in range(num_classes) for _ in range(per_class)]
    x = model.features.detach().numpy()
    for layer, weight in zip(layer_collapse(model), model.weights, strict=True):
        weight = weight.detach().numpy()
        expected = naive_layer(x, labels, weight)
        found = (layer.dnc1, layer.dnc2, layer.gram_distance, layer.dnc3)
        assert found == pytest.approx(expected, rel=1e-6)
        assert layer.rank <= num_classes
        x = np.maximum(x @ weight.T, 0)
    assert torch.equal(
        model.class_means()[0][1], model.features.detach()[per_class : 2 * per_class].mean(0)
    )


def test_the_objective_is_the_formula():
    model = DeepUFM(3, 2, 3, 4, weight_decay=[0.1, 0.2, 0.3], feature_decay=0.4, init=1).double()
    h = model.features.detach().numpy().T  # the papers' columns
    w1, w2, w3 = (w.detach().numpy() for w in model.weights)
    output = w3 @ np.maximum(w2 @ np.maximum(w1 @ h, 0), 0)
    targets = np.repeat(np.eye(3), 2, axis=1)
    norms = [np.sum(x**2) for x in (w1, w2, w3, h)]
    expected = np.sum((output - targets) ** 2) / 12 + np.dot([0.1, 0.2, 0.3, 0.4], norms) / 2
    assert objective(model) == pytest.approx(expected, rel=1e-12)
    assert model.energies().tolist() == pytest.approx(
        [a * b for a, b in zip((0.1, 0.2, 0.3, 0.4), norms, strict=True)]
    )
    assert model.decay_product == pytest.approx(2 * 0.4 * 0.1 * 0.2 * 0.3)
    assert np.allclose(model().detach().numpy(), output.T)


@given(st.integers(0, 1000), st.integers(2, 4), st.floats(1e-5, 2), st.floats(0.1, 2))
@settings(max_examples=40)
def test_two_classes_no_random_point_lies_below_the_value(seed, depth, part, init):
    decays = equal_decays(2, depth, part, per_class=2)
    model = DeepUFM(2, 2, depth, 3, **decays, init=init, seed=seed).double()
    assert objective(model) >= collapse_loss(2, depth, model.decay_product)[0]


def test_the_hessian_holds_all_layers():
    """``torch.func`` swaps parameters, also where the forward pass takes all weights but one."""
    model = DeepUFM(2, 2, 3, 3, weight_decay=0.1, feature_decay=0.2, init=1).double()
    parameters = list(model.parameters())
    slope = torch.autograd.grad(model.objective(), parameters, create_graph=True)
    rows = [
        torch.cat([x.flatten() for x in torch.autograd.grad(entry, parameters, retain_graph=True)])
        for entry in torch.cat([part.flatten() for part in slope])
    ]
    assert torch.allclose(descent.hessian(model), torch.stack(rows), atol=1e-12)


# many at once


def mixed():
    """Models of several depths, decays (all layers differ) and starts."""
    return [
        DeepUFM(
            3,
            2,
            depth,
            6,
            weight_decay=[1e-2 * (layer + seed) for layer in range(depth)],
            feature_decay=decay,
            seed=seed,
        ).double()
        for seed, (depth, decay) in enumerate([(3, 1e-3), (2, 1e-2), (5, 1e-3), (3, 2e-3), (2, 0)])
    ]


def test_a_batch_moves_every_model_as_alone():
    together, alone = mixed(), mixed()
    losses = fit(together, steps=60)
    single = torch.stack([fit([model], steps=60)[0] for model in alone])
    assert torch.allclose(losses, single, rtol=1e-9)
    for one, other in zip(together, alone, strict=True):
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-9)
    assert len({round(loss, 6) for loss in losses.tolist()}) == len(losses)


def test_a_step_is_adams_on_the_models_own_objective():
    batch, alone = mixed(), mixed()
    fit(batch, steps=3, learning_rate=0.1)
    for model in alone:
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        for step in range(3):
            cosine = 0.5 * (1 + math.cos(math.pi * step / 3))
            optimizer.param_groups[0]["lr"] = 0.1 * (1e-3 + (1 - 1e-3) * cosine)
            optimizer.zero_grad()
            model.objective().backward()
            optimizer.step()
    for one, other in zip(batch, alone, strict=True):
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.allclose(a, b, rtol=1e-9, atol=1e-12)


def test_a_descent_shows_its_states_and_gives_the_parameters_back():
    models = mixed()[:3]
    seen = {
        step: [objective(model) for model in models]
        for step in descend(models, steps=50, record_every=20)
    }
    assert list(seen) == [0, 20, 40, 50]
    assert all(last < first for first, last in zip(seen[0], seen[50], strict=True))
    assert seen[50] == pytest.approx([objective(model) for model in models], rel=1e-12)
    run = descend(models, steps=50, record_every=1)
    next(run)
    run.close()  # left early
    for model in models:
        for p in model.parameters():
            assert p.is_contiguous()
            assert p.untyped_storage().nbytes() == p.numel() * p.element_size()
            assert p.requires_grad


def test_lbfgs_of_the_shallow_model_finishes_what_adam_began():
    model = DeepUFM(2, 2, 3, 4, **equal_decays(2, 3, 0.01, per_class=2), init=1).double()
    first = float(fit([model], steps=600))
    value, _ = collapse_loss(2, 3, model.decay_product)
    last = descent.minimise(model)
    assert value - 1e-12 <= last <= first
    assert last == pytest.approx(value, abs=1e-7)


# what descents find


def check_two_classes(depth, per_class, width, steps, atol):
    model = DeepUFM(2, per_class, depth, width, weight_decay=5e-3, feature_decay=1e-3)
    (loss,) = fit([model], steps=steps).tolist()
    assert loss == pytest.approx(collapse_loss(2, depth, model.decay_product)[0], abs=atol)
    assert spread(model) < 0.01
    first, *others = layer_collapse(model)
    assert first.dnc1 < 1e-6
    for layer in others:
        assert layer.dnc1 < 1e-6
        assert layer.dnc2 < 1.05
        assert layer.gram_distance < 0.03
        assert layer.dnc3 < 0.05
        assert layer.rank == 2


def test_two_classes_collapse_in_every_layer():
    check_two_classes(3, 5, 32, 2000, 2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [3, 4])
def test_two_classes_of_fifty_collapse_in_every_layer(depth):
    check_two_classes(depth, 50, 64, 4000, 2e-5)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_around_the_threshold_collapse_is_kept_and_stops_being_the_best(depth):
    """From the collapsed point and a little beside it. It survives the threshold as a local minimum
    worse than zero; past the existence limit a descent from there ends at zero."""
    models = [
        DeepUFM(2, 2, depth, 8, **equal_decays(2, depth, part, per_class=2)) for part in (0.9, 1.1)
    ]
    values = [objective(model.start_collapsed()) for model in models]
    last = DeepUFM(
        2, 2, depth, 8, **equal_decays(2, depth, 1 - 1e-3, per_class=2, of=existence_limit)
    )
    past = DeepUFM(2, 2, depth, 8, **equal_decays(2, depth, 1.1, per_class=2, of=existence_limit))
    past.load_state_dict(last.start_collapsed().state_dict())
    generator = torch.Generator().manual_seed(depth)
    with torch.no_grad():
        for parameter in (p for model in (*models, past) for p in model.parameters()):
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    ends = fit([*models, past], steps=1200).tolist()
    assert ends[:2] == pytest.approx(values, abs=1e-5)
    assert ends[2] == pytest.approx(0.5, abs=1e-5)
    assert values[0] == pytest.approx(collapse_loss(2, depth, models[0].decay_product)[0], abs=1e-6)
    assert values[0] < 0.5 - 5e-3
    assert values[1] > 0.5 + 5e-3
    assert collapse_loss(2, depth, models[1].decay_product) == (0.5, 0.0)


def check_trap(parts, seeds):
    """Near the threshold descents from small random starts end with both classes merged."""
    models = [
        DeepUFM(2, 5, 4, 32, **equal_decays(2, 4, part, per_class=5), init=0.5, seed=seed)
        for part in parts
        for seed in range(seeds)
    ]
    for model, loss in zip(models, fit(models, steps=1500).tolist(), strict=True):
        trap, scale = partial_loss(2, 4, model.decay_product, 1)
        assert loss == pytest.approx(trap, abs=1e-4)
        assert loss > collapse_loss(2, 4, model.decay_product)[0] + 4e-3
        outputs = model().detach()[[0, -1]]  # s uuᵀ for some u ≥ 0
        assert torch.linalg.svdvals(outputs).tolist() == pytest.approx([scale, 0], abs=5e-3)
        assert len(set(outputs.argmax(1).tolist())) == 1
        assert [layer.rank for layer in layer_collapse(model)] == [1] * 4


def test_near_the_threshold_the_classes_merge_though_collapse_is_better():
    check_trap((0.5, 0.9), 1)


@pytest.mark.slow
def test_near_the_threshold_the_classes_merge_from_many_starts():
    check_trap((0.5, 0.6, 0.7, 0.8, 0.9), 3)


@pytest.mark.slow
def test_plain_gradient_descent_is_trapped_as_well():
    model = DeepUFM(2, 10, 3, 32, **equal_decays(2, 3, 0.7, per_class=10), init=0.5)
    list(descent.gradient_descent(model, steps=4000, learning_rate=0.3))
    trap, _ = partial_loss(2, 3, model.decay_product, 1)
    assert objective(model) == pytest.approx(trap, abs=1e-4)


def check_low_rank(num_classes, depth, width, decay, *, seeds, needed, steps):
    models = [
        DeepUFM(num_classes, 1, depth, width, weight_decay=decay, feature_decay=decay, seed=seed)
        for seed in range(seeds)
    ]
    losses = fit(models, steps=steps).tolist()
    value, _ = collapse_loss(num_classes, depth, models[0].decay_product)
    below = [m for m, loss in zip(models, losses, strict=True) if loss < value * 0.999]
    assert len(below) >= needed
    for model in below:
        ranks = [layer.rank for layer in layer_collapse(model)]
        assert min(ranks) < num_classes
        assert ranks[-1] == num_classes
    return models


def test_four_classes_in_six_layers_go_below_collapse():
    check_low_rank(4, 6, 32, 1e-3, seeds=5, needed=5, steps=2500)


@pytest.mark.slow
def test_four_classes_in_six_layers_go_below_collapse_from_every_start():
    check_low_rank(4, 6, 32, 1e-3, seeds=10, needed=9, steps=4000)


def test_ten_classes_in_four_layers_go_below_collapse():
    check_low_rank(10, 4, 30, 4e-3, seeds=3, needed=2, steps=1500)


@pytest.mark.slow
def test_ten_classes_in_four_layers_go_below_collapse_and_share_the_energy():
    for model in check_low_rank(10, 4, 30, 4e-3, seeds=5, needed=4, steps=4000):
        assert spread(model) < 0.01


def check_grid(depths, parts, *, steps, atol):
    models = [
        DeepUFM(2, 10, depth, 32, **equal_decays(2, depth, part, per_class=10), init=1)
        for depth in depths
        for part in parts
    ]
    losses = fit(models, steps=steps).tolist()
    expected = [collapse_loss(2, len(m.weights), m.decay_product)[0] for m in models]
    assert losses == pytest.approx(expected, abs=atol)


def test_a_grid_of_depths_and_decays_is_one_call():
    check_grid((2, 4, 6), (3e-3, 2e-2), steps=1500, atol=5e-4)


@pytest.mark.slow
def test_a_grid_of_five_depths_and_five_decays_is_one_call():
    check_grid(range(2, 7), (1e-3, 3e-3, 1e-2, 2e-2, 5e-2), steps=3000, atol=2e-5)


# bad input

GOOD = {
    "num_classes": 3,
    "per_class": 2,
    "depth": 3,
    "width": 4,
    "weight_decay": 0.1,
    "feature_decay": 0.1,
}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("num_classes", 1, "num_classes is 1; give an integer of at least 2"),
        ("per_class", 0, "per_class is 0; give an integer of at least 1"),
        ("depth", 1, r"depth is 1; give an integer of at least 2; of depth 1 is nclib\.ufm"),
        ("width", 2, "width is 2; give an integer of at least 3, num_classes"),
        ("weight_decay", -0.1, r"weight_decay is -0\.1; give a finite number"),
        ("weight_decay", [0.1, -1, 0.1], "weight_decay is -1; give a finite number"),
        ("weight_decay", [0.1, 0.1], "weight_decay has 2 numbers; give one, or depth = 3"),
        ("feature_decay", float("inf"), "feature_decay is inf; give a finite number"),
        ("feature_decay", -1, "feature_decay is -1; give a finite number"),
    ],
)
def test_settings_out_of_range_are_named(name, value, message):
    with pytest.raises(ValueError, match=message):
        DeepUFM(**(GOOD | {name: value}))


@pytest.mark.parametrize("value", [collapse_loss, graph_loss])
def test_values_name_what_is_out_of_range(value):
    with pytest.raises(ValueError, match="num_classes is 1"):
        value(1, 3, 0.1)
    with pytest.raises(ValueError, match="depth is 1"):
        value(6, 1, 0.1)
    with pytest.raises(ValueError, match=r"decay_product is -0\.1"):
        value(6, 3, -0.1)


def test_other_bad_input_is_named():
    for limit in (threshold, existence_limit):
        with pytest.raises(ValueError, match="num_classes is 1"):
            limit(1, 3)
        with pytest.raises(ValueError, match="depth is 1"):
            limit(2, 1)
    with pytest.raises(ValueError, match="rank is 4; give one from 0 to num_classes = 3"):
        partial_loss(3, 2, 0.1, 4)
    with pytest.raises(ValueError, match=r"num_classes is 7; .* 3, 6, 10"):
        graph_loss(7, 4, 0.1)
    with pytest.raises(ValueError, match="depth is 2; give an integer of at least 3"):
        graph_loss(6, 2, 0.1)
    with pytest.raises(ValueError, match="decay_product is 0"):
        DeepUFM(**(GOOD | {"weight_decay": 0})).start_collapsed()
    with pytest.raises(ValueError, match="num_classes is 4; the graph solution needs"):
        DeepUFM(**(GOOD | {"num_classes": 4})).start_graph()
    model = DeepUFM(**GOOD)
    with pytest.raises(ValueError, match="models must be at least one DeepUFM, each of them once"):
        fit([])
    with pytest.raises(ValueError, match="each of them once"):
        fit([model, model])
    for other in (GOOD | {"width": 5}, GOOD | {"per_class": 3}, GOOD | {"num_classes": 2}):
        with pytest.raises(ValueError, match="models differ in classes, samples, width"):
            fit([model, DeepUFM(**other)])
    with pytest.raises(ValueError, match=r"models differ in .* dtype"):
        fit([model, DeepUFM(**GOOD).double()])
    with pytest.raises(ValueError, match="learning_rate is -1"):
        fit([model], learning_rate=-1)
    with pytest.raises(ValueError, match="steps is -1"):
        fit([model], steps=-1)
