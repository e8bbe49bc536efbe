"""Gram matrices of all layers of a deep unconstrained features model, as heat maps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from nclib.formulas.deep_ufm import DeepUFM, collapse_loss
from nclib.formulas.layers import layer_collapse
from nclib.palette import INK, MUTED, RUN_COLORS
from nclib.pictures.picture import Kept, Picture, house_style, kept, picture

COLLAPSE = RUN_COLORS[0]
GRAMS = {"cmap": "RdBu_r", "vmin": -1, "vmax": 1, "interpolation": "nearest"}


def layer_strip(model: DeepUFM, descent: Iterable[int]) -> tuple[Kept, list[int]]:
    """Gram matrices of all layers' inputs, and the objective, step by step.

    Args:
        model: as ``descent`` moves it.
        descent: yields the steps to record, ``descend([model], …, record_every=…)``.

    Returns:
        A kept picture that takes a recorded step (ValueError for another), and those worth a
        place on a slider: the first twenty, then every eighth, and the last.
    """
    grams: dict[int, list[np.ndarray]] = {}
    losses: dict[int, float] = {}
    for step in descent:
        grams[step] = [_gram(x) for x in model.inputs()]
        losses[step] = float(model.objective().detach())
    steps = list(grams)
    chosen = steps[:20] + steps[20:-1:8] + (steps[-1:] if len(steps) > 20 else [])
    size = model.targets.shape[1], len(model.weights)
    return _strip(grams, losses, collapse_loss(*size, model.decay_product)[0]), chosen


@house_style
def _strip(grams: dict[int, list[np.ndarray]], losses: dict[int, float], theory: float) -> Kept:
    first = next(iter(grams.values()))
    widths = [1] * len(first) + [1.25]
    figure, (*maps, curve) = picture(1, len(widths), size=(9, 2.6), width_ratios=widths)
    images = [_heat(axis, gram) for axis, gram in zip(maps, first, strict=True)]
    for number, axis in enumerate(maps, 1):
        axis.set_title(f"into $W_{number}$" + (", no ReLU" if number == 1 else ", after ReLU"))
    place = {"location": "bottom", "shrink": 0.5, "aspect": 40, "pad": 0.02}
    bar = figure.colorbar(images[-1], ax=maps, ticks=[-1, 0, 1], **place)
    bar.set_label("inner product of two samples / mean squared norm")
    curve.plot(np.array([*losses]) + 1, list(losses.values()), color=MUTED, lw=1.2)
    curve.axhline(theory, color=COLLAPSE, ls="--", lw=1.2)
    curve.text(1.2, theory, f"theory {theory:.4f}", color=COLLAPSE, va="bottom")
    curve.set(xscale="log", yscale="log", title="objective", xlabel="step + 1")
    curve.set_ylim(theory / 1.6, max(losses.values()) * 2.6)
    curve.grid(visible=False, which="minor")
    (point,) = curve.plot([1], [1], "o", color=INK, ms=6)
    name = curve.text(0.97, 0.93, "", ha="right", color=INK, transform=curve.transAxes)

    @kept(figure, *images, point, name)
    def at(step: int) -> str:
        if step not in grams:
            raise ValueError(f"step {step} was not recorded; recorded are {list(grams)}")
        for image, gram in zip(images, grams[step], strict=True):
            image.set_data(gram)
        point.set_data([step + 1], [losses[step]])
        name.set_text(f"step {step}: {losses[step]:.4f}")
        off = [_off_blocks(gram) for gram in grams[step]]
        return (
            f"Gram matrices of the inputs of {len(off)} layers at step {step}, objective "
            f"{losses[step]:.5f}, theory {theory:.5f}. Mean of the products between classes, in "
            f"units of the mean squared norm: {', '.join(f'{x:.2f}' for x in off)}."
        )

    return at


def _gram(rows: torch.Tensor) -> np.ndarray:
    """Inner products of rows (N, d), as (N, N), in units of the mean squared norm."""
    gram = (rows @ rows.T).detach()
    return (gram / gram.diagonal().mean().clamp(min=1e-12)).cpu().numpy()


def _off_blocks(gram: np.ndarray) -> float:
    """Mean entry between the first half of the samples and the second."""
    half = len(gram) // 2
    return float(gram[:half, half:].mean())


def _heat(axis: Axes, gram: np.ndarray) -> AxesImage:
    axis.set(xticks=[], yticks=[])
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
    return axis.imshow(gram, **GRAMS)


@house_style
def layer_grams(models: Mapping[str, DeepUFM]) -> Picture:
    """A row a model, a column a layer: Gram matrices of the class means that enter it.

    Each in units of its mean squared norm, with the rank (singular values above a hundredth of the
    largest); the objective stands at the left.

    Args:
        models: by name, all of one depth and one number of classes.
    """
    depth = max(len(model.weights) for model in models.values())
    shape = len(models), depth
    figure, axes = picture(*shape, size=(min(9, 1.65 * depth + 1.6), 1.75 * len(models) + 0.4))
    axes, said = np.reshape(axes, shape), []
    for row, (name, model) in zip(axes, models.items(), strict=True):
        ranks = [layer.rank for layer in layer_collapse(model)]
        loss = float(model.objective().detach())
        for number, (axis, means, rank) in enumerate(
            zip(row, model.class_means(), ranks, strict=True), 1
        ):
            image = _heat(axis, _gram(means))
            into = "" if said else f"into $W_{number}$: "
            axis.set_title(f"{into}rank {rank}")
        row[0].set_ylabel(f"{name}\n{loss:.4f}", color=INK)
        said.append(f"{name}: objective {loss:.4f}, ranks {', '.join(map(str, ranks))}")
    bar = figure.colorbar(image, ax=axes, shrink=0.6, aspect=30)
    bar.set_label("inner product / mean squared norm")
    figure.alt = "Gram matrices of the class means, layer by layer. " + "; ".join(said) + "."
    return figure


@torch.no_grad()
def is_whole_graph(model: DeepUFM) -> bool:
    """Whether ten classes stand as edges between five points where they enter the third layer.

    Edges that share no point must form the Petersen graph, whose adjacency matrix P solves
    P² + P = 2I + J, with J all ones.
    """
    means = model.class_means()[2]
    gram = means @ means.T
    apart = (gram < 0.02 * gram.diagonal().mean()).double()
    return torch.equal(apart @ apart + apart, 2 * torch.eye(10) + torch.ones(10, 10).double())
