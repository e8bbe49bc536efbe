"""Gram matrices of all layers of a deep unconstrained features model, as heat maps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from nclib.formulas.deep_ufm import DeepUFM, collapse_loss
from nclib.formulas.layers import layer_collapse
from nclib.palette import INK, MUTED, RUN_COLORS
from nclib.pictures.picture import Picture, house_style, picture

COLLAPSE = RUN_COLORS[0]
GRAMS = {"cmap": "RdBu_r", "vmin": -1, "vmax": 1, "interpolation": "nearest"}


class LayerStrip:
    """Gram matrices of all layers' inputs, and the objective, at one step; kept.

    Args:
        model: a ``DeepUFM``; call ``record(step)`` as it descends.
    """

    def __init__(self, model: DeepUFM) -> None:
        self._model, self._figure = model, None
        self._grams: dict[int, list[np.ndarray]] = {}
        self._losses: dict[int, float] = {}

    @property
    def steps(self) -> list[int]:
        """Those recorded: the first twenty, then every eighth."""
        steps = list(self._grams)
        return steps[:20] + steps[20:-1:8] + (steps[-1:] if len(steps) > 20 else [])

    @torch.no_grad()
    def record(self, step: int) -> None:
        """Keep the model's state under this step; the same step again replaces it."""
        self._grams[step] = [_gram(x) for x in self._model.inputs()]
        self._losses[step] = float(self._model.objective())

    @house_style
    def at(self, step: int) -> Picture:
        """The picture, always the same one, at a recorded step (ValueError for another)."""
        if step not in self._grams:
            raise ValueError(f"step {step} was not recorded; recorded are {list(self._grams)}")
        if self._figure is None:
            self._draw()
        for image, gram in zip(self._images, self._grams[step], strict=True):
            image.set_data(gram)
        loss = self._losses[step]
        self._point.set_data([step + 1], [loss])
        self._name.set_text(f"step {step}: {loss:.4f}")
        off = [_off_blocks(gram) for gram in self._grams[step]]
        self._figure.alt = (
            f"Gram matrices of the inputs of {len(off)} layers at step {step}, objective "
            f"{loss:.5f}, theory {self._value:.5f}. Mean of the products between classes, in units "
            f"of the mean squared norm: {', '.join(f'{x:.2f}' for x in off)}."
        )
        return self._figure

    def _draw(self) -> None:
        model, depth = self._model, len(self._model.weights)
        self._value, _ = collapse_loss(model.targets.shape[1], depth, model.decay_product)
        widths = [1] * depth + [1.25]
        self._figure, axes = picture(1, depth + 1, size=(9, 2.6), width_ratios=widths)
        first = next(iter(self._grams.values()))
        self._images = [_heat(a, g) for a, g in zip(axes, first, strict=False)]
        for number, axis in enumerate(axes[:-1], 1):
            axis.set_title(f"into $W_{number}$" + (", no ReLU" if number == 1 else ", after ReLU"))
        bar = self._figure.colorbar(
            self._images[-1],
            ax=axes[:-1].tolist(),
            location="bottom",
            shrink=0.5,
            aspect=40,
            pad=0.02,
        )
        bar.set_label("inner product of two samples / mean squared norm")
        bar.set_ticks([-1, 0, 1])
        curve = axes[-1]
        curve.plot(np.array([*self._losses]) + 1, list(self._losses.values()), color=MUTED, lw=1.2)
        curve.axhline(self._value, color=COLLAPSE, ls="--", lw=1.2)
        curve.text(1.2, self._value, f"theory {self._value:.4f}", color=COLLAPSE, va="bottom")
        curve.set(xscale="log", yscale="log", title="objective", xlabel="step + 1")
        curve.set_ylim(self._value / 1.6, max(self._losses.values()) * 2.6)
        curve.grid(visible=False, which="minor")
        (self._point,) = curve.plot([1], [1], "o", color=INK, ms=6)
        self._name = curve.text(0.97, 0.93, "", ha="right", color=INK, transform=curve.transAxes)
        self._figure.keep_moving([*self._images, self._point, self._name])


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
