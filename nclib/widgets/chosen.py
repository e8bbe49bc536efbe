"""The network and the training that the controls of live training describe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nclib.data.dataset import DataSet
from nclib.runs.epoch import Epoch
from nclib.runs.networks import Network, build_network
from nclib.runs.presets import cosine_schedule
from nclib.runs.training import train

SETTINGS = ("loss", "epochs", "learning_rate", "weight_decay", "seed")


def epochs_of(network: Network, data: DataSet, values: dict, **options: Any) -> Iterator[Epoch]:
    """``train`` with the controls' values."""
    options |= {name: values[name] for name in SETTINGS}
    options |= {"batch_size": 256, "schedule": cosine_schedule, "progress": False}
    return train(network, data, **options)


def network_of(values: dict[str, Any], data: DataSet) -> Network:
    """The network that the controls describe; convolutional ones have p in multiples of width."""
    name, size = values["network"], values["num_features"]
    if name == "mlp":
        options = {"num_features": size, "linear_features": values["linear_features"]}
        return build_network(name, data, seed=values["seed"], **options)
    times = {"convnet": 4, "resnet18": 8}[name]
    if size % times:
        raise ValueError(f"features p is {size}; for {name} it must be a multiple of {times}")
    if values["linear_features"]:
        raise ValueError(f"linear features belong to mlp; {name} ends in a ReLU: untick them")
    return build_network(name, data, width=size // times, seed=values["seed"])
