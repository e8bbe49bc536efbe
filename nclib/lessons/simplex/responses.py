"""Which number answers to which knob: notebook 01, section 4."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nclib.formulas.collapse import collapse_metrics
from nclib.formulas.statistics import ClassStatistics
from nclib.lessons.simplex.deformations import Knobs, Layer, deformed
from nclib.palette import INK, MUTED, RUN_COLORS
from nclib.pictures.picture import Kept, house_style, kept, picture
from nclib.shapes import Number

# The nine numbers, in the order of the picture, and what they are called there.
NUMBERS = {
    "nc1": "NC1: scatter",
    "equinorm_means": "NC2 means: norms",
    "equiangularity_means": "NC2 means: angles, std",
    "max_angle_means": "NC2 means: angles, off -1/(C-1)",
    "equinorm_weights": "NC2 classifier: norms",
    "equiangularity_weights": "NC2 classifier: angles, std",
    "max_angle_weights": "NC2 classifier: angles, off",
    "self_duality": "NC3: W against means",
    "ncc_mismatch": "NC4: nearest mean",
}
OF_MEANS, OF_W = (tuple(f"{what} {of}" for what in ("norms", "std", "off")) for of in "MW")
SHORT = dict(zip(NUMBERS, ("NC1", *OF_MEANS, *OF_W, "NC3", "NC4"), strict=True))  # in a table
ZERO = 1e-12  # a response below it is rounding
LEAST, MOST = 1e-4, 3.0  # of the axis
FITS = 90  # characters above the picture


class Knob(NamedTuple):
    """A knob's slider, and the numbers that are its own (one, or two that say the same).

    Attributes:
        values: of the slider; the first deforms nothing.
        small: an amount at which other numbers answer little.
        own: names in ``NUMBERS``.
    """

    values: tuple[float, ...]
    small: float
    own: tuple[str, ...]


def _angles(of: str) -> Knob:
    own = (f"equiangularity_{of}", f"max_angle_{of}")
    return Knob((0.0, 0.01, 0.02, 0.03, 0.05), 0.01, own)


def _norms(of: str) -> Knob:
    return Knob((0.0, 0.02, 0.05, 0.075, 0.1), 0.02, (f"equinorm_{of}",))


KNOBS = {
    "spread": Knob((1.0, 1.5, 2.0, 2.5, 3.0), 3.0, ("nc1",)),
    "norms_of_means": _norms("means"),
    "angles_of_means": _angles("means"),
    "norms_of_classifier": _norms("weights"),
    "angles_of_classifier": _angles("weights"),
    "turn_of_classifier": Knob((0.0, 0.15, 0.3, 0.45, 0.6), 0.6, ("self_duality",)),
    "bias": Knob((0.0, 0.4, 0.6, 0.9, 1.2), 1.2, ("ncc_mismatch",)),
}


def numbers(layer: Layer) -> dict[str, float]:
    """The nine numbers of a layer, as ``nclib.collapse_metrics`` finds them."""
    stats = ClassStatistics.from_features(layer.features, layer.labels)
    data = {"features": layer.features, "labels": layer.labels}
    found = collapse_metrics(stats, layer.weight, layer.bias, **data).as_dict()
    return {name: found[name] for name in NUMBERS}


@functools.cache
def _undeformed(num_classes: int) -> dict[str, float]:
    return numbers(deformed(num_classes))


@functools.cache
def responses(num_classes: int, knobs: Knobs) -> Mapping[str, float]:
    """How far each of the nine numbers moves, up or down, when the layer is deformed."""
    base, found = _undeformed(num_classes), numbers(deformed(num_classes, knobs))
    return {name: abs(found[name] - base[name]) for name in NUMBERS}


def table(num_classes: int, amounts: Mapping[str, Number] | None = None) -> pd.DataFrame:
    """Responses to one knob at a time: a row for each knob, a column for each number.

    Args:
        num_classes: C; odd only where no angles are among ``amounts``.
        amounts: knob → how far it is turned; the ``small`` of each when not given.
    """
    amounts = {name: knob.small for name, knob in KNOBS.items()} if amounts is None else amounts
    rows = {name: responses(num_classes, Knobs(**{name: to})) for name, to in amounts.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def words(knob: str) -> str:
    """A knob's name as it is read."""
    return knob.replace("_", " ")


def separation(found: pd.DataFrame) -> pd.Series:
    """For each knob its own number's response over the largest of the others.

    Angle std and max angle of the same vectors count as one number, and rounding as 1e-16.
    """
    ratios = {}
    for knob, row in found.iterrows():
        own = list(KNOBS[knob].own)
        ratios[knob] = row[own].max() / max(row.drop(own).max(), 1e-16)
    return pd.Series(ratios)


def at_all_ends(num_classes: int, number: str) -> list[float]:
    """How far a number moves with each knob but the bias at one end of its slider: 64 times."""
    ends = {name: (k.values[0], k.values[-1]) for name, k in KNOBS.items() if name != "bias"}
    turned = (dict(zip(ends, at, strict=True)) for at in itertools.product(*ends.values()))
    return [responses(num_classes, Knobs(**knobs))[number] for knobs in turned]


# The picture


def sliders(live: bool) -> dict[str, Any]:
    """What ``explore`` takes besides the picture: its sliders, and where they start.

    Args:
        live: a kernel answers, and all seven knobs can be turned; else every picture is drawn
            beforehand, and one knob is turned at a time.
    """
    classes = {"classes": [6, 10, 20]}
    if live:
        start = {"classes": 20, "norms_of_means": KNOBS["norms_of_means"].values[2]}
        return classes | {name: knob.values for name, knob in KNOBS.items()} | {"start": start}
    knobs = [words(name) for name in KNOBS]
    start = {"classes": 20, "knob": knobs[1], "amount": 2}
    return classes | {"knob": knobs, "amount": [0, 1, 2, 3, 4], "start": start}


@house_style
def response_bars() -> Kept:
    """How far each of the nine numbers moves, on a logarithmic axis: kept.

    The function takes ``classes`` and what ``sliders`` offers: the seven knobs, or the name of one
    ``knob`` and the ``amount``, the number of its value. Bars of numbers whose knob is turned are
    solid, the others hatched; a dashed line marks a tenth of the longest.
    """
    figure, axis = picture(size=(9, 3.9))
    axis.set(xscale="log", xlim=(LEAST, MOST), ylim=(len(NUMBERS) - 0.5, -0.6))
    axis.set(xlabel="how far the number moves (solid: its own knob is turned; below 1e-4: no bar)")
    axis.set_yticks(range(len(NUMBERS)), list(NUMBERS.values()))
    axis.tick_params(axis="y", labelsize=9, labelcolor=INK, length=0)
    axis.grid(visible=False, axis="y")
    for border in (0.5, 3.5, 6.5, 7.5):
        axis.axhline(border, color=MUTED, lw=0.6)
    rows = range(len(NUMBERS))
    bars = axis.barh(rows, [1] * len(rows), height=0.62, left=LEAST / 10, ec=RUN_COLORS[1])
    values = [axis.text(0.985 * MOST, row, "", va="center", ha="right") for row in rows]
    (tenth,) = axis.plot([1, 1], [-0.6, len(NUMBERS) - 0.5], "--", color=INK, lw=1)
    title = axis.set_title(" ")

    @kept(figure, *bars, *values, tenth, title)
    def at(**chosen: Any) -> str:
        classes, turned = _turned(**chosen)
        found = responses(classes, Knobs(**turned))
        largest = max(found.values())
        for bar, shown, (name, value) in zip(bars, values, found.items(), strict=True):
            bar.set_width(max(value - LEAST / 10, 0))
            own = _is_own(name, turned)
            bar.set(fc=RUN_COLORS[0] if own else "white", hatch="" if own else "////", lw=not own)
            shown.set_text(said(value))
        tenth.set_visible(largest > LEAST)
        tenth.set_xdata([largest / 10] * 2)
        knobs = ", ".join(f"{words(name)} {to:g}" for name, to in turned.items())
        head = f"{classes} classes. Turned: {knobs or 'nothing'}"
        many = f"{classes} classes. Turned: {len(turned)} knobs"
        title.set_text(head if len(head) <= FITS else many)
        moved = [f"{NUMBERS[name]} {said(value)}" for name, value in found.items()]
        return f"{head}. How far the numbers move: {'; '.join(moved)}."

    return at


def _turned(classes: int, **chosen: Any) -> tuple[int, dict[str, float]]:
    """Number of classes, and the knobs that are not at rest."""
    if "knob" in chosen:
        name = chosen["knob"].replace(" ", "_")
        chosen = {name: KNOBS[name].values[chosen["amount"]]}
    return classes, {name: to for name, to in chosen.items() if to != KNOBS[name].values[0]}


def _is_own(number: str, turned: Mapping[str, float]) -> bool:
    return any(number in KNOBS[name].own for name in turned)


def said(value: float) -> str:
    """A response with two digits, "0" for rounding."""
    return "0" if value < ZERO else np.format_float_positional(value, 2, fractional=False, trim="-")
