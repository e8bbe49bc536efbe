"""The picture of a report: spectrum of the means, their cosines, and the layers, each in words.

Each panel is a PNG of its own, so that a narrow page can set them below one another.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from nclib.measuring.reports.collapse_report import CollapseReport
from nclib.measuring.reports.report_words import end_of
from nclib.measuring.reports.which_class import ranked
from nclib.palette import FAINT, INK, MUTED, RUN_COLORS
from nclib.shapes import Number
from nclib.texts import readable, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 200  # shown at 100 to the inch: sharp on any screen
SHUFFLED = "labels shuffled"
LINES = {"train": ("-", "o"), "test": ("--", "s"), "ood": (":", "^")}
STYLE = {
    "font.size": 9, "axes.titlesize": 9.5, "axes.labelsize": 9, "legend.fontsize": 8.5,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": MUTED, "axes.titlecolor": INK,
    "axes.titlelocation": "left", "axes.facecolor": "white", "figure.facecolor": "white",
    "xtick.color": MUTED, "ytick.color": MUTED, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    "axes.grid": True, "grid.color": FAINT, "grid.alpha": 0.5, "grid.linewidth": 0.6,
}  # fmt: skip


class Panel(NamedTuple):
    """A part of the picture: the PNG, its width and height on the page, and its words."""

    png: bytes
    width: int
    height: int
    alt: str


def panels(report: CollapseReport, compared: Sequence[CollapseReport] = ()) -> list[Panel]:
    """Spectrum, cosine matrix and layers, as far as each was measured.

    Args:
        report: the one that is drawn.
        compared: reports whose pictures stand beside one another, this one among them: they have
            the same axes, and the classes in the order of the first.
    """
    reports = list(compared) or [report]
    drawn = []
    if len(values := _scaled(report.spectrum)) > 1:
        span = _span(np.concatenate([_scaled(one.spectrum) for one in reports]))
        drawn.append(_panel((3.1, 3), _spectrum, values, span))
    if report.cosines is not None and len(report.cosines) > 2:  # two means are always opposite
        drawn.append(_panel((3.5, 3), _cosines, *sorted_cosines(report, reports[0])))
    if curves := layer_curves(report):
        names = list(dict.fromkeys(row["layer"] for row in report.layers))
        all_curves = filter(None, map(layer_curves, reports))
        values = [value for _, lines in all_curves for line in lines.values() for value in line]
        drawn.append(_panel((4.2, 3), _layers, names, *curves, _span(np.array(values))))
    return drawn


def _scaled(spectrum: Sequence[Number]) -> np.ndarray:
    """The finite ones over their root mean square: under collapse all are 1."""
    values = np.array(spectrum, float)
    values = values[np.isfinite(values)]
    return values / (np.sqrt(np.square(values).mean()) or 1) if len(values) else values


def _span(values: np.ndarray) -> tuple[float, float]:
    """Least and largest positive number; (1, 1) for none."""
    known = values[np.isfinite(values) & (values > 0)]
    return (float(known.min()), float(known.max())) if len(known) else (1.0, 1.0)


def _panel(size: tuple[Number, Number], draw: Any, *given: Any) -> Panel:
    import matplotlib as mpl  # here, as a report in a terminal or a training job does without
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        # names of any script stand in the tables, too
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        canvas = FigureCanvasAgg(Figure(figsize=size, dpi=DPI, layout="constrained"))
        alt = draw(canvas.figure.subplots(), *given)
        canvas.draw()
    shape = canvas.get_width_height()
    image = Image.frombuffer("RGBA", shape, canvas.buffer_rgba()).convert("RGB")
    image.save(buffer, "png")  # savefig would draw all of it once more
    return Panel(buffer.getvalue(), *(round(100 * length) for length in size), alt)


def _label(name: Any, longest: int = 14) -> str:
    return shortened(readable(name), longest).replace("$", r"\$")


def _spectrum(axis: Axes, values: np.ndarray, span: tuple[float, float]) -> str:
    """Equal singular values lie on the line at 1."""
    style = {"marker": "o", "ms": 4} if len(values) <= 40 else {}
    axis.axhline(1, color=MUTED, lw=1, ls="--")
    axis.plot(np.arange(1, len(values) + 1), values, color=RUN_COLORS[0], **style)
    if span[1] > 30 * span[0]:
        _log_axis(axis, span)
    else:
        axis.set_ylim(0, max(1.25, 1.12 * span[1]))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set(title="Singular values of the centred means", ylabel="over their root mean square")
    axis.set_xlabel("number; dashed: collapse, all equal")
    return (
        f"{len(values)} singular values of the centred class means, from {values.max():.3g} down "
        f"to {values.min():.3g} times their root mean square; under collapse all are 1."
    )


def _log_axis(axis: Axes, span: tuple[float, float]) -> None:
    axis.set_yscale("log")
    axis.set_ylim(span[0] / 1.5, span[1] * 1.5)
    if span[1] > 30 * span[0]:  # else only they have numbers
        axis.yaxis.minorticks_off()


# Cosines


def sorted_cosines(report: CollapseReport, first: CollapseReport) -> tuple[list[Any], np.ndarray]:
    """Class names and the matrix, the most spread class first: of ``first``, if it has the same."""
    rows, cosines = report.of("train"), np.array(report.cosines, float)
    if len(rows) != len(cosines):
        return list(range(len(cosines))), cosines
    names = [row["class"] for row in rows]
    others = first.of("train")
    ordered = others if [row["class"] for row in others] == names else rows
    place = {id(row): i for i, row in enumerate(ordered)}
    order = [place[id(row)] for row in ranked(ordered)]
    return [names[i] for i in order], cosines[np.ix_(order, order)]


def _cosines(axis: Axes, names: Sequence[Any], cosines: np.ndarray) -> str:
    goal = -1 / (len(names) - 1)
    off = ~np.eye(len(names), dtype=bool)
    shown = np.ma.masked_where(~off | ~np.isfinite(cosines), cosines)
    limits = {"vmin": goal - 0.8, "vmax": goal + 0.8}
    image = axis.imshow(shown, cmap="RdBu_r", interpolation="nearest", **limits)
    axis.grid(visible=False)
    few = len(names) <= 20
    ticks = range(len(names)) if few else []
    style = {"fontsize": 7.5 if len(names) <= 12 else 6}
    axis.set_yticks(ticks, [_label(name) for name in names] if few else [], **style)
    turned = {"rotation": 90} if any(len(_label(name)) > 2 for name in names) else {}
    axis.set_xticks(ticks, [_label(name) for name in names] if few else [], **style, **turned)
    if len(names) <= 6:
        _write(axis, cosines, off, goal)
    axis.set_title("Cosines of the means, by nc1_c")
    bar = axis.figure.colorbar(image, ax=axis, shrink=0.85)
    marks = [max(-1, goal - 0.6), goal, goal + 0.6]
    bar.set_ticks(marks, labels=[f"{marks[0]:+.2f}", f"goal\n{goal:+.2f}", f"{marks[2]:+.2f}"])
    return _cosines_in_words(names, np.where(off, cosines, math.nan), goal)


def _write(axis: Axes, cosines: np.ndarray, off: np.ndarray, goal: float) -> None:
    for i, j in np.argwhere(off):
        far = abs(cosines[i, j] - goal) > 0.45
        style = {"ha": "center", "va": "center", "fontsize": 7.5, "color": "white" if far else INK}
        axis.text(j, i, f"{cosines[i, j]:.2f}", **style)


def _cosines_in_words(names: Sequence[Any], cosines: np.ndarray, goal: float) -> str:
    known = cosines[np.isfinite(cosines)]
    if not len(known):
        return f"Cosines between {len(names)} class means: none is defined."
    i, j = np.unravel_index(np.nanargmax(cosines), cosines.shape)
    i, j = sorted((int(i), int(j)))
    return (
        f"Cosines between {len(names)} class means, most spread class first: from "
        f"{known.min():.2f} to {known.max():.2f}, the largest between {readable(names[i])} and "
        f"{readable(names[j])}; under collapse all are {goal:.2f}."
    )


# Layers


def layer_curves(report: CollapseReport) -> tuple[str, dict[str, list[float]]] | None:
    """NC1 (or the quotient, where that is all there is) of each split, and shuffled labels'."""
    names = list(dict.fromkeys(row["layer"] for row in report.layers))
    for quantity, control in (("nc1", "shuffled"), ("quotient", "shuffled_quotient")):
        curves = {}
        for row in report.layers:
            found = {row.get("split", "train"): row.get(quantity)}
            if row.get("split", "train") == "train":
                found[SHUFFLED] = row.get(control)
            for curve, value in found.items():
                if _drawable(value):
                    line = curves.setdefault(curve, [math.nan] * len(names))
                    line[names.index(row["layer"])] = value
        if curves.keys() - {SHUFFLED}:
            curves = dict(sorted(curves.items(), key=lambda one: one[0] == SHUFFLED))
            return ("NC1" if quantity == "nc1" else quantity), curves
    return None


def _drawable(value: Any) -> bool:
    return value is not None and math.isfinite(value) and value > 0


def _layers(
    axis: Axes,
    names: Sequence[str],
    title: str,
    curves: dict[str, list[float]],
    span: tuple[float, float],
) -> str:
    for i, (curve, values) in enumerate(curves.items()):
        line, mark = LINES.get(curve, ("-.", "x"))
        color = MUTED if curve == SHUFFLED else RUN_COLORS[i % 4]
        axis.plot(range(len(names)), values, ls=line, marker=mark, ms=4, color=color, label=curve)
    _log_axis(axis, span)
    step = math.ceil(len(names) / 24)
    shown = list(range(len(names)))[::-1][::step][::-1]  # the last one always
    axis.set_xticks(
        shown, [end_of(names[i]).replace("$", r"\$") for i in shown], rotation=90, fontsize=7.5
    )
    axis.set_title(f"{title} by layer, first to last")
    axis.figure.legend(loc="outside upper left", ncols=4)
    ends = [
        f"{curve} from {known[0]:.3g} to {known[-1]:.3g}"
        for curve, values in curves.items()
        if (known := [value for value in values if math.isfinite(value)])
    ]
    return (
        f"{title} in {len(names)} layers, from {readable(names[0])} to {readable(names[-1])}: "
        f"{', '.join(ends)}."
    )
