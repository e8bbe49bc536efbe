"""Static figures, one function each; every one returns a ``Picture`` that knows its alt text.

Built without pyplot: nothing is shown twice, nothing leaks, and widgets may draw from any thread.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nclib._shapes import Number
from nclib.palette import FAINT, INK, MUTED, class_colors, ink_on
from nclib.runtime import profile
from nclib.trajectory import Trajectory

STYLE = {
    "font.size": 9.5, "axes.titlesize": 9.5, "axes.labelsize": 9, "legend.fontsize": 9,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": MUTED,
    "axes.titlelocation": "left",
    "xtick.color": MUTED, "ytick.color": MUTED, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "axes.spines.top": False, "axes.spines.right": False, "lines.linewidth": 1.8,
    "axes.grid": True, "grid.color": FAINT, "grid.alpha": 0.5, "grid.linewidth": 0.6,
    "legend.frameon": False, "figure.facecolor": "white", "axes.formatter.use_mathtext": True,
    "axes.formatter.limits": (-3, 4),
}  # fmt: skip
RUN_COLORS = ("#2563c9", "#d1495b", "#2a9d8f", "#8d6a9f")
RUN_LINES = ("-", "--", "-.", ":")


class Picture(Figure):
    """A figure with ``alt``, its content in words; in a notebook it shows itself as a PNG."""

    def __init__(self, *, alt: str = "", **options: object) -> None:
        super().__init__(layout="constrained", dpi=100, **options)
        FigureCanvasAgg(self)
        self.alt = alt

    def png(self) -> bytes:
        """The figure as PNG."""
        buffer = io.BytesIO()
        with matplotlib.rc_context(STYLE):
            self.savefig(buffer, format="png")
        return buffer.getvalue()

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict]:
        data = {"image/png": self.png(), "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt}}


def house_style(draw: Callable[..., Picture]) -> Callable[..., Picture]:
    """Run a drawing function under the house style, whatever the session's defaults are."""

    @functools.wraps(draw)
    def styled(*args: object, **options: object) -> Picture:
        with matplotlib.rc_context(STYLE):
            return draw(*args, **options)

    return styled


def picture(
    rows: int = 1, columns: int = 1, *, size: tuple[Number, Number], **options: object
) -> tuple:
    """A Picture of ``size`` inches (at most 9 wide) and its axes, in house style."""
    figure = Picture(figsize=size)
    axes = figure.subplots(rows, columns, **options)
    if profile() == "ci":
        figure.text(0.995, 0.003, "profile ci", ha="right", va="bottom", fontsize=7, color=MUTED)
    return figure, axes


# The panels of Papyan, Han, Donoho 2020

PANELS = (  # title, columns (class means, then classifier), lower end; None: log axis
    ("training accuracy", ("train_accuracy",), 0),
    ("NC1: within / between", ("nc1",), None),
    ("NC2: unequal norms", ("equinorm_means", "equinorm_weights"), 0),
    ("NC2: unequal angles", ("equiangularity_means", "equiangularity_weights"), 0),
    ("training loss", ("loss",), None),
    ("NC2: off the widest angle", ("max_angle_means", "max_angle_weights"), 0),
    ("NC3: W against class means", ("self_duality",), 0),
    ("NC4: not the nearest mean", ("ncc_mismatch",), 0),
)


@house_style
def collapse_panels(runs: Trajectory | Mapping[str, Trajectory]) -> Picture:
    """NC1-NC4 against epoch for one run or several named ones, zero training error marked.

    Epoch e stands at e + 1 on a log axis, so that epoch 0 (before training) is on it. Where a panel
    has two lines of a colour, the thin one is the classifier's.

    Source: the panels of Papyan, Han, Donoho 2020, Figures 2-7.
    """
    named = {runs.title: runs} if isinstance(runs, Trajectory) else dict(runs)
    figure, axes = picture(2, 4, size=(9, 4.6))
    for axis, (title, columns, floor) in zip(axes.flat, PANELS, strict=True):
        for (name, run), color, line in zip(named.items(), RUN_COLORS, RUN_LINES, strict=False):
            for column, width in zip(columns, (1.9, 0.9), strict=False):
                table = run.metrics
                label = name if width > 1 else None
                axis.plot(table.epoch + 1, table[column], line, color=color, lw=width, label=label)
            if run.zero_error_epoch is not None:
                axis.axvline(run.zero_error_epoch + 1, color=color, lw=0.9, ls=line, alpha=0.45)
        axis.set(title=title, xscale="log")
        axis.set_yscale("log") if floor is None else axis.set_ylim(bottom=floor)
    _epoch_axis(axes, max(int(run.epochs[-1]) for run in named.values()))
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
    figure.alt = _panels_alt(named)
    return figure


def _epoch_axis(axes: np.ndarray, last: int) -> None:
    ticks = [e for e in (0, 1, 3, 10, 30, 100, 300, 1000) if e <= last]
    for axis in axes.flat:
        axis.set_xticks([e + 1 for e in ticks], [str(e) for e in ticks])
        axis.minorticks_off()
    for axis in axes[-1]:
        axis.set_xlabel("epoch")


def _panels_alt(runs: Mapping[str, Trajectory]) -> str:
    lines = []
    for name, run in runs.items():
        first, last = run.metrics.iloc[0], run.metrics.iloc[-1]
        lines.append(
            f"{name}: NC1 from {first.nc1:.2g} to {last.nc1:.2g}, self-duality from "
            f"{first.self_duality:.2g} to {last.self_duality:.2g}, nearest-mean mismatch from "
            f"{first.ncc_mismatch:.2g} to {last.ncc_mismatch:.2g}, zero training error from epoch "
            f"{run.zero_error_epoch}"
        )
    return "Eight panels of collapse against epoch. " + "; ".join(lines) + "."


# Features of two dimensions, as they are


@house_style
def feature_plane(run: Trajectory, *epochs: int | np.integer) -> Picture:
    """Two-dimensional features at measured epochs, centred and scaled, nothing projected.

    Fields show the classifier's decision, black lines where the nearest class mean changes: under
    NC4 they coincide. Class means are discs with their label, classifier rows are squares.

    Args:
        run: a trajectory of a network with p = 2.
        epochs: measured ones, a panel each; the last when none is given.

    Raises:
        ValueError: if the features are not two-dimensional, or an epoch was not measured.
    """
    indices = [_measured_index(run, epoch) for epoch in epochs or run.epochs[-1:].tolist()]
    size = (4.6, 4.6) if len(indices) == 1 else (9, 9 / len(indices) + 0.25)
    figure, axes = picture(1, len(indices), size=size, squeeze=False)
    drawn = [_draw_plane(axis, run, index) for axis, index in zip(axes[0], indices, strict=True)]
    figure.alt = " ".join(drawn)
    return figure


@house_style
def plane_with_curve(run: Trajectory, reference: Trajectory | None = None) -> Picture:
    """The plane at the end of a run, and NC1 against epoch, with a reference run in grey."""
    figure, (plane, curve) = picture(1, 2, size=(9, 4.6), width_ratios=(1, 0.85))
    figure.alt = _draw_plane(plane, run, len(run) - 1)
    for other, color, width in ((reference, MUTED, 1.2), (run, RUN_COLORS[0], 2.2)):
        if other is not None:
            decay = f"weight decay {other.settings['weight_decay']:g}"
            curve.plot(other.epochs + 1, other.metrics.nc1, color=color, lw=width, label=decay)
    if run.zero_error_epoch is not None:
        curve.axvline(run.zero_error_epoch + 1, color=RUN_COLORS[0], lw=0.9, ls="--")
    curve.set(
        title="NC1 (dashed: zero training error)", xscale="log", yscale="log", ylim=(1e-4, 10)
    )
    curve.legend(loc="lower left")
    _epoch_axis(np.array([[curve]]), int(run.epochs[-1]))
    return figure


def _draw_plane(axis: Axes, run: Trajectory, index: int) -> str:
    """Draw one measured epoch of two-dimensional features; returns it in words."""
    if run.num_features != 2:
        raise ValueError(
            f"the run has {run.num_features} features; this picture draws 2 (num_features=2)"
        )
    points = run.coordinates()
    means, centre, scale = _centred(points.class_means[index])
    axis.set(xlim=(-1.9, 1.9), ylim=(-1.9, 1.9), aspect="equal", xticks=[], yticks=[])
    _draw_regions(axis, points.weight[index], run.bias[index], means, (centre, scale))
    colors = np.array(class_colors(run.num_classes))
    features = (points.features[index] - centre) / scale
    axis.scatter(*features.T, s=7, c=colors[run.labels], alpha=0.65, lw=0, zorder=2)
    weight = points.weight[index] / np.linalg.norm(points.weight[index]) * len(means) ** 0.5
    for c, name in enumerate(run.class_names):
        axis.plot(*zip((0, 0), weight[c], strict=True), color=INK, lw=1, ls=":", zorder=3)
        axis.scatter(*means[c], s=170, color=colors[c], ec=INK, lw=1, zorder=4)
        axis.scatter(*weight[c], s=250, marker="s", fc="none", ec=INK, lw=1.3, zorder=5)
        ink = ink_on(colors[c])
        axis.text(*means[c], name, color=ink, ha="center", va="center", weight="bold", zorder=6)
    row = run.metrics.iloc[index]
    axis.set_title(f"epoch {row.epoch:.0f} · NC1 {row.nc1:.2g} · NC4 {row.ncc_mismatch:.0%}")
    return (
        f"Features of {len(means)} classes in the plane at epoch {row.epoch:.0f}: "
        f"NC1 {row.nc1:.1e}, "
        f"{row.ncc_mismatch:.1%} of the samples are decided differently by the nearest class mean."
    )


def _measured_index(run: Trajectory, epoch: int | np.integer) -> int:
    epochs = run.epochs.tolist()
    if epoch not in epochs:
        raise ValueError(f"epoch {epoch} was not measured; measured are {epochs}")
    return epochs.index(epoch)


def _centred(means: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Means centred with root mean square norm 1, the centre, and the scale (1 for zero means)."""
    centre = means.mean(0)
    scale = float(np.linalg.norm(means - centre)) / len(means) ** 0.5 or 1.0
    return (means - centre) / scale, centre, scale


def _draw_regions(
    axis: Axes,
    weight: np.ndarray,
    bias: np.ndarray,
    means: np.ndarray,
    frame: tuple[np.ndarray, float],
) -> None:
    """Fields of the classifier's decision and borders of the nearest class mean."""
    centre, scale = frame
    line = np.linspace(-1.9, 1.9, 240)
    grid = np.stack(np.meshgrid(line, line), axis=-1)
    decision = ((grid * scale + centre) @ weight.T + bias).argmax(-1)
    rgb = [matplotlib.colors.to_rgb(color) for color in class_colors(len(means))]
    axis.imshow(
        np.array(rgb)[decision], extent=(-1.9, 1.9) * 2, origin="lower", alpha=0.28, zorder=0
    )
    squares = np.square(grid[:, :, None] - means).sum(-1)
    for c in range(len(means)):
        margin = squares[..., c] - np.delete(squares, c, axis=-1).min(-1)
        axis.contour(line, line, margin, levels=[0], colors=INK, linewidths=0.8, zorder=1)


# Angles between class means


@house_style
def cosine_matrices(run: Trajectory, epochs: Sequence[int | np.integer] | None = None) -> Picture:
    """Cosines between centred class means at a few measured epochs; the goal is -1/(C-1).

    Args:
        run: a trajectory; the cosines are of the coordinates it keeps.
        epochs: measured ones; before training, at zero error and at the end when not given.
    """
    if epochs is None:
        middle = run.zero_error_epoch
        first, last = run.epochs[[0, -1]].tolist()
        epochs = sorted({first, last if middle is None else middle, last})
    figure, axes = picture(1, len(epochs), size=(9, 9 / max(3, len(epochs)) + 0.1), squeeze=False)
    means, goal = run.coordinates().class_means, -1 / (run.num_classes - 1)
    for axis, epoch in zip(axes[0], epochs, strict=True):
        centred = _centred(means[_measured_index(run, epoch)])[0]
        unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
        cosines = unit @ unit.T
        np.fill_diagonal(cosines, np.nan)
        image = axis.imshow(cosines, cmap="RdBu_r", vmin=goal - 0.8, vmax=goal + 0.8)
        axis.set(title=f"epoch {epoch}", xticks=range(len(unit)), yticks=range(len(unit)))
        axis.set_xticklabels(run.class_names), axis.set_yticklabels(run.class_names)
        axis.grid(visible=False)
        axis.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes[0], shrink=0.75, label="cosine between class means")
    bar.set_ticks(
        [goal - 0.6, goal, goal + 0.6],
        labels=[f"{goal - 0.6:+.2f}", f"goal {goal:+.2f}", f"{goal + 0.6:+.2f}"],
    )
    spread = [run.metrics.equiangularity_means.iloc[_measured_index(run, e)] for e in epochs]
    figure.alt = (
        f"Matrices of cosines between class means at epochs {', '.join(map(str, epochs))}; "
        "their spread "
        f"falls from {spread[0]:.2f} to {spread[-1]:.2f} around -1/(C-1) = {goal:.2f}."
    )
    return figure
