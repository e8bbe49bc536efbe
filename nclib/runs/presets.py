"""Settings of whole runs: learning-rate schedules, epochs to measure, the papers' and quick ones.

``train(network, data, **presets.paper("resnet18", "mnist"))`` is a run of the papers.
"""

from __future__ import annotations

import math

import numpy as np

from nclib.formulas.losses import check_loss
from nclib.shapes import Number


def step_schedule(progress: Number) -> float:
    """The papers' learning rate: divided by 10 after one third and again after two thirds."""
    return 0.1 ** math.floor(3 * progress)


def cosine_schedule(progress: Number) -> float:
    """Linear warm-up over the first 5 %, then a cosine to 0."""
    warm_up = 0.05
    if progress < warm_up:
        return progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


def measured_epochs(epochs: int, count: int = 40) -> list[int]:
    """0, then about ``count`` log-spaced epochs up to the last: collapse slows down."""
    spaced = np.geomspace(1, epochs, count).round().astype(int) if epochs else []
    return sorted({0, *map(int, spaced)})


PAPER_EPOCHS = [0, *range(1, 15), 16, 17, 19, 20, 22, 24, 27, 29, 32, 35, 38, 42, 45, 50, 54, 59]
PAPER_EPOCHS += [65, 71, 77, 85, 92, 101, 110, 121, 132, 144, 158, 172, 188, 206, 225, 245, 268]
PAPER_EPOCHS += [293, 320, 350]  # of the authors' notebook; 0 is ours

# Han, Papyan, Donoho 2022 tuned the rate to the test error for each of these, on one grid.
PAPER_RATES = {
    "mnist": {"vgg11": 0.0255, "resnet18": 0.0184, "densenet40": 0.0255},
    "fashion-mnist": {"vgg11": 0.0184, "resnet18": 0.0940},
    "svhn": {"vgg13": 0.0184, "resnet34": 0.0096, "densenet40": 0.0133},
    "cifar10": {"vgg11": 0.0255, "resnet50": 0.0096},
    "stl10": {"vgg11": 0.0184, "resnet18": 0.0679},
}
CROSS_ENTROPY_RATE = 0.0679  # printed for MNIST and ResNet-18
SQUARED_ERROR_RATE = 0.0184  # the most frequent of the table


def paper(network: str, data: str, loss: str = "cross_entropy") -> dict:
    """The papers' settings, as arguments of ``train``.

    SGD without augmentation. Under squared error the rate is the paper's where it prints one for
    ``network`` and ``data``, names of ``build_network`` and ``load_data``, otherwise 0.0184; under
    cross-entropy it is 0.0679, printed for MNIST and ResNet-18.

    Raises:
        ValueError: for an unknown loss.

    Source: Papyan, Han, Donoho 2020; Han, Papyan, Donoho 2022; their notebook for the epochs.
    """
    check_loss(loss)
    rate = CROSS_ENTROPY_RATE
    if loss == "squared_error":
        rate = PAPER_RATES.get(data, {}).get(network, SQUARED_ERROR_RATE)
    settings = {"loss": loss, "epochs": 350, "learning_rate": rate, "weight_decay": 5e-4}
    settings |= {"momentum": 0.9, "batch_size": 128, "schedule": step_schedule}
    return settings | {"measure_at": PAPER_EPOCHS}


# learning rate, weight decay, batch size, epochs, schedule: measured, see benchmarks/README.md
QUICK = {
    ("mlp", "cross_entropy"): (0.1, 1e-2, 256, 100, cosine_schedule),
    ("mlp", "squared_error"): (0.5, 2e-3, 256, 100, cosine_schedule),
    ("convnet", "cross_entropy"): (0.1, 1e-2, 64, 150, step_schedule),
    ("convnet", "squared_error"): (0.1, 5e-3, 64, 150, step_schedule),
    ("densenet40", "cross_entropy"): (0.1, 2e-3, 64, 100, cosine_schedule),
    ("densenet40", "squared_error"): (0.1, 2e-3, 64, 100, cosine_schedule),
    ("any other", "cross_entropy"): (0.1, 5e-3, 128, 60, cosine_schedule),
    ("any other", "squared_error"): (0.2, 2e-3, 128, 60, cosine_schedule),
}


def quick(network: str, loss: str = "cross_entropy") -> dict:
    """Settings that reach collapse on a CPU, on a few thousand images, as arguments of ``train``.

    The decay is larger than the papers', so that collapse comes in tens of epochs. Narrow networks
    (``build_network(network, ..., width=8)``) are meant. Label smoothing and focal loss take the
    settings of cross-entropy.

    Raises:
        ValueError: for an unknown loss.
    """
    check_loss(loss)
    kind = "squared_error" if loss == "squared_error" else "cross_entropy"
    found = QUICK.get((network, kind), QUICK["any other", kind])
    rate, decay, batch_size, epochs, schedule = found
    settings = {"loss": loss, "epochs": epochs, "learning_rate": rate, "weight_decay": decay}
    return settings | {"batch_size": batch_size, "schedule": schedule}
