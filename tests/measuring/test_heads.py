"""The classifier of small models made here: found, refused, read batch by batch."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nclib.measuring.heads import find_head, reading

C, P = 4, 8
X = torch.randn(24, 6, generator=torch.Generator().manual_seed(0))
MAPS = torch.randn(6, 3, 5, 5, generator=torch.Generator().manual_seed(0))
TOKENS = torch.randn(7, 5, 6, generator=torch.Generator().manual_seed(0))
NOTHING = "none of its calls gives its logits"


class Model(nn.Module):
    """A hidden layer, and whatever ``head(model, hidden)`` makes of it with the modules given."""

    def __init__(self, head, **modules):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, P), nn.ReLU())
        for name, module in modules.items():
            setattr(self, name, module)
        self.head_of = head

    def forward(self, x):
        return self.head_of(self, self.body(x))


class Maps(Model):
    def __init__(self, head, **modules):
        super().__init__(head, **modules)
        self.body = nn.Sequential(nn.Conv2d(3, P, 3), nn.ReLU())


class CosineLinear(nn.Linear):
    def forward(self, x):
        return 16 * F.linear(F.normalize(x), F.normalize(self.weight))


class Conv1D(nn.Module):
    """As in transformers: it stores Wᵀ."""

    def __init__(self, nf, nx):
        super().__init__()
        self.nf = nf
        self.weight, self.bias = nn.Parameter(torch.randn(nx, nf)), nn.Parameter(torch.randn(nf))

    def forward(self, x):
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(*x.shape[:-1], -1)


class LoRA(nn.Module):
    def __init__(self, p, c):
        super().__init__()
        self.base, self.A, self.B = nn.Linear(p, c), nn.Linear(p, 2), nn.Linear(2, c)

    def forward(self, x):
        return self.base(x) + self.B(self.A(x))


def matrix():
    return nn.Parameter(torch.randn(C, P))


def zeroed(layer):
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def warm(norm):
    """A batch norm that is not the identity."""
    norm.running_mean, norm.running_var = torch.randn(C), torch.rand(C) * 5 + 0.1
    return norm


def heads():
    """id → (model, inputs, name, kind, rows, scale)."""
    fc, conv = nn.Linear(P, C), nn.Conv2d(P, C, 1)
    plain = lambda m, h: m.fc(h)  # noqa: E731
    named = {"fc": (X, "fc", f"Linear {P} → {C}", "one", 1)}
    of = {"fc": fc}
    table = {
        "Linear": (Model(plain, **of), *named["fc"]),
        "no bias": (Model(plain, fc=nn.Linear(P, C, bias=False)), *named["fc"]),
        "one logit": (Model(plain, fc=nn.Linear(P, 1)), X, "fc", f"Linear {P} → 1", "one", 1),
        "one logit squeezed": (
            *(Model(lambda m, h: m.fc(h)[:, 0], fc=nn.Linear(P, 1)), X),
            *("fc", f"Linear {P} → 1", "one", 1),
        ),
        "temperature": (Model(lambda m, h: m.fc(h) / 2, **of), *named["fc"][:-1], 0.5),
        "minus": (Model(lambda m, h: -m.fc(h), **of), *named["fc"][:-1], -1),
        "log softmax": (Model(lambda m, h: m.fc(h).log_softmax(1), **of), *named["fc"]),
        "softmax": (Model(lambda m, h: m.fc(h).softmax(1), **of), *named["fc"]),
        "sure softmax": (
            *(Model(lambda m, h: (60 * m.fc(h)).softmax(1), **of), *named["fc"][:-1], 60),
        ),
        "dict": (Model(lambda m, h: {"features": h, "logits": m.fc(h)}, **of), *named["fc"]),
        "loss first": (Model(lambda m, h: (h.sum(), m.fc(h), h), **of), *named["fc"]),
        "three heads": (
            Model(lambda m, h: (m.fc(h), m.aux(h), m.dom(h)), **of, aux=nn.Linear(P, C), dom=fc),
            *named["fc"],
        ),
        "weight norm": (
            Model(plain, fc=nn.utils.parametrizations.weight_norm(nn.Linear(P, C))),
            *(X, "fc", f"ParametrizedLinear {P} → {C}", "one", 1),
        ),
        "zero head": (
            Model(lambda m, h: (m.fc(h), m.aux(h))[0], fc=zeroed(nn.Linear(P, C)), aux=fc),
            *named["fc"],
        ),
        "transformers Conv1D": (
            *(Model(plain, fc=Conv1D(C, P)), X, "fc", f"Conv1D {P} → {C}", "one", 1),
        ),
        "tokens": (Model(plain, **of), TOKENS, "fc", f"Linear {P} → {C}", "every", 1),
        "mean of tokens": (
            *(Model(lambda m, h: m.fc(h).mean(1), **of), TOKENS),
            *("fc", f"Linear {P} → {C}", "mean", 1),
        ),
        "one token": (
            *(Model(lambda m, h: m.fc(h)[range(7), [4, 1, 2, 0, 4, 3, 3]], **of), TOKENS),
            *("fc", f"Linear {P} → {C}", "gather", 1),
        ),
        "conv, pool": (
            *(Maps(lambda m, h: m.fc(h).mean((2, 3)), fc=conv), MAPS),
            *("fc", f"Conv2d {P} → {C}", "mean", 1),
        ),
        "pool, conv": (
            *(Maps(lambda m, h: m.fc(h.mean((2, 3), True)).flatten(1), fc=conv), MAPS),
            *("fc", f"Conv2d {P} → {C}", "one", 1),
        ),
        "dense": (Maps(plain, fc=conv), MAPS, "fc", f"Conv2d {P} → {C}", "every", 1),
        "LoRA": (Model(plain, fc=LoRA(P, C)), X, "fc", f"LoRA {P} → {C}", "one", 1),
        "Linear and batch norm": (
            Model(plain, fc=nn.Sequential(nn.Linear(P, C), warm(nn.BatchNorm1d(C)))),
            *(X, "fc", f"Sequential {P} → {C}", "one", 1),
        ),
        "the model itself": (nn.Linear(6, C), X, "", f"Linear 6 → {C}", "one", 1),
        "cosine subclass": (
            *(
                Model(plain, fc=CosineLinear(P, C)),
                X,
                "fc",
                f"function linear {P} → {C}",
                "one",
                16,
            ),
        ),
    }
    functions = {
        "linear": lambda m, h: 16 * F.linear(F.normalize(h), F.normalize(m.w)),
        "matmul": lambda m, h: 16 * (F.normalize(h) @ F.normalize(m.w).T),
        "einsum": lambda m, h: 16 * torch.einsum("bp,cp->bc", F.normalize(h), F.normalize(m.w)),
    }
    for name, head in functions.items():
        kind = f"function {name} {P} → {C}"
        table[f"cosine {name}"] = (Model(head, w=matrix()), X, "", kind, "one", 16)
    by_hand = Model(lambda m, h: h @ m.w.T + m.b, w=matrix(), b=nn.Parameter(torch.randn(C)))
    table["by hand, with a bias"] = (by_hand, X, "", f"function matmul {P} → {C}", "one", 1)
    tied = Model(lambda m, h: F.linear(h, m.words.weight), words=nn.Embedding(C, P))
    table["tied"] = (tied, TOKENS, "", f"function linear {P} → {C}", "every", 1)
    return table


torch.manual_seed(1)
HEADS = heads()


def error_of(one):
    """What features·Wᵀ + b leaves of the logits, up to a shift of each row."""
    error = (one.features @ one.weight.mT + one.bias - one.logits).nan_to_num(posinf=0, neginf=0)
    return (error - error.mean(1, keepdim=True)).abs().max()


@pytest.mark.parametrize("name", HEADS)
def test_the_classifier_is_found_and_gives_the_logits_from_the_features(name):
    model, inputs, *expected, scale = HEADS[name]
    head = find_head(model, inputs)
    assert [head.name, head.kind, head.rows] == expected
    assert head.scale == pytest.approx(scale, rel=1e-5)
    assert head.misfit < 1e-6
    with reading(model, head) as read:
        one = read(inputs)
    assert one.weight.shape == (head.num_classes, head.num_features)
    assert len(one.features) == len(one.logits)
    if name != "sure softmax":  # logarithms of 0
        assert error_of(one) < 1e-4
    assert head.kind in head.says


@pytest.mark.parametrize("kept", [5, 1])
@pytest.mark.parametrize("name", [name for name in HEADS if name != "one token"])
def test_a_batch_of_any_size_is_read(name, kept):
    model, inputs, *_ = HEADS[name]
    head = find_head(model, inputs)
    with reading(model, head) as read:
        whole, part = read(inputs), read(inputs[:kept])
    assert torch.allclose(part.features, whole.features[: len(part.features)], atol=1e-6)
    assert torch.equal(part.weight, whole.weight)


def test_one_logit_becomes_two_rows_with_the_same_decisions():
    model, inputs, *_ = HEADS["one logit"]
    head = find_head(model, inputs)
    with reading(model, head) as read:
        one = read(inputs)
    logit = model(inputs)
    assert head.num_classes == 2
    assert torch.equal(one.weight, torch.cat([-model.fc.weight, model.fc.weight]) / 2)
    assert torch.equal(one.logits.argmax(1), (logit[:, 0] > 0).long())
    assert torch.allclose(one.features @ one.weight.T + one.bias, one.logits, atol=1e-6)


def test_rows_of_dense_maps_are_in_the_order_of_the_labels():
    model, inputs, *_ = HEADS["dense"]
    with reading(model, find_head(model, inputs)) as read:
        one = read(inputs)
    assert torch.equal(one.logits, model(inputs).permute(0, 2, 3, 1).reshape(-1, C))
    assert torch.equal(one.features, model.body(inputs).permute(0, 2, 3, 1).reshape(-1, P))


BATCH_NORM = nn.Sequential(*(nn.Linear(6, P), nn.ReLU(), nn.Linear(P, C), warm(nn.BatchNorm1d(C))))
REFUSED = {
    "batch norm behind the last layer": (BATCH_NORM, X, "`2`"),
    "sigmoid": (Model(lambda m, h: (5 * m.fc(h)).sigmoid(), fc=nn.Linear(P, C)), X, "`fc`"),
    "conv, ReLU, mean": (
        Maps(lambda m, h: m.fc(h).relu().mean((2, 3)), fc=nn.Conv2d(P, C, 1)),
        *(MAPS, "`fc`"),
    ),
    "mean of two heads": (
        Model(lambda m, h: (m.a(h[:, 0]) + m.b(h[:, 1])) / 2, a=nn.Linear(P, C), b=nn.Linear(P, C)),
        *(TOKENS, "`b`"),
    ),
    "a zero head behind a temperature": (
        Model(lambda m, h: m.fc(h) / 2, fc=zeroed(nn.Linear(P, C)), aux=nn.Linear(P, C)),
        *(X, "larger batch"),
    ),
    "ReLU in place of a zero head": (
        Model(lambda m, h: m.fc(h).relu_(), fc=zeroed(nn.Linear(P, C))),
        *(X, "larger batch"),
    ),
    "prototypes of the batch": (
        Model(lambda m, h: h @ torch.stack([h[i::C].mean(0) for i in range(C)]).T),
        *(X, "made from the batch"),
    ),
    "every sample against every sample": (Model(lambda m, h: h @ h.T), X, "function matmul"),
    "one sample, two classes": (
        Model(lambda m, h: (m.fc(h), m.aux(h))[0] * 2, fc=nn.Linear(P, 2), aux=nn.Linear(P, 2)),
        *(X[:1], "larger batch"),
    ),
    "one sample, one logit": (
        Model(lambda m, h: m.fc(h) * 2, fc=nn.Linear(P, 1)),
        *(X[:1], "larger batch"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_without_linear_classifier_is_refused_with_its_candidates(name):
    model, inputs, candidate = REFUSED[name]
    with pytest.raises(ValueError, match=NOTHING) as error:
        find_head(model, inputs)
    assert candidate in str(error.value)
    assert 'classifier="name"' in str(error.value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_logit_is_not_given_by_a_later_call_of_one_output(dtype):
    head = lambda m, h: (m.fc(h), m.value(h))[0]  # noqa: E731
    model = Model(head, fc=nn.Linear(P, 1), value=nn.Linear(P, 1)).to(dtype)
    assert find_head(model, X.to(dtype)).name == "fc"
    model = Model(lambda m, h: 2 * head(m, h), fc=model.fc, value=model.value).to(dtype)
    assert find_head(model, X.to(dtype)).name == "fc"


def test_a_picked_token_of_one_logit_is_gathered_and_no_mean():
    model = Model(lambda m, h: m.fc(h)[:, -1], fc=nn.Linear(P, 1))
    assert find_head(model, TOKENS).rows == "gather"


def test_half_precision_with_many_classes_does_not_take_an_unrelated_call():
    def head(m, h):
        nonlinear = (m.fc(h) * 3).tanh()
        m.other(h)
        return nonlinear.log_softmax(1)

    many = 20_000
    model = Model(head, fc=nn.Linear(P, many), other=nn.Linear(P, many)).bfloat16()
    with pytest.raises(ValueError, match=r"none of its calls|call it in float32"):
        find_head(model, X.bfloat16())


def test_a_common_shift_does_not_hide_a_nonlinear_head():
    model = Model(lambda m, h: m.fc(h) ** 3 + 1e6, fc=nn.Linear(P, C))
    with pytest.raises(ValueError, match=r"none of its calls|call it in float32"):
        find_head(model, X)


def test_a_common_shift_needs_precision_and_says_so():
    model = Model(lambda m, h: m.fc(h) + 1e6, fc=nn.Linear(P, C))
    with pytest.raises(ValueError, match="in float64 where it runs in float32"):
        find_head(model, X)
    assert find_head(model.double(), X.double()).name == "fc"


def test_a_token_of_an_unrelated_head_is_not_gathered_in_half_precision():
    tokens = torch.randn(6, 2048, 6).bfloat16()
    head = lambda m, h: (m.cls(h[:, 0]) * 2, m.token(h))[0]  # noqa: E731
    model = Model(head, cls=nn.Linear(P, 2), token=nn.Linear(P, 2)).bfloat16()
    assert find_head(model, tokens).name == "cls"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_found_and_said(dtype):
    model = Model(lambda m, h: m.fc(h).float(), fc=nn.Linear(P, C)).to(dtype)
    head = find_head(model, X.to(dtype))
    assert head.name == "fc"
    assert "float16" in head.says


def padded(model, tokens, lengths):
    model.last = torch.tensor(lengths) - 1
    return tokens


def test_the_picked_token_is_looked_up_in_every_batch():
    pick = lambda m, h: m.fc(h)[torch.arange(len(h)), m.last]  # noqa: E731
    model = Model(pick, fc=nn.Linear(P, C))
    head = find_head(model, padded(model, TOKENS, [5] * 7))
    with reading(model, head) as read:
        first = read(TOKENS)
        second = read(padded(model, TOKENS, [5, 1, 2, 5, 3, 4, 1]))
        third = read(padded(model, TOKENS[:, :1], [1] * 7))
    hidden = model.body(TOKENS)
    assert torch.allclose(first.features, hidden[:, -1])
    assert torch.allclose(second.features, hidden[range(7), [4, 0, 1, 4, 2, 3, 0]])
    assert torch.allclose(third.features, hidden[:, 0])
    assert (first.rows, second.rows, third.rows) == ("gather", "gather", "one")


def test_weights_that_change_from_batch_to_batch_are_an_error():
    model = Model(lambda m, h: h @ (m.w * m.factor).T, w=matrix(), factor=1.0)
    head = find_head(model, X)
    with (
        reading(model, head) as read,
        pytest.raises(ValueError, match="change from batch to batch"),
    ):
        read(X)
        model.factor = 2.0
        read(X)


def test_a_head_that_no_longer_gives_the_logits_is_an_error():
    model = Model(lambda m, h: m.power(m.fc(h)), fc=nn.Linear(P, C), power=nn.Identity())
    head = find_head(model, X)
    model.power = nn.Sigmoid()
    with (
        reading(model, head) as read,
        pytest.raises(ValueError, match=r"not features·Wᵀ \+ b of its classifier `fc`"),
    ):
        read(X)


def test_a_sample_that_is_not_finite_is_passed_on():
    model, inputs, *_ = HEADS["Linear"]
    head = find_head(model, inputs)
    broken = inputs.clone()
    broken[3] = torch.nan
    with reading(model, head) as read:
        one = read(broken)
    assert one.features.isfinite().all(1).logical_not().nonzero().tolist() == [[3]]


WRAPPED = {
    "DataParallel": nn.DataParallel,
    "compiled": lambda model: torch.compile(model, backend="eager"),
}


@pytest.mark.parametrize("wrap", WRAPPED)
@pytest.mark.parametrize("name", ["Linear", "cosine linear", "LoRA"])
def test_wrapped_models_are_seen_through(name, wrap):
    model, inputs, *expected, _ = HEADS[name]
    wrapped = WRAPPED[wrap](copy.deepcopy(model))
    with torch.no_grad():
        wrapped(inputs)  # compiled code calls no hooks from then on
    head = find_head(wrapped, inputs)
    assert [head.name, head.kind, head.rows] == expected
    with reading(wrapped, head) as read:
        assert error_of(read(inputs)) < 1e-5


def test_labels_among_the_inputs_are_irrelevant():
    class WithLoss(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, C)

        def forward(self, x, labels=None):
            logits = self.fc(x)
            return (logits,) if labels is None else (F.cross_entropy(logits, labels), logits)

    model, labels = WithLoss(), torch.arange(24) % C
    found = [find_head(model, inputs) for inputs in ({"x": X}, {"x": X, "labels": labels})]
    assert found[0].says == found[1].says


SIGMOID = REFUSED["sigmoid"][0]


@pytest.mark.parametrize("classifier", ["fc", SIGMOID.fc])
def test_a_named_classifier_is_taken_though_the_logits_are_not_affine(classifier):
    head = find_head(SIGMOID, X, classifier=classifier)
    assert (head.name, head.checked, head.scale) == ("fc", False, 1)
    assert "only to" in head.says
    with reading(SIGMOID, head) as read:
        one = read(X)
    assert torch.equal(one.weight, SIGMOID.fc.weight)
    assert torch.equal(one.features, SIGMOID.body(X))
    assert torch.equal(one.logits, SIGMOID(X))


@pytest.mark.parametrize("name", HEADS)
def test_a_named_classifier_is_checked_like_a_found_one(name):
    model, inputs, *expected, _ = HEADS[name]
    head = find_head(model, inputs, classifier=expected[0])
    assert [head.name, head.kind, head.rows] == expected
    assert head.checked


@pytest.mark.parametrize("features", ["body", "in:fc"])
def test_weights_that_are_given_are_put_on_named_features(features):
    model = HEADS["Linear"][0]
    weights = model.fc.weight.detach().numpy(), model.fc.bias.detach().numpy()
    head = find_head(model, X, classifier=weights, features=features)
    with reading(model, head) as read:
        one = read(X)
    assert head.checked
    assert torch.equal(one.features, model.body(X))
    assert error_of(one) < 1e-6


def test_given_weights_may_disagree_with_the_logits():
    model, _, _ = REFUSED["mean of two heads"]
    head = find_head(model, TOKENS, classifier=(model.a.weight, None), features="body")
    assert not head.checked
    assert head.rows == "mean"


def test_a_model_without_logits_gets_those_of_the_given_weights():
    model = Model(lambda m, h: {"embedding": h})
    weight = torch.randn(C, P)
    head = find_head(model, X, classifier=(weight, None), features="body")
    with reading(model, head) as read:
        one = read(X)
    assert torch.allclose(one.logits, model.body(X) @ weight.T, atol=1e-6)


LINEAR = HEADS["Linear"][0]
WRONG = {
    "no such name": ({"classifier": "head"}, "classifier='head' is no module"),
    "another model's": ({"classifier": nn.Linear(P, C)}, "not part of the model"),
    "not affine": ({"classifier": "body"}, "classifier='body' is no affine map"),
    "features alone": ({"features": "body"}, r"needs classifier=\(weight, bias\)"),
    "weights alone": ({"classifier": (torch.ones(C, P), None)}, "needs features="),
    "no such features": (
        {"classifier": (torch.ones(C, P), None), "features": "in:neck"},
        "features='neck' is no module",
    ),
    "features of another size": (
        {"classifier": (torch.ones(C, 5), None), "features": "body"},
        r"gives \(24, 8\); the weight",
    ),
    "a bias of another size": (
        {"classifier": (torch.ones(C, P), torch.ones(3)), "features": "body"},
        r"shapes \(4, 8\) and \(3,\)",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_named(name):
    arguments, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        find_head(LINEAR, X, **arguments)


@pytest.mark.parametrize(
    ("outputs", "found"),
    [({"last_hidden_state": X}, "last_hidden_state"), (X.long(), "int64"), (None, "NoneType")],
)
def test_a_model_without_logits_is_an_error(outputs, found):
    model = Model(lambda m, h: outputs)
    with pytest.raises(ValueError, match=f"model returned .*{found}"):
        find_head(model, X)


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_a_traced_model_is_an_error():
    traced = torch.jit.trace(LINEAR.eval(), X)
    with pytest.raises(ValueError, match=r"torch\.jit call no hooks"):
        find_head(traced, X)


def test_nothing_of_the_model_changes():
    model = Model(lambda m, h: m.fc(m.norm(h)), norm=nn.BatchNorm1d(P), fc=LoRA(P, C)).train()
    model.norm.eval()
    before, seed = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    modes = [module.training for module in model.modules()]
    head = find_head(model, X)
    with reading(model, head) as read, pytest.raises(RuntimeError):
        read(X)
        read(X[:, :2])
    after = model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), seed)
    assert not [m for m in model.modules() if m._forward_hooks or m._forward_pre_hooks]
