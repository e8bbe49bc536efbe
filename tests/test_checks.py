"""What a user hands in beside features: kinds of tensors, labels, weights; and what is advised."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import torch

import nclib
from nclib import ClassStatistics, collapse_metrics
from nclib.data import Split
from nclib.formulas.collapse import ncc_mismatch

FEATURES = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(12) % 3
WEIGHT, BIAS = torch.randn(3, 4), torch.randn(3)


pytestmark = pytest.mark.usefixtures("without_shape_checks")


def stats():
    return ClassStatistics.from_features(FEATURES, LABELS)


# What is no tensor: the remedy works for it


NO_TENSORS = {
    "features": {
        "array": FEATURES.numpy(),
        "big-endian array": FEATURES.numpy().astype(">f4"),
        "double array": FEATURES.double().numpy(),
        "list": FEATURES.tolist(),
        "table": pd.DataFrame(FEATURES.numpy(), columns=list("abcd")),
        "read-only array": np.broadcast_to(FEATURES.numpy(), (12, 4)),
    },
    "labels": {
        "array": LABELS.numpy(),
        "list": LABELS.tolist(),
        "column": pd.Series(LABELS.numpy()),
        "unsigned array": LABELS.numpy().astype(np.uint16),
        "big-endian array": LABELS.numpy().astype(">i8"),
        "words": np.array(["cat", "dog", "owl"])[LABELS.numpy()],
        "column of words": pd.Series(np.array(["cat", "dog", "owl"])[LABELS.numpy()]),
    },
}
EACH = [(name, kind) for name, kinds in NO_TENSORS.items() for kind in kinds]


@pytest.mark.parametrize(("name", "kind"), EACH)
def test_the_remedy_for_what_is_no_tensor_works(name, kind):
    given = {"features": FEATURES, "labels": LABELS, name: NO_TENSORS[name][kind]}
    with pytest.raises(ValueError, match=f"^{name} are a ") as said:
        ClassStatistics.from_features(given["features"], given["labels"])
    remedy = str(said.value).split("give a tensor: ")[1]
    given[name] = eval(remedy, {"torch": torch, "numpy": np, name: given[name]})
    found = ClassStatistics.from_features(given["features"], given["labels"])
    assert torch.allclose(found.class_means, stats().class_means)


@pytest.mark.parametrize(
    ("weight", "bias", "said"),
    [
        (WEIGHT.numpy(), BIAS, r"weight is a numpy.ndarray; give a tensor: torch.tensor\("),
        (WEIGHT, BIAS.numpy(), r"bias is a numpy.ndarray; give a tensor: torch.tensor\("),
        (WEIGHT.tolist(), BIAS, "weight is a builtins.list; give a tensor"),
        (pd.DataFrame(WEIGHT.numpy()), BIAS, "weight is a pandas.* give a tensor"),
        (torch.nn.Linear(4, 3), None, r"weight is a torch.nn.* give its tensors: layer.weight"),
        (WEIGHT, 0.0, "bias is a builtins.float; give a tensor"),
    ],
)
@pytest.mark.parametrize("what", [collapse_metrics, nclib.decompose_mse])
def test_a_classifier_that_is_no_tensor_is_refused(what, weight, bias, said):
    with pytest.raises(ValueError, match=said):
        what(stats(), weight, bias)


# Labels


@pytest.mark.parametrize("dtype", [torch.uint16, torch.uint32, torch.uint64, torch.float32])
def test_the_remedy_for_labels_of_another_dtype_works(dtype):
    labels = LABELS.to(dtype)
    with pytest.raises(ValueError, match=rf"labels have dtype {dtype}.*labels.long\(\)"):
        ClassStatistics.from_features(FEATURES, labels)
    assert torch.equal(
        ClassStatistics.from_features(FEATURES, labels.long()).counts, stats().counts
    )


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_labels_of_small_integers_are_taken(dtype):
    assert torch.equal(
        ClassStatistics.from_features(FEATURES, LABELS.to(dtype)).class_means, stats().class_means
    )


@pytest.mark.parametrize(
    "classes",
    [[1440764, 2084071, 15075141], [1, 2, 3], [0, 2, 5], [-1, 0, 1], [7, 8, 9], [0, 1, 2**62]],
)
def test_the_remedy_for_labels_that_are_identifiers_works(classes):
    labels = torch.tensor(classes)[LABELS]
    said = rf"labels are not 0..C-1 \(3 classes, {min(classes)} to {max(classes)}\); renumber them"
    with pytest.raises(ValueError, match=said) as error:
        ClassStatistics.from_features(FEATURES, labels)
    remedy = re.search(r"names, labels = (labels\.unique\(.*?\));", str(error.value))[1]
    names, renumbered = eval(remedy, {"labels": labels})
    found = ClassStatistics.from_features(FEATURES, renumbered)
    assert names.tolist() == classes
    assert torch.equal(found.class_means, stats().class_means)


def test_one_hot_labels_are_told_what_to_do():
    rows = torch.nn.functional.one_hot(LABELS)
    with pytest.raises(ValueError, match=r"of one-hot rows give labels.argmax\(1\)"):
        ClassStatistics.from_features(FEATURES, rows)
    assert torch.equal(
        ClassStatistics.from_features(FEATURES, rows.argmax(1)).counts, stats().counts
    )


# What is not finite decides nothing


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("place", ["weight", "bias"])
@pytest.mark.parametrize("what", [collapse_metrics, nclib.decompose_mse, ncc_mismatch])
def test_a_classifier_that_is_not_finite_is_refused(what, place, value):
    given = {"weight": WEIGHT.clone(), "bias": BIAS.clone()}
    given[place][1] = value
    counted = (FEATURES, LABELS) if what is ncc_mismatch else ()
    with pytest.raises(ValueError, match=f"{place} contains NaN or infinite values in row 1"):
        what(stats(), given["weight"], given["bias"], *counted)


# Splits and data sets made by hand


def split(images=None, labels=None):
    images = torch.zeros(6, 1, 8, 8) if images is None else images
    return Split(images, torch.arange(6) % 3 if labels is None else labels)


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (np.zeros((6, 1, 8, 8), np.float32), None, "images are a numpy.ndarray; give a tensor"),
        (None, [0, 1, 2] * 2, "labels are a builtins.list; give a tensor"),
        (torch.zeros(6, 8, 8), None, r"expected \(N, c, h, w\): images\[:, None\]"),
        (torch.zeros(6, 64), None, r"images have shape \(6, 64\)"),
        (None, (torch.arange(6) % 3).int(), r"labels are torch.int32 .*: labels.long\(\)"),
        (None, torch.eye(6).long(), r"labels are torch.int64 \(6, 6\).*: labels.argmax\(1\)"),
        (None, torch.arange(5), r"labels are torch.int64 \(5,\); expected torch.int64 \(6,\)"),
    ],
)
def test_a_split_says_what_it_needs(images, labels, said):
    with pytest.raises(ValueError, match=said):
        split(images, labels)


def spoilt(value):
    images = torch.zeros(6, 1, 8, 8)
    images[4, 0, 7, 0] = value
    return images


UNFIT = {
    "NaN": (lambda: split(spoilt(float("nan"))), "NaN or infinite values in 1 of 6 .* is image 4"),
    "infinite": (lambda: split(spoilt(float("inf"))), "infinite values in 1 of 6 .* is image 4"),
    "labels from 1": (lambda: split(labels=torch.arange(6) % 3 + 1), r"labels 1 to 3; .* 0\.\.2"),
    "labels from -1": (lambda: split(labels=torch.arange(6) % 3 - 1), r"labels -1 to 1; .* 0\.\.2"),
    "more classes": (lambda: split(labels=torch.arange(6)), "labels 0 to 5; with num_classes = 3"),
    "empty": (lambda: split(torch.zeros(0, 1, 8, 8), torch.arange(0)), "has no images"),
    "bytes": (lambda: split(torch.zeros(6, 1, 8, 8).byte()), r"images torch.uint8 .*images.float"),
}


@pytest.mark.parametrize("which", ["train", "test"])
@pytest.mark.parametrize("kind", UNFIT)
def test_a_data_set_names_the_split_that_does_not_fit(which, kind):
    made, said = UNFIT[kind]
    parts = {"train": split(), "test": split(), which: made()}
    stats = {"mean": torch.zeros(1), "std": torch.ones(1)}
    with pytest.raises(ValueError, match=f"^(data.)?(train|test) .*{said}"):
        nclib.DataSet("mine", num_classes=3, class_names=("a", "b", "c"), **stats, **parts)
