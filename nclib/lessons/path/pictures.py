"""Figures of the central path: the ratios ω_j on the flow and in training (notebook 05).

``landscape`` and ``spectrum`` are kept and redrawn, for sliders.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from nclib.formulas import central_path
from nclib.lessons.path.clocks import KINDS, increments, near_path, of_run, rate_time
from nclib.palette import FAINT, INK, MUTED, RUN_COLORS
from nclib.pictures.picture import Kept, Picture, house_style, kept, picture
from nclib.runs.trajectory import Trajectory
from nclib.shapes import Float, Number, Tensor

TIMES = np.geomspace(1, 1e8, 81)
LINE_TIMES = torch.cat([torch.zeros(1), torch.logspace(-2, 8, 120)]).double()  # of a flow line
LOW, HIGH = 0.3, 30.0  # of the landscape's axes


@house_style
def landscape(*, per_class: int = 10) -> Kept:
    """The loss over the two ratios of three classes, flow lines, and points that move along.

    Call what is returned with a ``time`` (≥ 0) and a ``kind`` of flow.

    Args:
        per_class: n ≥ 1, which is the unit of time.
    """
    edge = np.geomspace(LOW, HIGH, 9)[:-1]
    starts = [(LOW, w) for w in edge] + [(w, LOW) for w in edge[1:]]
    figure, axis = picture(size=(6.4, 5.2))
    axis.set(xscale="log", yscale="log", xlim=(LOW, HIGH), ylim=(LOW, HIGH), aspect="equal")
    axis.set(xlabel=r"$\omega_1$", ylabel=r"$\omega_2$")
    _draw_surface(figure, axis)
    axis.plot([LOW, HIGH], [LOW, HIGH], "--", color=INK, lw=1, label="equal ratios: NC2")
    lines = [axis.plot([], [], color="white", lw=1)[0] for _ in starts]
    (dots,) = axis.plot([], [], "o", color=RUN_COLORS[1], mec="white", ms=8, zorder=5)
    said = axis.text(0.02, 0.97, "", va="top", transform=axis.transAxes, weight="bold")
    said.set_bbox({"color": "white", "alpha": 0.8, "pad": 2})
    axis.legend(loc="lower right", facecolor="white", frameon=True)
    flow = functools.partial(_flow, torch.tensor(starts, dtype=torch.float64), per_class)
    paths = {kind: flow(LINE_TIMES, kind) for kind in KINDS}

    @kept(figure, *lines, dots, said)
    def at(time: Number, kind: str) -> str:
        for line, path in zip(lines, paths[kind], strict=True):
            line.set_data(*path.T)
        points = flow(torch.tensor([time], dtype=torch.float64), kind)[:, 0]
        dots.set_data(*points.clip(max=2 * HIGH).T)
        ratio = (points.max(1) / points.min(1)).max()
        said.set_text(f"{kind}, t = {time:g}: ω max/min up to {ratio:.3g}")
        return (
            f"Loss over two signal-to-noise ratios with lines of the {kind} flow: at time {time:g} "
            f"ω max/min is up to {ratio:.3g}, ω between {points.min():.2g} and "
            f"{points.max():.2g}; all lines tend to the diagonal and to the upper right."
        )

    return at


def _draw_surface(figure: Picture, axis: Axes) -> None:
    grid = torch.logspace(np.log10(LOW), np.log10(HIGH), 60, dtype=torch.float64)
    both = torch.stack(torch.meshgrid(grid, grid, indexing="xy"), dim=-1)
    values = central_path.loss(both, num_classes=3)
    levels = np.geomspace(float(values.min()), float(values.max()), 13)
    filled = axis.contourf(grid, grid, values, levels=levels, cmap="viridis", norm="log")
    bar = figure.colorbar(filled, ax=axis, label="loss $L$, the classifier at its best")
    ticks = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3]
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.ax.minorticks_off()


def _flow(
    starts: Float[Tensor, "starts 2"], per_class: int, times: Tensor, kind: str
) -> Float[np.ndarray, "starts T 2"]:
    """Each ratio moves by itself, so those that starts share are moved once, two at a time."""
    law = {"num_classes": 3, "per_class": per_class, "kind": kind}
    ratios, place = starts.unique(return_inverse=True)
    pairs = [central_path.flow(pair, times, **law) for pair in ratios.unflatten(0, (-1, 2))]
    return torch.cat(pairs, dim=1)[:, place].movedim(0, 1).numpy()


@house_style
def spectrum() -> Kept:
    """Closed form over time: the ratios (left), largest over smallest less 1 (right).

    Call what is returned with ``num_classes`` (C, from 3 to 10), ``per_class`` (n), ``spread``
    (largest over smallest ratio at the start, whose geometric mean is 1), and the ``time`` at which
    the cursor stands, from 1 to 1e8.
    """
    figure, (left, right) = picture(1, 2, size=(9, 4))
    for axis in (left, right):
        axis.set(xscale="log", yscale="log", xlim=(1, 1e8), xlabel="time $t$")
    left.set(ylim=(0.3, 1e4), title=r"ratios $\omega_j(t)$ → ∞: NC1")
    right.set(ylim=(1e-6, 30), title=r"$\omega_{\max}/\omega_{\min} - 1$ → 0: NC2")
    flows = {
        kind: _FlowLines(
            [left.plot([], [], color=color, lw=1.2)[0] for _ in range(9)],
            *left.plot([], [], "--", color=color, lw=1, alpha=0.7),
            *right.plot([], [], color=color, label=kind),
        )
        for kind, color in zip(KINDS, RUN_COLORS, strict=False)
    }
    left.plot([], [], "--", color=MUTED, lw=1, label="what all of them tend to")
    left.legend(loc="upper left")
    right.legend(loc="lower left")
    cursors = [axis.axvline(1, color=INK, lw=1, ls=":") for axis in (left, right)]
    said = left.text(0.98, 0.03, "", ha="right", va="bottom", transform=left.transAxes)
    lines = [line for flow in flows.values() for line in (*flow.modes, flow.limit)]

    @kept(figure, *lines, *(flow.apart for flow in flows.values()), *cursors, said)
    def at(num_classes: int, per_class: int, spread: Number, time: Number) -> str:
        words = []
        for kind, flow in flows.items():
            omega, limit = _over_time(num_classes, per_class, spread, kind)
            flow.show(omega, limit)
            now = omega[:, np.abs(TIMES - time).argmin()]
            words.append(f"{kind}: {now.min():.3g} to {now.max():.3g}")
        for cursor in cursors:
            cursor.set_xdata([time] * 2)
        said.set_text("\n".join(words))
        return (
            f"Ratios of {num_classes} classes, {per_class} samples each, over time from a spread "
            f"of {spread:g}; at time {time:g} {'; '.join(words)}."
        )

    return at


class _FlowLines(NamedTuple):
    """The lines of one kind of flow."""

    modes: list[Line2D]
    limit: Line2D
    apart: Line2D

    def show(self, omega: np.ndarray, limit: np.ndarray) -> None:
        for line, mode in zip(self.modes, [*omega, *[[]] * 9], strict=False):
            line.set_data(TIMES[: len(mode)], mode)
        self.limit.set_data(TIMES, limit)
        self.apart.set_data(TIMES, omega.max(0) / omega.min(0) - 1)


@functools.cache
def _over_time(
    num_classes: int, per_class: int, spread: Number, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Ratios (C-1, T) at TIMES, and what they tend to (T,)."""
    half, times = np.log10(spread) / 2, torch.as_tensor(TIMES)
    start = torch.logspace(half, -half, num_classes - 1, dtype=torch.float64)
    law = {"num_classes": num_classes, "per_class": per_class, "kind": kind}
    omega = central_path.flow(start, times, **law).T
    return omega.numpy(), central_path.asymptote(times, **law).numpy()


@house_style
def step_errors(errors: Mapping[str, Mapping[str, Sequence]], steps: Sequence) -> Picture:
    """Relative error of simulations against closed forms over the step size, a panel a simulation.

    Args:
        errors: simulated kind → closed form's kind → errors, one for each step size.
        steps: step sizes, descending.
    """
    figure, axes = picture(1, len(errors), size=(8.5, 3.6), sharey=True, squeeze=False)
    said = []
    for axis, (simulated, by_law) in zip(axes[0], errors.items(), strict=True):
        for (law, values), color in zip(by_law.items(), RUN_COLORS, strict=False):
            own = law == simulated
            axis.plot(steps, values, "o-" if own else "s--", color=color, label=f"{law} law")
            said.append(f"{simulated} against the {law} law {values[0]:.2g} to {values[-1]:.2g}")
        own = by_law[simulated]
        first_order = own[-1] * np.asarray(steps) / steps[-1]
        axis.plot(steps, first_order, ":", color=MUTED, lw=1, label="∝ step")
        axis.set(xscale="log", yscale="log", title=f"simulated: {simulated}", xlabel="step size")
        axis.set_xticks(steps, [f"{step:g}" for step in steps])
        axis.minorticks_off()
    axes[0, 0].set_ylabel(r"largest relative error of $\omega_j$")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=3)
    figure.alt = f"Relative error against step size {steps[0]:g} to {steps[-1]:g}: "
    figure.alt += "; ".join(said) + "."
    return figure


@house_style
def shape_test(
    times: Sequence | np.ndarray | Tensor,
    omega: Float[Tensor, "T modes"],
    *,
    num_classes: int,
    per_class: int,
    title: str = "",
    unit: str = "time $t$",
    near: Sequence | np.ndarray = (),
) -> Picture:
    """Ratios over time, and whether their clocks agree as they would on either flow.

    Left the ratios with the slopes ¼ and ½; then, for each flow, the ``increments``: all at 1 if,
    and only if, the ratios move as on it, at whatever pace.

    Args:
        times: (T,), the first one is where the clocks start; positive ones are drawn.
        omega: (T, C-1) ratios.
        num_classes: C.
        per_class: n.
        title: what moved.
        unit: label of the time axes.
        near: positions in ``times`` at which the run is near the path; a red line at the first.
    """
    times, law = np.asarray(times), {"num_classes": num_classes, "per_class": per_class}
    figure, axes = picture(1, 3, size=(9, 3.6), width_ratios=(1.25, 1, 1))
    shades = np.linspace(0, 0.8, omega.shape[1])
    colors = [(0.15 + 0.4 * s, 0.39 + 0.2 * s, 0.79 - 0.45 * s) for s in shades]
    for mode, color in zip(omega.T, colors, strict=True):
        axes[0].plot(times[1:], mode[1:], color=color, lw=1.3)
    _guides(axes[0], times[1:], omega[1:])
    axes[0].set(
        xscale="log", yscale="log", xlabel=unit, title=r"ratios $\omega_j$, largest in blue"
    )
    said = []
    for axis, kind in zip(axes[1:], KINDS, strict=True):
        values = increments(omega, kind=kind, **law)
        for mode, color in zip(values.T, colors, strict=True):
            axis.plot(times[1:], mode, color=color, lw=1.3)
        axis.axhline(1, color=INK, lw=1, ls="--")
        axis.set(xscale="log", yscale="log", ylim=(0.02, 50), xlabel=unit)
        axis.set_title(f"progress by each clock, {kind}")
        said.append(f"{kind} from {values[-1].min():.3g} to {values[-1].max():.3g}")
    for axis in axes if len(near) else ():
        axis.axvline(times[near[0]], color=RUN_COLORS[1], lw=1.2)
    figure.suptitle(title or None, ha="left", x=0.01, fontsize=10)
    figure.alt = (
        f"{title or 'Ratios'}: from {omega[0].min():.3g}-{omega[0].max():.3g} to "
        f"{omega[-1].min():.3g}-{omega[-1].max():.3g}; increments of the clocks over their mean at "
        f"the end, 1 on the flow: {', '.join(said)}."
    )
    if len(near):
        figure.alt += f" Near the central path from {times[near[0]]:.3g} to {times[near[-1]]:.3g}."
    return figure


def run_test(run: Trajectory) -> Picture:
    """``shape_test`` of a run against the sum of its learning rates; red: near the path from here.

    Raises:
        ValueError: for a run whose schedule is none of ``nclib.presets``.
    """
    _, ratios, size = of_run(run)
    words = {"title": run.title, "unit": "sum of learning rates", "near": near_path(run)}
    return shape_test(rate_time(run), ratios, **size, **words)


def _guides(axis: Axes, times: np.ndarray, omega: Tensor) -> None:
    """Straight lines of slope ¼ and ½ through the middle of where the ratios begin."""
    first = float(omega[0].log().mean().exp())
    for slope, name in ((0.25, "¼"), (0.5, "½")):
        guide = first * (times / times[0]) ** slope
        axis.plot(times, guide, ":", color=MUTED, lw=1.2)
        axis.annotate(name, (times[-1], guide[-1]), color=MUTED, xytext=(3, 0),
                      textcoords="offset points", va="center")  # fmt: skip
    axis.set_facecolor("white")
    axis.grid(color=FAINT, alpha=0.5)
