"""One network, its NC1 by layer told in several ways: positions, number of samples, labels."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

from nclib.data.dataset import Split
from nclib.measuring.layers.layer_samples import features_by_layer, nc1_of, some_of_each
from nclib.measuring.layers.units import default_units
from nclib.palette import INK, MUTED, RUN_COLORS
from nclib.pictures.picture import Kept, house_style, kept, label, picture
from nclib.runs.layer_recording import layer_names
from nclib.shapes import Float, Int, Tensor

ALL, TRUE, SHUFFLED = "all", "true", "shuffled"
WAYS = ["positions", "images", "labels"]


POSITIONS = ("mean", "flatten")


def by_positions(network: nn.Module, split: Split) -> dict[str, dict[str, Float[Tensor, "N p"]]]:
    """Features of every layer of a network, by its name for readers: as means, and flattened."""
    data = split.images, split.labels
    units = default_units(network, split.images, None)
    names = layer_names(network, units)
    seen = {way: features_by_layer(network, data, units, positions=way) for way in POSITIONS}
    return {way: dict(zip(names, h.values(), strict=True)) for way, h in seen.items()}


def stories(
    features: Mapping[str, Mapping[str, Float[Tensor, "N p"]]],
    labels: Int[Tensor, " N"],
    counts: Sequence[int],
    *,
    draws: int = 5,
) -> pd.DataFrame:
    """NC1 of each layer, a column each, in every way to tell it, a row each.

    The rows are indexed by ``positions``; by ``images``: "all", "10 drawn" of each class (the mean
    of ``draws`` draws), or "the first 10" of each class in their order; and by the ``labels``,
    "true" or "shuffled" among the images.

    Args:
        features: layer → features, for each way to take positions.
        labels: of the N samples.
        counts: numbers of images of each class.
        draws: of those chosen at random.
    """
    shuffled = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    told = {TRUE: labels, SHUFFLED: shuffled}
    seeds = {ALL: (None, None)}
    for count in counts:
        seeds[f"{count} drawn"] = count, range(draws)
        seeds[f"the first {count}"] = count, [None]
    rows = {}
    for way, (some, chosen), kind in itertools.product(features, seeds.items(), told):
        picked = _picked(told[kind], *chosen)
        rows[way, some, kind] = {
            layer: float(np.mean([nc1_of(_turned(h[i]), told[kind][i]) for i in picked]))
            for layer, h in features[way].items()
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(WAYS)


def _picked(labels: Tensor, count: int | None, seeds: Iterable[int | None] | None) -> list:
    """Which samples, for each draw; all of them where no number is given."""
    if count is None:
        return [...]
    return [some_of_each(labels, count, seed=seed) for seed in seeds]


def _turned(features: Float[Tensor, "N p"]) -> Tensor:
    """The same points up to a rotation, in as few dimensions as they are points: much quicker."""
    wide = features.shape[1] > len(features)
    return torch.linalg.qr(features.double().T, mode="r")[1].T if wide else features


@house_style
def story_slider(table: pd.DataFrame) -> Kept:
    """NC1 by layer as one of ``stories`` tells it, beside all images with their true labels.

    The function takes ``positions``, ``images`` and ``labels``.

    Args:
        table: of ``stories``.
    """
    figure, axis = picture(size=(8, 4))
    places = range(len(table.columns))
    axis.set(yscale="log", ylim=(table.min(axis=None) / 2, table.max(axis=None) * 2))
    axis.set(xlim=(-0.3, len(places) - 0.7), ylabel="NC1", xlabel="layer")
    axis.set_xticks(places, [label(name) for name in table.columns])
    ways = table.index.get_level_values("positions").unique()
    for way, line in zip(ways, ("-", "--"), strict=False):
        whole = table.loc[way, ALL, TRUE]
        axis.plot(places, whole, line, color=MUTED, lw=1.2, label=f"{way}, all images, true labels")
    (told,) = axis.plot([], [], "o-", color=RUN_COLORS[0], ms=6, label="as chosen")
    axis.legend(loc="upper right")
    title = axis.set_title(" ", color=INK)

    @kept(figure, told, title)
    def at(positions: str, images: str, labels: str) -> str:
        values = table.loc[positions, images, labels]
        told.set_data(places, values)
        some = "all images" if images == ALL else f"{images} of each class"
        title.set_text(f"positions: {positions}; {some}; {labels} labels")
        return f"NC1 by layer, {title.get_text()}: {', '.join(f'{v:.3g}' for v in values)}."

    return at
