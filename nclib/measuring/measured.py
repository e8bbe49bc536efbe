"""``measure``: any network, any data, one report."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from nclib.checks import at_least, check_flags
from nclib.data.dataset import DataSet
from nclib.measuring.batches import batches
from nclib.measuring.buffers import buffers_of_the_first
from nclib.measuring.collect import KEEP
from nclib.measuring.finding.given import weights_given
from nclib.measuring.finding.heads import find_head
from nclib.measuring.layers.units import default_units
from nclib.measuring.modes import exact_float32
from nclib.measuring.passes import Reader, module_of, own_batches, pass_over, peeked
from nclib.measuring.randomness import same_randomness
from nclib.measuring.ranks import together
from nclib.measuring.reports.collapse_report import CollapseReport
from nclib.measuring.summary import report_of
from nclib.shapes import Tensor


def measure(  # noqa: PLR0913 - what is measured, and how, all named
    model: nn.Module | None,
    data: Any,
    *,
    test: Any = None,
    ood: Any = None,
    classifier: Any = None,
    features: str | None = None,
    layers: bool | Iterable[str] | None = None,
    class_names: Sequence[Any] | None = None,
    num_classes: int | None = None,
    device: torch.device | str | None = None,
    batch_size: int = 256,
    keep: int = KEEP,
    ncc: bool | None = None,
    positions: str = "mean",
    tokens: str | int = "auto",
    autocast: torch.dtype | None = None,
    shard: bool = True,
    progress: bool = True,
) -> CollapseReport:
    """Neural collapse of any network on any data: NC1 to NC4, by class, and layer by layer.

    The classifier is found by what it computes, and verified: logits = features·Wᵀ + b. The model
    is in evaluation mode meanwhile; modes, hooks, buffers and random generators are as before when
    it ends, in whatever way. In a ``torch.distributed`` job every rank calls it and gets the whole.

    Args:
        model: any module, wrapped or compiled, too; or None for features that are given, with
            ``classifier=(weight, bias)``.
        data: the training data: a ``DataSet`` (its test images are measured, too), (inputs, labels)
            as tensors or arrays, a torch ``Dataset``, a ``DataLoader`` or any iterable of batches
            (tuples, or dicts with labels), files of features; labels are class indices, -100 is
            left out. Labels that are a language model's own input tokens are moved by one.
        test: other data of these classes; NC4 and nearest centres by the training means.
        ood: inputs of no known class; labels are ignored.
        classifier: the name of a module, or the module, where the search finds none or another; or
            (weight (C, p), bias (C,) or None) with ``features``.
        features: name of the module whose output that classifier reads; ``"in:name"`` its input.
        layers: True for the default layers in call order, or names: ``"layer3"`` is the output of a
            module, ``"in:layer3"`` what it reads, ``"relu#1"`` its second call.
        class_names: C names.
        num_classes: C, to check the classifier against.
        device: where to measure; the model's own when not given. A model is moved back.
        batch_size: of data that are no loader.
        keep: bytes of features to keep for each layer. What needs more is summed in one pass.
        ncc: True: read the data a second time where the features were not kept, for NC4, nearest
            centres and NC1 by class (and NC1 itself beyond 4,096 features). Only if kept, if None
            or False.
        positions: of maps in layers: their ``"mean"``, or ``"flatten"``.
        tokens: of layers: ``"auto"`` as the classifier reads them, ``"mean"``, ``"every"`` or a
            number.
        autocast: ``torch.bfloat16`` or ``torch.float16`` to run the model under it.
        shard: share the samples out between ranks, each once; False if each rank has its own.
        progress: show a text progress bar once it takes longer than two seconds.

    Raises:
        ValueError: for a model without such a classifier, with the candidates and the ways out; for
            a batch that is none, its number and samples named; for options that are none.

    Source: Papyan, Han, Donoho 2020; layers: Súkeník, Mondelli, Lampert 2023.
    """
    at_least(1, batch_size=batch_size)
    at_least(0, keep=keep)
    check_flags(shard=shard, progress=progress, ncc=bool(ncc) if ncc is None else ncc)
    model, classifier = _model(model, classifier, features)
    if isinstance(data, DataSet):
        test = data.test if test is None else test
        class_names = data.class_names if class_names is None else class_names
    with (
        same_randomness(data, test, ood),
        placed(model, device) as place,
        buffers_of_the_first(model),
    ):
        stream = own_batches(data, "data", batch_size, place, shard)
        with together(), exact_float32():  # no autocast: half precision cannot tell it surely
            first, stream = peeked(stream)
            inputs = (first or next(batches(data, batch_size, device=place))).inputs
            head = find_head(model, inputs, classifier=classifier, features=features)
            names = _names(class_names, head.num_classes, num_classes)
            chosen = _layers(layers, model, inputs, module_of(head))
        options = {"positions": positions, "tokens": tokens}
        reader = Reader(
            *(model, head, inputs, chosen, options),
            *(batch_size, place, keep, autocast, shard, progress),
        )
        parts = {"train": pass_over(reader, data, "data", stream)}
        if test is not None:
            parts["test"] = pass_over(reader, test, "test")
        return report_of(reader, parts, names, again=bool(ncc), ood=ood)


def _model(model: Any, classifier: Any, features: str | None) -> tuple[nn.Module, Any]:
    """A model, and the classifier still to be found in it."""
    if isinstance(model, nn.Module):
        return model, classifier
    if model is not None:
        raise ValueError(
            f"model is a {type(model).__name__}; give a torch.nn.Module, or None with "
            "classifier=(weight, bias) where data are features"
        )
    if not isinstance(classifier, tuple | list) or len(classifier) != 2 or features is not None:
        raise ValueError(
            "model is None; give classifier=(weight, bias) of the features in data, bias None for "
            "a classifier without one, and no features="
        )
    if classifier[0] is None or torch.as_tensor(classifier[0]).ndim != 2:
        raise ValueError("classifier needs a weight of shape (C, p), as nn.Linear(p, C) has it")
    weight, bias = weights_given(classifier)
    linear = nn.Linear(*weight.T.shape, dtype=weight.dtype)
    linear.weight = nn.Parameter(weight, requires_grad=False)
    linear.bias = nn.Parameter(bias.to(weight), requires_grad=False)
    return linear, None


@contextlib.contextmanager
def placed(model: nn.Module, device: Any) -> Iterator[torch.device]:
    """The device of the model in the block: its own, or another one for that long."""
    own = next((x.device for x in _tensors(model)), torch.device("cpu"))
    wanted = own if device is None else torch.device(device)
    if wanted == own:
        yield own
        return
    model.to(wanted)
    try:
        yield wanted
    finally:
        model.to(own)


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    yield from model.parameters()
    yield from model.buffers()


def _names(given: Sequence[Any] | None, found: int, num_classes: int | None) -> list[Any]:
    if num_classes not in (None, found):
        raise ValueError(
            f"num_classes is {num_classes}, but the classifier decides among {found}; give another "
            "classifier=, or leave num_classes out"
        )
    names = list(range(found)) if given is None else list(given)
    if len(names) != found:
        raise ValueError(
            f"class_names has {len(names)} names, but the classifier decides among {found} classes"
        )
    return names


def _layers(
    asked: bool | Iterable[str] | None, model: nn.Module, inputs: Any, head: str | None
) -> tuple[str, ...]:
    if isinstance(asked, str):
        raise ValueError(f"layers is {asked!r}; give a list of names, [{asked!r}], or True")
    if asked is True:
        return tuple(default_units(model, inputs, head))
    return tuple(asked or ())
