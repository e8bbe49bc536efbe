"""Does collapse move backwards? Two questions, two answers, on one picture."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from nclib.formulas.law import NEVER, first_below, half_of_fall
from nclib.palette import INK, RUN_COLORS
from nclib.pictures.curves import epoch_ticks
from nclib.pictures.picture import Kept, Picture, house_style, kept, label, picture
from nclib.runs.layer_runs import LayerRun
from nclib.shapes import Number

BELOW, HALF = RUN_COLORS[1], RUN_COLORS[2]
STYLES = {"o-": "below the threshold", "s--": "half of its own fall"}


def fronts(run: LayerRun, share: Number) -> dict[str, list[int | None]]:
    """Epochs at which layers reach two things: the input apart, which never changes.

    ``"below"``: NC1 is first below ``share`` of its start; ``"half"``: half of the layer's own fall
    from start to end, in log NC1, is behind it. None is never.
    """
    values = run.values("nc1")[:, 1:]
    rows = {"below": first_below(values, share), "half": half_of_fall(values)}
    return {
        name: [None if row == NEVER else run.epochs[row] for row in found.tolist()]
        for name, found in rows.items()
    }


@house_style
def front_slider(runs: Mapping[str, LayerRun]) -> Kept:
    """NC1 of every layer over training, and the epochs at which it reaches two things.

    The function takes ``network``, a name of ``runs``, and ``share``, the threshold of NC1 over its
    start. Left, a curve a layer with a ring where it crosses the threshold and a square where half
    of its own fall is behind it; right, these epochs by layer.
    """
    most = max(len(run.layers) for run in runs.values()) - 1
    figure, left, right = _axes(runs, most)
    curves = [left.plot([], [], lw=1.3)[0] for _ in range(most)]
    names = [left.text(0, 1, "", fontsize=8, va="center", color=INK) for _ in range(most)]
    on_curves = [_marks(left, style, lw=0, zorder=5) for style in STYLES]
    by_layer = [_marks(right, style, lw=1, label=words) for style, words in STYLES.items()]
    right.legend(loc="lower right", fontsize=8)
    title, above = left.set_title(" "), right.set_title(" ")

    @kept(figure, *curves, *names, *on_curves, *by_layer, title, above)
    def at(network: str, share: Number) -> str:
        run, found = runs[network], fronts(runs[network], share)
        nc1, epochs = run.values("nc1")[:, 1:], np.array(run.epochs)
        _curves(curves, names, epochs, nc1, run.layers[1:])
        for on, by, of in zip(on_curves, by_layer, found.values(), strict=True):
            reached = [layer for layer, epoch in enumerate(of) if epoch is not None]
            rows = [run.epochs.index(of[layer]) for layer in reached]
            on.set_data(epochs[rows] + 1, nc1[rows, reached])
            by.set_data(epochs[rows] + 1, np.array(reached) + 1)
        crossed = sum(epoch is not None for epoch in found["below"])
        title.set_text(network)
        above.set_text(f"below {share:g} of its start: {crossed} of {len(run.layers) - 1} layers")
        said = {name: ", ".join(map(_said, epochs)) for name, epochs in found.items()}
        return (
            f"{network}, hidden layers from first to last: NC1 below {share:g} of its start at "
            f"epoch {said['below']}; half of its own fall at epoch {said['half']}."
        )

    return at


def _axes(runs: Mapping[str, LayerRun], most: int) -> tuple[Picture, Axes, Axes]:
    """What stays: NC1 by epoch, layers by epoch, wide enough for every run."""
    figure, (left, right) = picture(1, 2, size=(9, 4.1), width_ratios=(1.2, 1))
    last = max(run.epochs[-1] for run in runs.values())
    nc1 = np.concatenate([run.values("nc1")[:, 1:].ravel() for run in runs.values()])
    left.set(yscale="log", ylabel="NC1", ylim=(np.nanmin(nc1) / 1.5, np.nanmax(nc1) * 1.5))
    right.set(ylim=(0.5, most + 0.5), yticks=range(1, most + 1))
    right.set_ylabel("layer; the last is what the classifier reads")
    for axis in (left, right):
        axis.set(xscale="log", xlim=(0.85, (last + 1) * 2.2), xlabel="epoch")
        epoch_ticks(axis, last)
    return figure, left, right


def _said(epoch: int | None) -> str:
    return "never" if epoch is None else str(epoch)


def _marks(axis: Axes, style: str, **options: object) -> Line2D:
    """A ring or a square for each layer, to be placed."""
    look = {"color": HALF, "mfc": HALF, "ms": 6}
    if style[0] == "o":  # around a square at the same epoch
        look = {"color": BELOW, "mfc": "none", "ms": 11}
    return axis.plot([], [], style, mew=1.7, **look, **options)[0]


def _curves(curves: list, names: list, epochs: np.ndarray, nc1: np.ndarray, layers: tuple) -> None:
    """A curve a layer, darker the deeper, with its name at its end; the others empty."""
    count = nc1.shape[1]
    colors = colormaps["cividis_r"](np.linspace(0.15, 1, count))
    for curve, name in zip(curves[count:], names[count:], strict=True):
        curve.set_data([], [])
        name.set_text("")
    for layer in range(count):
        curves[layer].set_data(epochs + 1, nc1[:, layer])
        curves[layer].set_color(colors[layer])
        names[layer].set_text(label(layers[layer]))
        names[layer].set_position((epochs[-1] * 1.12 + 1, nc1[-1, layer]))
