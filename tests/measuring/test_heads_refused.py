"""Models without a linear classifier are refused, and no other call is taken for it."""

from __future__ import annotations

import pytest
import torch
from small_models import HEADS, REFUSED, TOKENS, C, Model, P, X
from torch import nn

from nclib.measuring.finding.heads import find_head

NOTHING = "none of its calls gives its logits"


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


@pytest.mark.parametrize("seed", [4, 7, 11])
def test_a_token_of_an_unrelated_head_is_not_gathered_in_half_precision(seed):
    """With these seeds some token of 2,048 differs between the classes as the logits do."""
    torch.manual_seed(seed)
    tokens = torch.randn(6, 2048, 6).bfloat16()
    head = lambda m, h: (m.cls(h[:, 0]) / 4, m.token(h))[0]  # noqa: E731
    model = Model(head, cls=nn.Linear(P, 2), token=nn.Linear(P, 2)).bfloat16()
    assert find_head(model, tokens).name == "cls"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_found_and_said(dtype):
    model = Model(lambda m, h: m.fc(h).float(), fc=nn.Linear(P, C)).to(dtype)
    head = find_head(model, X.to(dtype))
    assert head.name == "fc"
    assert "float16" in head.says


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
    traced = torch.jit.trace(HEADS["Linear"][0].eval(), X)
    with pytest.raises(ValueError, match=r"torch\.jit call no hooks"):
        find_head(traced, X)
