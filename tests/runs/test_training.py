"""Training: reproducible, lazy, honest about what it measured; and the recipes that collapse."""

from __future__ import annotations

import copy
import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import nclib
from nclib import ClassStatistics, cosine_schedule
from nclib.data.dataset import Split
from nclib.formulas.losses import LOSSES
from nclib.measuring import evaluator


@pytest.fixture(scope="module")
def three():
    return nclib.load_data("digits", classes=[0, 1, 2])


@pytest.fixture(scope="module")
def ten():
    return nclib.load_data("digits")


def small(data, seed=0):
    return nclib.build_network("mlp", data, width=16, num_features=4, seed=seed)


def run(network, data, **settings):
    defaults = {"epochs": 3, "learning_rate": 0.1, "weight_decay": 1e-3, "progress": False}
    return nclib.train(network, data, **(defaults | settings))


# What is trained


def test_equal_seeds_give_equal_bits(three):
    networks = [small(three) for _ in range(3)]
    losses = [
        [e.loss for e in run(n, three, seed=s)] for n, s in zip(networks, (0, 0, 1), strict=True)
    ]
    assert losses[0] == losses[1] != losses[2]
    first, second, _ = (n.state_dict().values() for n in networks)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_training_leaves_the_global_generator_alone(three):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    list(run(small(three), three))
    assert torch.equal(torch.get_rng_state(), before)


def test_one_step_is_sgd_with_decay_on_everything():
    data = nclib.load_data("digits", classes=[0, 1], per_class=4)
    network = nclib.networks.Network("linear", nn.Flatten(), 64, 2)
    constant = lambda progress: 0.5  # noqa: E731
    settings = {"learning_rate": 0.6, "weight_decay": 0.2, "schedule": constant, "epochs": 1}
    epochs = run(network, data, **settings)
    next(epochs)
    before = copy.deepcopy(network)
    next(epochs)
    F.cross_entropy(before(data.train.images), data.train.labels).backward()
    for old, new in zip(before.parameters(), network.parameters(), strict=True):
        expected = old.detach() - 0.3 * (old.grad + 0.2 * old.detach())
        assert torch.allclose(new.detach(), expected, atol=1e-6)


def test_incomplete_batches_are_dropped(three):
    seen = []
    network = small(three)
    network.features.register_forward_pre_hook(
        lambda module, inputs: seen.append(len(inputs[0])) if module.training else None
    )
    list(run(network, three, epochs=1, batch_size=100))
    assert seen == [100] * (len(three.train) // 100)
    seen.clear()
    list(run(network, three, epochs=2, batch_size=10_000))
    assert seen == [len(three.train)] * 2


def test_the_schedule_reaches_the_optimiser(three):
    asked = []
    steps = len(three.train) // 128
    schedule = lambda progress: asked.append(progress) or 1.0  # noqa: E731
    list(run(small(three), three, schedule=schedule, epochs=4))
    asked = asked[64:]  # what tells it from others is asked first
    assert len(asked) == 4 * steps
    assert asked == sorted(asked)
    assert 0 < asked[0] < asked[-1] < 1


@pytest.mark.parametrize("seed", range(5))
def test_losses_are_their_formulas(seed):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(20, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(5, (20,), generator=generator)
    one_hot, p = torch.eye(5, dtype=torch.float64)[labels], logits.softmax(1)
    right = p[torch.arange(20), labels]
    smooth = 0.9 * one_hot + 0.1 / 5
    expected = {
        "cross_entropy": -right.log().mean(),
        "squared_error": 2 / 5 * (logits - one_hot).square().sum() / 2 / 20,
        "label_smoothing": -(smooth * p.log()).sum(1).mean(),
        "focal": -((1 - right) ** 2 * right.log()).mean(),
    }
    assert expected.keys() == LOSSES.keys()
    for name, value in expected.items():
        assert torch.allclose(LOSSES[name](logits, labels), value), name
    assert torch.allclose(expected["squared_error"], nn.MSELoss()(logits, one_hot))


# In half the bits


def dtypes_of(network, data, **settings):
    """Types of the logits in training and in evaluation mode, and what was yielded."""
    seen = {True: set(), False: set()}
    network.register_forward_hook(lambda m, _, out: seen[m.training].add(out.dtype))
    network.features.register_forward_hook(lambda m, _, out: seen[m.training].add(out.dtype))
    epochs = list(run(network, data, **settings))
    return seen, epochs


@pytest.mark.parametrize("loss", LOSSES)
def test_bfloat16_is_for_the_training_passes_only(three, loss):
    network = small(three)
    seen, epochs = dtypes_of(network, three, precision="bfloat16", loss=loss)
    assert seen == {True: {torch.bfloat16}, False: {torch.float32}}
    assert {p.dtype for p in network.state_dict().values()} == {torch.float32, torch.int64}
    kept = epochs[-1].snapshot
    assert {kept.features.dtype, kept.weight.dtype, kept.class_means.dtype} == {torch.float32}
    assert epochs[-1].settings["precision"] == "bfloat16"
    exact = list(run(small(three), three, loss=loss))
    assert epochs[0].metrics == exact[0].metrics  # measured in float32
    assert epochs[-1].loss == pytest.approx(exact[-1].loss, rel=0.1)
    assert epochs[-1].loss != exact[-1].loss


def test_float32_where_nothing_is_asked_for_on_a_cpu(three):
    seen, epochs = dtypes_of(small(three), three)
    assert seen == {True: {torch.float32}, False: {torch.float32}}
    assert epochs[0].settings["precision"] == "float32"


def test_compiled_is_what_trains(three, monkeypatch):
    """(A stand-in for the compiler, which takes a minute.)"""
    calls = []

    def compile_(network):
        return lambda images: calls.append(network.training) or network(images)

    monkeypatch.setattr(torch, "compile", compile_)
    compiled = [e.loss for e in run(small(three), three, compiled=True)]
    assert calls == [True] * 3 * (len(three.train) // 128)
    assert compiled == [e.loss for e in run(small(three), three)]


# What is yielded


def test_epochs_from_before_training_to_the_last(three):
    epochs = list(run(small(three), three, epochs=5, measure_at=[0, 2]))
    assert [e.number for e in epochs] == [0, 1, 2, 3, 4, 5]
    assert [e.metrics is not None for e in epochs] == [True, False, True, False, False, True]
    for epoch in epochs:
        assert (epoch.snapshot is None) == (epoch.metrics is None) == (epoch.test_accuracy is None)
        assert math.isfinite(epoch.loss)
        assert 0 <= epoch.train_accuracy <= 1
    seconds = [e.seconds for e in epochs]
    assert seconds == sorted(seconds)


def test_epochs_to_measure_may_be_a_question(three):
    asked = []
    odd = lambda number: asked.append(number) or number % 2 == 1  # noqa: E731
    epochs = list(run(small(three), three, epochs=4, measure_at=odd))
    assert [e.metrics is not None for e in epochs] == [False, True, False, True, True]
    assert asked == [0, 1, 2, 3]  # the last is measured unasked


def test_epoch_zero_is_the_untrained_network(three):
    network = small(three)
    before = copy.deepcopy(network.state_dict())
    epochs = run(network, three)
    assert next(epochs).number == 0
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_nothing_runs_after_the_consumer_stops(three):
    calls = []
    network = small(three)
    network.register_forward_hook(lambda *_: calls.append(1))
    epochs = run(network, three, epochs=1000)
    for epoch in epochs:
        if epoch.number == 2:
            break
    done = len(calls)
    epochs.close()
    assert len(calls) == done
    assert next(epochs, None) is None
    assert network(three.train.images[:2]).shape == (2, 3)


def test_a_measured_epoch_is_what_the_network_gives_in_evaluation_mode(three):
    network = small(three)
    last = list(run(network, three))[-1]
    network.eval()
    with torch.no_grad():
        features, labels = network.features(three.train.images), three.train.labels
        logits = network(three.train.images)
        right = network(three.test.images).argmax(1) == three.test.labels
    stats = ClassStatistics(3, 4).update(features, labels)
    weight, bias = network.classifier.weight, network.classifier.bias
    by_hand = nclib.collapse_metrics(stats, weight, bias, features=features, labels=labels)
    assert last.metrics.as_dict() == pytest.approx(by_hand.as_dict(), rel=1e-4)
    assert last.loss == pytest.approx(float(F.cross_entropy(logits, labels)), rel=1e-5)
    assert last.train_accuracy == pytest.approx(float((logits.argmax(1) == labels).double().mean()))
    assert last.test_accuracy == pytest.approx(float(right.double().mean()))
    kept = last.snapshot
    assert torch.allclose(kept.class_means, stats.class_means.float())
    assert torch.equal(kept.weight, weight.detach())
    assert kept.features.shape == (180, 4)
    assert kept.labels.tolist() == [0] * 60 + [1] * 60 + [2] * 60


def test_of_the_test_set_its_own_means_but_decisions_against_the_training_means(three):
    network = small(three)
    last = list(run(network, three))[-1]
    network.eval()
    with torch.no_grad():
        features, others = (network.features(s.images) for s in (three.train, three.test))
        decided = network(three.test.images).argmax(1)
    classifier = (network.classifier.weight, network.classifier.bias)
    means = ClassStatistics.from_features(features, three.train.labels).class_means
    own = ClassStatistics.from_features(others, three.test.labels)
    expected = nclib.collapse_metrics(
        own, *classifier, features=others, labels=three.test.labels
    ).as_dict()
    nearest, own_nearest = (
        torch.cdist(others.double(), m).argmin(1) for m in (means, own.class_means)
    )
    mismatch = float((decided != nearest).double().mean())
    assert mismatch != float((decided != own_nearest).double().mean())  # it makes a difference here
    expected["ncc_mismatch"] = mismatch
    assert last.test_metrics.as_dict() == pytest.approx(expected, rel=1e-4)


def test_a_test_set_that_lacks_a_class_has_no_metrics_of_its_own(three):
    some = three.test.labels != 1
    data = dataclasses.replace(three, test=Split(three.test.images[some], three.test.labels[some]))
    last = list(run(small(data), data, epochs=1))[-1]
    whole = list(run(small(three), three, epochs=1))[-1]
    assert last.test_metrics is None
    assert 0 <= last.test_accuracy <= 1
    assert last.metrics == whole.metrics
    row = nclib.Trajectory.of([last]).metrics
    assert row.test_nc1.isna().all()
    assert row.nc1.notna().all()


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_terms_of_the_squared_error_at_the_decay_of_the_training(three, loss):
    network = small(three)
    last = list(run(network, three, loss=loss, weight_decay=2e-3))[-1]
    network.eval()
    weight, bias = (p.detach() for p in (network.classifier.weight, network.classifier.bias))
    with torch.no_grad():
        features = network.features(three.train.images)
        squared = LOSSES["squared_error"](network(three.train.images), three.train.labels)
    stats = ClassStatistics.from_features(features, three.train.labels)
    terms = nclib.decompose_mse(stats, weight, bias, weight_decay=3 * 2e-3 / 2)
    assert last.decomposition.as_dict() == pytest.approx(terms.as_dict(), rel=1e-4, abs=1e-7)
    penalty = 2e-3 / 2 * (weight.square().sum() + bias.square().sum())
    assert 2 / 3 * last.decomposition.total == pytest.approx(float(squared + penalty), rel=1e-5)
    assert last.snapshot.snr.shape == (2,)
    snr = nclib.snr_singular_values(stats)
    assert torch.allclose(last.snapshot.snr, snr.to(last.snapshot.snr), rtol=1e-4)


def test_measuring_changes_no_weight(three):
    networks = [nclib.build_network("convnet", three, width=2) for _ in range(2)]
    for network, measured in zip(networks, ([], range(4)), strict=True):
        list(run(network, three, measure_at=measured))
    first, second = (n.state_dict() for n in networks)
    assert all(torch.equal(first[name], second[name]) for name in first)


def measured_epochs_and_passes(data):
    """Epochs, and how many images went through the features to measure them."""
    network, images = small(data), []
    network.features.register_forward_hook(
        lambda module, inputs, _: None if module.training else images.append(len(inputs[0]))
    )
    return list(run(network, data, measure_at=range(4))), sum(images)


def test_whether_to_measure_is_asked_when_the_epoch_was_trained(three):
    network, asked = small(three), []

    def wanted(number):
        asked.append(network.classifier.weight.detach().clone())
        return False

    kept = [
        network.classifier.weight.detach().clone() for _ in run(network, three, measure_at=wanted)
    ]
    assert len(asked) == 3  # the last one is measured anyway
    assert all(torch.equal(one, two) for one, two in zip(asked, kept, strict=False))


def test_features_of_any_size_are_measured_and_infinite_ones_refused(three):
    def begun(factor):
        network = small(three)
        network.features.register_forward_hook(lambda module, inputs, features: features * factor)
        nn.init.zeros_(network.classifier.weight)
        return next(run(network, three)).metrics

    plain, huge = begun(1), begun(1e25)  # the loss is finite in both
    assert huge.nc1 == pytest.approx(plain.nc1, rel=1e-5)
    with pytest.raises(ValueError, match="network gives NaN or infinite outputs before it is trai"):
        begun(1e39)


SHOWN = 4 * 8  # images show what the network is


def test_features_that_do_not_fit_give_the_same_numbers(three, monkeypatch):
    """Neither of the training nor of the test set: statistics block by block, two passes."""
    kept, passes = measured_epochs_and_passes(three)
    assert passes == SHOWN + 4 * (430 + 107)
    monkeypatch.setattr(evaluator, "KEPT_BYTES", 0)
    monkeypatch.setattr(evaluator, "BLOCK", 50)
    passed_on, passes = measured_epochs_and_passes(three)
    assert passes == SHOWN + 4 * (2 * (430 + 107) + 180)  # and the sample for pictures
    assert len(kept) == len(passed_on) == 4
    for one, two in zip(kept, passed_on, strict=True):
        for name in ("metrics", "test_metrics", "decomposition"):
            a, b = (getattr(epoch, name).as_dict() for epoch in (one, two))
            assert a == pytest.approx(b, rel=1e-5, abs=1e-7), name
            assert a.get("ncc_mismatch") == b.get("ncc_mismatch")
        assert (one.train_accuracy, one.test_accuracy) == (two.train_accuracy, two.test_accuracy)
        assert one.loss == pytest.approx(two.loss, rel=1e-6)
        for name, value in vars(one.snapshot).items():
            assert torch.allclose(value, getattr(two.snapshot, name), rtol=1e-5, atol=1e-6), name


def test_samples_for_pictures_get_fewer_with_more_classes(three):
    (epoch, *_) = run(small(three), three, sample_per_class=2)
    assert epoch.snapshot.labels.tolist() == [0, 0, 1, 1, 2, 2]


# The recipes that collapse


def final(data, name, options, seed, **settings):
    network = nclib.build_network(name, data, seed=seed, **options)
    epochs = list(run(network, data, seed=seed, measure_at=[0], **settings))
    return epochs[0].metrics, epochs[-1].metrics


MLP = {
    "cross_entropy": {"learning_rate": 0.1, "weight_decay": 1e-2},
    "squared_error": {"learning_rate": 0.5, "weight_decay": 2e-3},
}


SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("loss", MLP)
def test_ten_digits_collapse_in_an_mlp(ten, loss, seed):
    settings = MLP[loss] | {"epochs": 100, "batch_size": 256, "schedule": cosine_schedule}
    first, last = final(ten, "mlp", {}, seed, loss=loss, **settings)
    assert first.nc1 > 0.5
    assert last.nc1 < 1e-3
    assert max(last.max_angle_means, last.max_angle_weights) < 0.04
    assert max(last.equinorm_means, last.equinorm_weights) < 0.03
    assert last.self_duality < 0.03
    assert last.ncc_mismatch == 0


CONVNET = {"squared_error": (5e-3, 1e-3), "cross_entropy": (1e-2, 5e-3)}


@pytest.mark.slow
@pytest.mark.parametrize("loss", CONVNET)
def test_ten_digits_collapse_in_a_convnet(ten, loss):
    """More seeds in ``benchmarks/recipes.py``: a run takes a quarter of a minute."""
    decay, limit = CONVNET[loss]
    settings = {"learning_rate": 0.1, "weight_decay": decay, "batch_size": 64, "epochs": 150}
    _, last = final(ten, "convnet", {}, 0, loss=loss, **settings)
    assert last.nc1 < limit
    assert last.ncc_mismatch == 0


PLANE = {
    "cross_entropy": {"learning_rate": 0.1, "weight_decay": 1e-2},
    "squared_error": {"learning_rate": 0.2, "weight_decay": 5e-3},
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("classes", [3, 4])
@pytest.mark.parametrize("loss", PLANE)
def test_as_many_dimensions_as_the_simplex_has(loss, classes, seed):
    data = nclib.load_data("digits", classes=list(range(classes)))
    options = {"width": 128, "num_features": classes - 1, "linear_features": True}
    settings = PLANE[loss] | {"epochs": 150, "batch_size": 128, "schedule": cosine_schedule}
    _, last = final(data, "mlp", options, seed, loss=loss, **settings)
    assert last.nc1 < 1e-3
    assert max(last.max_angle_means, last.max_angle_weights) < 0.04
    assert last.self_duality < 0.03
    assert last.ncc_mismatch == 0


@pytest.mark.slow
def test_weight_decay_makes_collapse_go_further(ten):
    settings = {"learning_rate": 0.1, "epochs": 100, "batch_size": 256, "schedule": cosine_schedule}
    decayed, free = (
        final(ten, "mlp", {}, 0, weight_decay=decay, **settings)[1] for decay in (1e-2, 0.0)
    )
    assert free.nc1 > 10 * decayed.nc1


def test_too_much_decay_collapses_everything_to_one_point(ten):
    settings = {"learning_rate": 0.5, "epochs": 60, "batch_size": 256, "schedule": cosine_schedule}
    with pytest.warns(UserWarning, match="rank 0"):
        _, last = final(ten, "mlp", {}, 0, loss="squared_error", weight_decay=0.1, **settings)
    assert last.rank == 0
    assert math.isnan(last.nc1)


@pytest.mark.slow
@pytest.mark.data
def test_mnist_begins_to_collapse_in_a_slim_resnet(real_data_root):
    data = nclib.load_data("mnist", root=real_data_root, per_class=500, device="cpu")
    assert data.train.counts.tolist() == [500] * 10
    few = Split(data.test.images[:500], data.test.labels[:500])  # ten thousand cost two epochs
    data = dataclasses.replace(data, test=few)
    network = nclib.build_network("resnet18", data, width=8)
    settings = {"epochs": 5, "learning_rate": 0.05, "weight_decay": 5e-4, "measure_at": [0, 2]}
    measured = [e for e in run(network, data, schedule=cosine_schedule, **settings) if e.metrics]
    first, middle, last = measured
    assert first.metrics.nc1 > middle.metrics.nc1 > last.metrics.nc1
    assert last.train_accuracy > 0.97 > first.train_accuracy
    assert last.metrics.nc1 < first.metrics.nc1 / 10
    assert last.metrics.self_duality < first.metrics.self_duality / 2
    assert last.metrics.max_angle_means < first.metrics.max_angle_means
    assert last.metrics.ncc_mismatch < 0.05 < first.metrics.ncc_mismatch
