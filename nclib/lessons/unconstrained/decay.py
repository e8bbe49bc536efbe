"""Notebook 03's network, three digits in the plane under squared error, as free features see it.

Its last layer before the classifier is batch norm, h = γx̂ + β with x̂ of variance 1: a decay λ of γ
is one of λ/N on the features.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes

from nclib.data.dataset import DataSet
from nclib.formulas.losses import LOSSES, pull_at_zero
from nclib.palette import INK, MUTED, RUN_COLORS
from nclib.pictures.picture import Picture, house_style, picture
from nclib.runs.networks import Network, build_network
from nclib.runs.presets import cosine_schedule
from nclib.runs.training import train
from nclib.shapes import Float, Number, Tensor


class End(NamedTuple):
    """Where a training with weight decay ended.

    Attributes:
        network: the trained one.
        sizes: the two singular values of the mean logits WṀᵀ, the larger first.
        classifier: (p,) ‖w_j‖², of the classifier's weights on feature j.
        features: (p,) γ_j² + β_j², of what makes the feature.
        apart: distances between the class means of digits 0 and 1, 0 and 2, 1 and 2.
    """

    network: Network
    sizes: Float[Tensor, " 2"]
    classifier: Float[Tensor, " p"]
    features: Float[Tensor, " p"]
    apart: Float[Tensor, " 3"]

    @property
    def off_balance(self) -> float:
        """How far ‖w_j‖² is from γ_j² + β_j², at most, in units of the latter."""
        return float((self.classifier / self.features - 1).abs().max())


def train_in_plane(
    data: DataSet, weight_decay: Number, *, epochs: int, seed: int = 0, held: Network | None = None
) -> End:
    """Train notebook 03's network with this decay on all weights.

    Args:
        data: of three classes.
        weight_decay: λ of everything that is trained.
        epochs: to train for.
        seed: of initial weights and sample order.
        held: a network of this shape whose layers below the last batch norm are taken and not
            trained; γ, β and the classifier start afresh.
    """
    network = build_network("mlp", data, num_features=2, linear_features=True, width=128, seed=seed)
    if held is not None:
        network.features[:-1].load_state_dict(copy.deepcopy(held.features[:-1].state_dict()))
        network.features[:-1].requires_grad_(False)
    settings = {"loss": "squared_error", "learning_rate": 0.2, "schedule": cosine_schedule}
    settings |= {"measure_at": [epochs], "progress": False, "seed": seed}
    *_, last = train(network, data, epochs=epochs, weight_decay=weight_decay, **settings)
    means, norm = last.snapshot.class_means.double(), network.features[-1]
    logits = network.classifier.weight.detach().double() @ (means - means.mean(0)).T
    features = norm.weight.detach().square() + norm.bias.detach().square()
    classifier = network.classifier.weight.detach().square().sum(0)
    sizes = torch.linalg.svdvals(logits)[:2]
    return End(network, sizes, classifier, features, torch.pdist(means))


def distances_of_images(data: DataSet) -> Float[Tensor, " 3"]:
    """Distances between the mean training images of classes 0 and 1, 0 and 2, 1 and 2."""
    images, labels = data.train.images.flatten(1), data.train.labels
    return torch.pdist(torch.stack([images[labels == c].mean(0) for c in range(3)]))


def largest_decay(loss: str, num_classes: int) -> float:
    """√N‖∂L/∂Z‖₂ at zero logits, from which weight decay on zero is best; L as trained.

    2/C^{3/2} for the squared error, 1/√C for the cross-entropy.
    """
    return pull_at_zero(LOSSES[loss], num_classes) / num_classes**0.5


def above_the_line(ends: Mapping[Number, End]) -> pd.DataFrame:
    """The two sizes less those of free features, max(0, 1 - λ/λ*), a row a decay."""
    largest = largest_decay("squared_error", 3)
    free = [[max(0, 1 - decay / largest)] for decay in ends]
    sizes = torch.stack([end.sizes for end in ends.values()]).numpy()
    return pd.DataFrame(sizes - np.array(free), index=list(ends), columns=["larger", "smaller"])


@house_style
def sizes_and_balance(trained: Mapping[Number, End], held: Mapping[Number, End]) -> Picture:
    """Singular values of the mean logits against decay; classifier against features.

    Args:
        trained: decay → end of the whole network.
        held: decay → end with the layers below held.
    """
    figure, (size, balance) = picture(1, 2, size=(9, 4), width_ratios=(1.35, 1))
    most = largest_decay("squared_error", 3)
    size.plot([0, most, 1.12 * most], [1, 0, 0], color=INK, lw=1, label="free features, s = 1 - Cθ")
    kinds = ((held, "layers below held", RUN_COLORS[1], "s", "none"), (trained, "network", *_FULL))
    for ends, name, color, marker, face in kinds:
        for k in (0, 1):
            values = [float(end.sizes[k]) for end in ends.values()]
            label = name if k == 0 else None
            look = {"color": color, "mfc": face, "ms": 9 - 3 * k, "mew": 1.4, "label": label}
            size.plot(list(ends), values, marker, linestyle="none", **look)
    size.axvline(most, color=MUTED, ls=":", lw=1)
    size.set(xlabel="weight decay λ", title="two singular values of mean logits (large, small)")
    size.legend(loc="lower left")
    _balance(balance, trained)
    figure.alt = f"{_said('Network', trained)} {_said('Layers below held', held)} " + (
        f"The line of free features falls from 1 to 0 at λ = {most:.3f}."
    )
    return figure


_FULL = (RUN_COLORS[0], "o", RUN_COLORS[0])


def _balance(axis: Axes, trained: Mapping[Number, End]) -> None:
    """‖w_j‖² over γ_j² + β_j², of features that are not yet at zero."""
    alive = {decay: end for decay, end in trained.items() if end.features.min() > 1e-3}
    places = np.arange(len(alive))
    for j in range(2):
        ratios = [float(end.classifier[j] / end.features[j]) for end in alive.values()]
        axis.plot(places + 0.1 * (2 * j - 1), ratios, "o", color=RUN_COLORS[0], ms=7)
    axis.axhline(1, color=INK, lw=1)
    axis.set(yscale="log", xlabel="weight decay λ", title="‖w‖² ÷ (γ² + β²), each feature")
    axis.set_xticks(places, [f"{decay:g}" for decay in alive])


def _said(name: str, ends: Mapping[Number, End]) -> str:
    each = (f"λ = {decay:g}: {_pair(end.sizes)}" for decay, end in ends.items())
    return f"{name}: " + "; ".join(each) + "."


def _pair(sizes: Float[Tensor, " 2"]) -> str:
    return " and ".join(f"{size:.2f}" for size in sizes.tolist())
