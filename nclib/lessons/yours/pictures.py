"""Figures of notebook 11, your own network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from matplotlib.text import Text

from nclib.formulas.statistics import ClassStatistics
from nclib.measuring.layers.layer_samples import nc1_of
from nclib.measuring.layers.layers_table import ncc_accuracy
from nclib.measuring.reports.collapse_report import CollapseReport
from nclib.palette import INK, RUN_COLORS, class_colors, ink_on
from nclib.pictures.picture import Kept, Picture, house_style, kept, label, picture
from nclib.shapes import Float, Int, Tensor

DOTS = 500  # samples that are drawn
MANY = ["accuracy", "nc1", "quotient", "cdnv", "log_distance", "log_distance_variance"]
MANY += ["uniformity", "ncc_mismatch"]
FACTORS = {"nc1": "NC1", "max_angle_means": "NC2, angles", "self_duality": "NC3"}


class Answers(NamedTuple):
    """What is asked of the samples: an answer for each, and the names of the answers."""

    labels: Int[Tensor, " N"]
    names: Sequence[str]


class View(NamedTuple):
    """A layer asked a question: what is drawn of it, and its numbers."""

    points: np.ndarray
    means: np.ndarray
    nc1: float
    nearest_right: float


# Layers


@house_style
def layer_slider(
    features: Mapping[str, Float[Tensor, "N p"]], questions: Mapping[str, Answers]
) -> Kept:
    """The features of one layer, coloured by the answers to one question, beside NC1 by layer.

    The function takes ``layer`` and ``question``. Left, along the two directions in which the
    class means of the answers differ most, scaled to fill the panel; right, NC1 of each question
    at each layer.

    Args:
        features: by layer, from first to last.
        questions: by their words.
    """
    views = {q: {at: _view(h, a) for at, h in features.items()} for q, a in questions.items()}
    figure, (left, right) = picture(1, 2, size=(9, 4), width_ratios=(1, 1.1))
    left.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), xticks=[], yticks=[], aspect="equal")
    left.spines[:].set_visible(False)
    lines = _nc1_axis(right, views)
    (ring,) = right.plot([], [], "o", mfc="none", mec=INK, ms=17, mew=1.3)
    title, above = left.set_title(" "), right.set_title(" ")
    dots = left.scatter([0.0], [0.0], s=9, lw=0, alpha=0.6)
    most = max(len(answers.names) for answers in questions.values())
    tags = [left.text(0, 0, "", ha="center", va="center", fontsize=9) for _ in range(most)]

    @kept(figure, dots, title, above, ring, *lines.values(), *tags)
    def at(layer: str, question: str) -> str:
        view, answers = views[question][layer], questions[question]
        _colour(dots, tags, view, answers)
        for asked, line in lines.items():
            line.set_linewidth(2.6 if asked == question else 1.0)
        ring.set_data([list(features).index(layer)], [view.nc1])
        title.set_text(f"read by {short(layer)}, coloured by: {question}")
        found = (
            f"{question} NC1 {_digits(view.nc1)}, nearest mean right for {view.nearest_right:.0%}"
        )
        above.set_text(found)
        return f"Read by {short(layer)}: {found} of the samples. NC1 by layer: {_said(views)}."

    return at


def _view(features: Float[Tensor, "N p"], answers: Answers) -> View:
    """The first samples and the class means along the two widest directions of the means."""
    stats = ClassStatistics.from_features(features.double(), answers.labels)
    axes = torch.linalg.svd(stats.centred_means, full_matrices=False)[2][:2].T
    points = (features[:DOTS].double() - stats.global_mean) @ axes
    means = stats.centred_means @ axes
    reach = torch.cat([points, means]).norm(dim=1).quantile(0.99).clamp(min=1e-12)
    numbers = nc1_of(features, answers.labels), ncc_accuracy(stats, features, answers.labels)
    return View((points / reach).numpy(), (means / reach).numpy(), *numbers)


def _colour(dots: PathCollection, tags: list[Text], view: View, answers: Answers) -> None:
    """Dots in their classes' colours, and a name at each class mean."""
    colors = class_colors(len(answers.names))
    dots.set_offsets(view.points)
    dots.set_facecolor([colors[y] for y in answers.labels[: len(view.points)].tolist()])
    for tag in tags[len(answers.names) :]:
        tag.set_text("")
        tag.set_bbox(None)
    for tag, name, mean, color in zip(tags, answers.names, view.means, colors, strict=False):
        tag.set(text=label(name), position=mean, color=ink_on(color))
        tag.set_bbox({"boxstyle": "round,pad=0.2", "facecolor": color, "edgecolor": "white"})


def short(layer: str) -> str:
    """A layer's name without what the others have, too: "in:encoder.blocks.0" is "blocks.0"."""
    return label(".".join(layer.removeprefix("in:").split(".")[-2:]))


def _digits(value: float) -> str:
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def _said(views: Mapping[str, Mapping[str, View]]) -> str:
    return "; ".join(
        f"{question} {', '.join(_digits(view.nc1) for view in of.values())}"
        for question, of in views.items()
    )


def _nc1_axis(axis: Axes, views: Mapping[str, Mapping[str, View]]) -> dict[str, Line2D]:
    """A line for each question."""
    names = [short(layer) for layer in next(iter(views.values()))]
    axis.set(yscale="log", ylabel="NC1", xlim=(-0.3, len(names) - 0.7))
    axis.set_xticks(range(len(names)), names)
    axis.set_xlabel("what this module reads")
    lines = {}
    for (question, of), color, marker in zip(views.items(), RUN_COLORS, "osD^", strict=False):
        values = [view.nc1 for view in of.values()]
        (lines[question],) = axis.plot(values, marker=marker, ms=5, color=color, label=question)
    axis.legend(loc="center right")
    return lines


# Mistakes


@house_style
def mistakes(table: pd.DataFrame) -> Picture:
    """How many times too large or too small numbers are when something is done wrong.

    Args:
        table: of ``factors``: a row for each mistake, a column for each quantity.
    """
    figure, axis = picture(size=(9, 0.8 + 0.44 * len(table)))
    axis.set(xscale="log", ylim=(len(table) - 0.5, -0.6), xlabel="wrong ÷ right")
    axis.set_yticks(range(len(table)), [label(name, 60) for name in table.index])
    axis.tick_params(axis="y", labelsize=9, labelcolor=INK)
    axis.axvline(1, color=INK, lw=1)
    for quantity, color, marker in zip(table, RUN_COLORS, "osD", strict=False):
        axis.plot(table[quantity], range(len(table)), marker, color=color, label=quantity)
    first = table.columns[0]
    for place, value in enumerate(table[first]):
        axis.annotate(
            _digits(value), (value, place), (0, 7),
            textcoords="offset points", ha="center", fontsize=8, color=RUN_COLORS[0],
        )  # fmt: skip
    axis.legend(loc="lower right")
    said = "; ".join(
        f"{name}: " + ", ".join(f"{quantity} {value:.3g}" for quantity, value in row.items())
        for name, row in table.iterrows()
    )
    figure.alt = f"Numbers of what was done wrong, over the right ones. {said}."
    return figure


def factors(right: CollapseReport, wrong: Mapping[str, CollapseReport], split: str) -> pd.DataFrame:
    """A row for each wrong report: NC1, NC2 and NC3 of its data, over those of a split.

    Args:
        right: the report that has them right.
        wrong: by what was done; each has one split.
        split: of the right report.
    """
    rows = {
        name: {
            words: one.numbers["train"][q] / right.numbers[split][q] for q, words in FACTORS.items()
        }
        for name, one in wrong.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def many_classes(reports: Mapping[str, CollapseReport]) -> pd.DataFrame:
    """What is measured of more classes than there are dimensions, a column for each report."""
    return pd.DataFrame({name: one.numbers["train"] for name, one in reports.items()}).loc[MANY]
