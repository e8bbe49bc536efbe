"""Bad input gets a ValueError that names the argument, what was found and what to do."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

import nclib
from nclib import ClassStatistics, collapse_metrics
from nclib.formulas.collapse import ncc_mismatch

FEATURES = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
NAN = FEATURES.clone()
NAN[1, 2], NAN[4, 0] = float("nan"), float("inf")


pytestmark = pytest.mark.usefixtures("without_shape_checks")


def stats():
    return ClassStatistics.from_features(FEATURES, LABELS)


REFUSED = {
    "labels that are floats": (
        lambda: ClassStatistics.from_features(FEATURES, LABELS.float()),
        "labels have dtype torch.float32; expected class indices",
    ),
    "labels that are booleans": (
        lambda: ClassStatistics.from_features(FEATURES, LABELS > 0),
        "labels have dtype torch.bool",
    ),
    "negative labels": (
        lambda: ClassStatistics.from_features(FEATURES, LABELS - 1, 3),
        r"labels contain -1; with num_classes = 3 they must lie in 0\.\.2",
    ),
    "labels of C or more": (
        lambda: ClassStatistics(2, 4).update(FEATURES, LABELS),
        r"labels contain 2; with num_classes = 2 they must lie in 0\.\.1",
    ),
    "arrays": (
        lambda: ClassStatistics.from_features(FEATURES.numpy(), LABELS),
        r"features are a numpy.ndarray; give a tensor: torch.tensor\(numpy.asarray\(features",
    ),
    "a list of labels": (
        lambda: ClassStatistics.from_features(FEATURES, LABELS.tolist()),
        "labels are a builtins.list; give a tensor",
    ),
    "labels for other samples": (
        lambda: ClassStatistics.from_features(FEATURES, LABELS[:5]),
        r"labels have shape \(5,\); features of shape \(6, 4\) need \(6,\)",
    ),
    "a class without samples": (
        lambda: ClassStatistics.from_features(FEATURES, LABELS, 5).class_means,
        r"no samples of class 3, 4 \(of 5\); give samples of every class",
    ),
    "metrics of a class without samples": (
        lambda: collapse_metrics(
            ClassStatistics.from_features(FEATURES, LABELS, 4), torch.randn(4, 4)
        ),
        "no samples of class 3",
    ),
    "NaN and infinite features": (
        lambda: ClassStatistics.from_features(NAN, LABELS),
        r"NaN or infinite values in 2 rows \(1, 4\)",
    ),
    "NaN features beside training statistics": (
        lambda: collapse_metrics(stats(), torch.randn(3, 4), features=NAN, labels=LABELS),
        r"NaN or infinite values in 2 rows \(1, 4\)",
    ),
    "features of another width": (
        lambda: stats().update(torch.randn(2, 5), LABELS[:2]),
        "features have 5 columns, the statistics 4",
    ),
    "features that are images": (
        lambda: ClassStatistics.from_features(torch.randn(6, 1, 8, 8), LABELS),
        r"features have shape \(6, 1, 8, 8\); expected \(N, p\)",
    ),
    "fewer than two classes": (
        lambda: ClassStatistics(1, 4),
        "num_classes is 1; give an integer of at least 2: collapse needs two classes",
    ),
    "labels of one class": (
        lambda: ClassStatistics.from_features(FEATURES, 0 * LABELS),
        "num_classes is 1",
    ),
    "no samples": (
        lambda: ClassStatistics.from_features(FEATURES[:0], LABELS[:0]),
        "num_classes is 0",
    ),
    "no features": (lambda: ClassStatistics(3, 0), "num_features is 0"),
    "statistics of another shape": (
        lambda: stats().merge(ClassStatistics(3, 5)),
        r"other has \(classes, features\) = \(3, 5\), this has \(3, 4\)",
    ),
    "weight of the wrong shape": (
        lambda: collapse_metrics(stats(), torch.randn(4, 3)),
        r"weight has shape \(4, 3\); nn.Linear keeps \(C, p\) = \(3, 4\)",
    ),
    "bias of the wrong shape": (
        lambda: collapse_metrics(stats(), torch.randn(3, 4), torch.randn(4)),
        r"bias has shape \(4,\); expected \(C,\) = \(3,\)",
    ),
    "features without labels": (
        lambda: collapse_metrics(stats(), torch.randn(3, 4), features=FEATURES),
        "features and labels belong together",
    ),
    "scatter that was not kept": (
        lambda: collapse_metrics(
            ClassStatistics(3, 4, scatter=False).update(FEATURES, LABELS), torch.randn(3, 4)
        ),
        "scatter=False",
    ),
    "an unknown network": (
        lambda: nclib.build_network("resnet", nclib.load_data("digits")),
        "network 'resnet' is unknown; choose from mlp, convnet, .*. Did you mean 'resnet",
    ),
    "an unknown loss": (
        lambda: next(train(loss="hinge")),
        "loss 'hinge' is unknown; choose from cross_entropy, squared_error",
    ),
    "a negative learning rate": (
        lambda: next(train(learning_rate=-1.0)),
        "learning_rate is -1.0; it must be positive",
    ),
    "a momentum of one": (
        lambda: next(train(momentum=1.0)),
        r"momentum is 1.0; it must be in \[0, 1\)",
    ),
    "an unknown precision": (
        lambda: next(train(precision="float16")),
        "precision 'float16' is unknown; choose from float32, bfloat16",
    ),
    "no samples for pictures": (
        lambda: next(train(sample_per_class=0)),
        "sample_per_class is 0; it must be at least 1",
    ),
    "batches of nothing": (
        lambda: next(train(batch_size=0)),
        "batch_size is 0; it must be at least 1",
    ),
    "a negative decay": (
        lambda: next(train(weight_decay=-1e-4)),
        "weight_decay is -0.0001; it must be at least 0",
    ),
    "a learning rate that is no number": (
        lambda: next(train(learning_rate=float("nan"))),
        "learning_rate is nan; give a finite number, positive",
    ),
    "mismatch of features of another width": (
        lambda: ncc_mismatch(stats(), torch.randn(3, 4), None, torch.randn(2, 5), LABELS[:2]),
        "features have 5 columns, the statistics 4",
    ),
    "mismatch with a weight of the wrong shape": (
        lambda: ncc_mismatch(stats(), torch.randn(4, 3), None, FEATURES, LABELS),
        r"weight has shape \(4, 3\)",
    ),
    "negative epochs": (lambda: next(train(epochs=-1)), "epochs is -1; it must be at least 0"),
    "a loss that becomes NaN": (
        lambda: list(train(learning_rate=1e6, epochs=5)),
        r"the loss became (nan|inf) in epoch \d with learning_rate=1e\+06.*lower learning_rate",
    ),
}


def train(**settings):
    data = nclib.load_data("digits", classes=[0, 1, 2])
    network = nclib.build_network("mlp", data, width=8, num_features=4)
    defaults = {"epochs": 1, "learning_rate": 0.1, "weight_decay": 0.0, "progress": False}
    return nclib.train(network, data, **(defaults | settings))


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    act, said = REFUSED[name]
    with pytest.raises(ValueError, match=said):
        act()


def test_numbers_out_of_arrays_are_good(tmp_path):
    settings = {"epochs": np.int64(2), "seed": np.int64(1), "batch_size": np.int32(64)}
    settings |= {"learning_rate": np.float32(0.5), "sample_per_class": np.int64(3)}
    checkpoint = tmp_path / "run.checkpoint"
    first, again = (nclib.Trajectory.of(train(**settings, checkpoint=checkpoint)) for _ in range(2))
    assert nclib.Trajectory.load(first.save(tmp_path / "run.npz")).settings == again.settings
    assert again.settings["epochs"] == 2
    assert first.metrics.equals(again.metrics)


def test_the_same_error_where_jaxtyping_is_missing():
    code = """
        import sys
        sys.modules["jaxtyping"] = None
        import torch, nclib
        try:
            nclib.ClassStatistics.from_features(torch.randn(2, 3), torch.tensor([0.0, 1.0]))
        except ValueError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("labels have dtype torch.float32")
