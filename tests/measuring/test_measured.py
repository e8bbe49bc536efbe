"""measure: the numbers are those of the formulas, whatever the data come in; nothing is left."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import nclib
from nclib.formulas.statistics import ClassStatistics

pytestmark = pytest.mark.usefixtures("without_shape_checks")  # compiled models do not agree
QUIET = {"progress": False}
DRAW = torch.Generator().manual_seed(0)
COUNTS = (40, 25, 60, 31, 52)  # of five classes
LABELS = torch.repeat_interleave(torch.arange(5), torch.tensor(COUNTS))
MEANS = torch.randn(5, 12, dtype=torch.float64, generator=DRAW)
FEATURES = MEANS[LABELS] + 0.3 * torch.randn(len(LABELS), 12, dtype=torch.float64, generator=DRAW)
WEIGHT = MEANS + 0.1 * torch.randn(5, 12, dtype=torch.float64, generator=DRAW)
BIAS = torch.randn(5, dtype=torch.float64, generator=DRAW)


def plain(features=FEATURES, labels=LABELS, weight=WEIGHT, bias=BIAS):
    stats = ClassStatistics.from_features(features, labels)
    given = {"features": features, "labels": labels}
    return nclib.collapse_metrics(stats, weight, bias, **given).as_dict()


def measured(data, **options):
    options = {"classifier": (WEIGHT, BIAS), **QUIET} | options
    return nclib.measure(None, data, **options)


def agree(found, expected, tolerance):
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=tolerance, abs=tolerance), name


def network(seed=0):
    torch.manual_seed(seed)
    layers = (nn.Linear(12, 16), nn.BatchNorm1d(16), nn.ReLU(inplace=True), nn.Dropout(0.5))
    return nn.Sequential(*layers, nn.Linear(16, 8), nn.ReLU(inplace=True), nn.Linear(8, 5))


INPUTS = FEATURES.float()

# Numbers


@pytest.mark.parametrize("keep", [2**29, 0])
@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_features_give_the_numbers_of_the_formulas_for_any_split_and_order(size, keep):
    order = torch.randperm(len(LABELS), generator=torch.Generator().manual_seed(size))
    data = (FEATURES[order], LABELS[order])
    found = measured(data, batch_size=size, keep=keep, ncc=True).numbers["train"]
    agree(found, plain(), 1e-12)


@pytest.mark.parametrize("keep", [2**29, 0])
def test_a_network_gives_the_numbers_of_its_features(keep):
    model = network().eval()
    with torch.no_grad():
        features = model[:-1](INPUTS)
    expected = plain(features, LABELS, model[-1].weight.detach(), model[-1].bias.detach())
    loader = DataLoader(TensorDataset(INPUTS, LABELS), batch_size=33, shuffle=True)
    found = nclib.measure(model, loader, keep=keep, ncc=True, **QUIET)
    agree(found.numbers["train"], expected, 1e-6)
    right = (model(INPUTS).argmax(1) == LABELS).double().mean()
    assert found.numbers["train"]["accuracy"] == pytest.approx(float(right), abs=1e-12)


def test_a_test_set_has_its_own_means_but_is_decided_by_those_of_the_training_set():
    shown, labels = FEATURES[::2] + 0.2, LABELS[::2]
    found = measured((FEATURES, LABELS), test=(shown, labels)).numbers["test"]
    expected = plain(shown, labels)
    train = ClassStatistics.from_features(FEATURES, LABELS)
    near = torch.cdist(shown, train.class_means).argmin(1)
    decided = (shown @ WEIGHT.T + BIAS).argmax(1)
    expected["ncc_mismatch"] = float((near != decided).double().mean())
    agree(found, expected, 1e-12)
    assert found["ncc_accuracy"] == pytest.approx(float((near == labels).double().mean()))


def test_forms_of_data_are_the_same_data(tmp_path):
    np.savez(tmp_path / "all.npz", features=FEATURES.numpy(), labels=LABELS.numpy())
    torch.save({"features": FEATURES, "labels": LABELS}, tmp_path / "all.pt")
    for name, part in (("f", FEATURES), ("l", LABELS)):
        np.save(tmp_path / f"{name}.npy", part.numpy())
    half = len(LABELS) // 2
    forms = [
        (FEATURES.numpy(), LABELS.numpy().astype(np.uint8)),
        TensorDataset(FEATURES, LABELS),
        DataLoader(TensorDataset(FEATURES, LABELS.to(torch.int32)), batch_size=10),
        [(FEATURES[:half], LABELS[:half]), (FEATURES[half:], LABELS[half:])],
        ({"input": x[None], "labels": y[None]} for x, y in zip(FEATURES, LABELS, strict=True)),
        tmp_path / "all.npz",
        tmp_path / "all.pt",
        (tmp_path / "f.npy", tmp_path / "l.npy"),
    ]
    model = nn.Linear(12, 5).double()
    model.load_state_dict({"weight": WEIGHT, "bias": BIAS})
    for form in forms:
        agree(nclib.measure(model, form, **QUIET).numbers["train"], plain(), 1e-12)


@pytest.mark.parametrize("absent", [(), (0,), (1, 3)])
def test_nc1_is_the_sum_over_classes(absent):
    there = ~torch.isin(LABELS, torch.tensor(absent, dtype=torch.int64))
    found = measured((FEATURES[there], LABELS[there]), class_names=list("abcde"))
    rows = found.per_class
    parts = (rows.samples / rows.samples.sum() * rows.nc1_c).sum()
    assert parts == pytest.approx(found.numbers["train"]["nc1"], rel=1e-12)
    assert found.taken["absent"] == ["abcde"[index] for index in absent]
    assert len(rows) == 5 - len(absent)
    labels = torch.searchsorted(LABELS[there].unique(), LABELS[there])
    stats = ClassStatistics.from_features(FEATURES[there], labels)
    assert found.numbers["train"]["nc1"] == pytest.approx(nclib.collapse.nc1(stats), rel=1e-12)


def test_a_decision_for_an_absent_class_is_a_mismatch():
    there = LABELS != 2
    decided = (FEATURES[there] @ WEIGHT.T + BIAS).argmax(1)
    means = torch.stack([FEATURES[LABELS.eq(c)].mean(0) for c in (0, 1, 3, 4)])
    near = torch.tensor([0, 1, 3, 4])[torch.cdist(FEATURES[there], means).argmin(1)]
    found = measured((FEATURES[there], LABELS[there])).numbers["train"]
    assert found["ncc_mismatch"] == pytest.approx(float((decided != near).double().mean()))
    bias = BIAS + torch.tensor([0, 0, 1e6, 0, 0])  # all for the class that is not there
    found = measured((FEATURES[there], LABELS[there]), classifier=(WEIGHT, bias))
    assert found.numbers["train"]["ncc_mismatch"] == 1


def test_two_classes_that_merge_are_the_worst_pair():
    means = torch.randn(6, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    means[4] = means[1] + 0.05
    labels = torch.arange(6).repeat_interleave(50)
    noise = torch.randn(300, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    data = (means[labels] + 0.2 * noise, labels)
    found = measured(data, classifier=(means, None), class_names=list("uvwxyz"))
    assert {found.worst.pair["a"], found.worst.pair["b"]} == {"v", "y"}
    assert found.worst.pair["cdnv"] > 1 > 5 * found.worst.pair["next"]
    assert found.worst.spread is None


# Layers


@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: torch.compile(m, backend="eager")])
def test_layers_are_what_they_are_and_the_last_is_the_classifiers(wrap):
    model = network().eval()
    with torch.no_grad():
        first = model[0](INPUTS)
    wrapped = wrap(model)
    wrapped(INPUTS)  # a compiled model calls no hooks from now on
    found = nclib.measure(wrapped, (INPUTS, LABELS), layers=["0", "in:6"], **QUIET)
    rows = {row["layer"]: row for row in found.layers}
    last = found.numbers["train"]
    for name in ("nc1", "quotient", "cdnv", "ncc_accuracy"):
        assert rows["in:6"][name] == pytest.approx(last[name], rel=1e-12)
    stats = ClassStatistics.from_features(first, LABELS)
    assert rows["0"]["nc1"] == pytest.approx(nclib.collapse.nc1(stats), rel=1e-6)
    assert rows["in:6"]["ratio"] == pytest.approx(last["nc1"] / rows["0"]["nc1"], rel=1e-12)


class Interrupting(DataLoader):
    def __iter__(self):
        yield from [(INPUTS[:40], LABELS[:40]), (INPUTS[40:], LABELS[40:])]
        raise KeyboardInterrupt


class Breaking(nn.Sequential):
    calls = 0

    def forward(self, x):
        self.calls += 1
        if self.calls > 9:
            raise LookupError("in the model")
        return super().forward(x)


def state(model):
    hooks = [
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
        for m in model.modules()
    ]
    values = {name: x.clone() for name, x in model.state_dict().items()}
    flags = [(m.training, sorted(m.__dict__)) for m in model.modules()]
    return hooks, flags, values, torch.random.get_rng_state()


def same(now, before):
    assert now[:2] == before[:2]
    assert torch.equal(now[3], before[3])
    assert now[2].keys() == before[2].keys()
    assert all(torch.equal(x, before[2][name]) for name, x in now[2].items())


def broken_loader():
    yield INPUTS[:40], LABELS[:40]
    raise LookupError("in the loader")


@pytest.mark.parametrize(
    ("kind", "data", "error"),
    [
        (nn.Sequential, [(INPUTS, LABELS)], None),
        (Breaking, [(INPUTS[i : i + 9], LABELS[i : i + 9]) for i in range(0, 207, 9)], LookupError),
        (nn.Sequential, broken_loader(), LookupError),
        (nn.Sequential, Interrupting(TensorDataset(INPUTS, LABELS)), KeyboardInterrupt),
        (nn.Sequential, [(INPUTS, LABELS + 1)], ValueError),
    ],
    ids=["well", "in the model", "in the loader", "an interrupt", "a wrong label"],
)
def test_the_model_is_as_it_was_on_every_way_out(kind, data, error):
    model = kind(*network().train())
    model[1].eval()  # frozen on purpose
    if kind is Breaking:
        model.calls = 0
    before = state(model)
    if error is None:
        nclib.measure(model, data, layers=True, **QUIET)
    else:
        with pytest.raises(error):
            nclib.measure(model, data, layers=True, **QUIET)
    same(state(model), before)


def test_a_network_that_writes_in_place_is_measured_as_one_that_does_not():
    inplace = network()
    copied = copy.deepcopy(inplace)
    for module in copied:
        if isinstance(module, nn.ReLU):
            module.inplace = False
    names = ["0", "1", "4", "in:6"]
    both = [nclib.measure(m, (INPUTS, LABELS), layers=names, **QUIET) for m in (inplace, copied)]
    assert both[0].layers == both[1].layers


# Errors


def batches_with(wrong_at, change, count=50):
    draw = torch.Generator().manual_seed(1)
    for number in range(count):
        labels = torch.randint(5, (8,), generator=draw)
        inputs = MEANS[labels].float()
        yield change(inputs, labels) if number == wrong_at else (inputs, labels)


def out_of_range(inputs, labels):
    labels[[3, 5]] = 9
    return inputs, labels


def not_a_number(inputs, labels):
    inputs[6, 2] = torch.nan
    return inputs, labels


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (batches_with(37, out_of_range), r"batch 37 of data has label 9 in samples 3, 5"),
        (batches_with(12, not_a_number), r"batch 12 of data .* sample 6"),
        (batches_with(4, lambda x, y: (x,)), "batch 4 of data is a tuple of 1; give"),
        (batches_with(4, lambda x, y: (x, y[:5])), "batch 4 of data has 8 inputs and 5 labels"),
        (batches_with(2, lambda x, y: (x, torch.eye(5)[y])), r"batch 2.*labels.argmax\(1\)"),
        (iter(()), "data gave no batches"),
        ((INPUTS, LABELS + 1), "give labels - 1"),
        ((INPUTS, nn.functional.one_hot(LABELS, 5)), r"labels.argmax\(1\)"),
        ((INPUTS[:40], LABELS[:40]), "data have samples of 1 of 5 classes|train has samples of 1"),
        (7, "data is a int"),
    ],
)
def test_what_is_wrong_with_the_data_is_said(data, said):
    with pytest.raises(ValueError, match=said):
        nclib.measure(network(), data, batch_size=256, **QUIET)


class Silent(nn.Module):
    def forward(self, x):
        return None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": Silent()}, "logits|model"),
        ({"model": "resnet18"}, "model is a str; give a torch.nn.Module"),
        ({"model": None}, r"model is None; give classifier=\(weight, bias\)"),
        ({"model": None, "classifier": (WEIGHT[0], None)}, r"weight of shape \(C, p\)"),
        ({"num_classes": 7}, "num_classes is 7, but the classifier decides among 5"),
        ({"class_names": ["a"]}, "class_names has 1 names"),
        ({"layers": "0"}, r"layers is '0'; give a list of names, \['0'\], or True"),
        ({"layers": ["nowhere"]}, "no module 'nowhere'"),
        ({"keep": -1}, "keep is -1"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"positions": "max"}, "positions is 'max'"),
        ({"shard": "no"}, "shard is 'no'; give True or False"),
        ({"classifier": "3"}, "3"),
        ({"features": "3"}, r"features='3' needs classifier=\(weight, bias\)"),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else None,
)
def test_options_that_are_none_are_said(options, said):
    options = {"model": network(), "layers": ["0"]} | options
    with pytest.raises(ValueError, match=said):
        nclib.measure(options.pop("model"), (INPUTS, LABELS), **options, **QUIET)


# Kinds of models


def test_a_language_models_own_tokens_are_moved_by_one():
    torch.manual_seed(0)

    class Tiny(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.head = nn.Embedding(7, 8), nn.Linear(8, 7, bias=False)

        def forward(self, input_ids, attention_mask=None):
            return {"logits": self.head(self.embedding(input_ids).cumsum(1))}

    model, ids = Tiny(), torch.randint(7, (30, 11))
    mask = torch.ones_like(ids)
    mask[:10, 8:] = 0
    batch = {"input_ids": ids, "attention_mask": mask, "labels": ids.where(mask > 0, -100)}
    found = nclib.measure(model, [batch], **QUIET)
    with torch.no_grad():
        features = model.embedding(ids).cumsum(1)[:, :-1]
    counts = mask[:, 1:] > 0
    weight = model.head.weight.detach()
    expected = plain(features[counts].double(), ids[:, 1:][counts], weight, None)
    agree(found.numbers["train"], expected, 1e-6)
    assert found.numbers["train"]["nc1"] > 0
    assert any("token after it" in note for note in found.notes)
    assert sum(row["samples"] for row in found.classes) == int(counts.sum())


def test_inputs_of_no_known_class():
    far = 50 * torch.randn(64, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    for form in (far, far.numpy(), [far[:30], far[30:]], [(far, torch.zeros(64).long())]):
        found = measured((FEATURES, LABELS), ood=form).numbers["ood"]
        assert found["samples"] == 64
        assert found["mean_distance_auroc"] > 0.99
        assert found["span_share_auroc"] > 0.9
    same_kind = measured((FEATURES, LABELS), ood=FEATURES).numbers["ood"]
    assert same_kind["mean_distance_auroc"] == pytest.approx(0.5, abs=1e-9)
