"""Kept picture of notebook 01, section 3: samples of two classes, and how often they err."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D

from nclib.formulas.packings import margin
from nclib.lessons.simplex.noise import (
    ErrorRate,
    Noise,
    exponent,
    frames,
    orthogonal_log_error,
)
from nclib.palette import INK, class_colors, ink_on
from nclib.pictures.curves import run_style
from nclib.pictures.picture import Kept, house_style, kept, picture
from nclib.shapes import Float, Number, Tensor

FRAMES = ("random", "orthogonal", "simplex")
SIGMAS = (1.0, 0.5, 0.4, 0.33, 0.28, 0.25, 0.22, 0.2)  # evenly spaced in 1/σ², nearly
DOTS = 300  # samples of each of the two classes that are drawn
REACH = 2.2
LEAST = 3e-6  # lower end of the axis of errors


class Measured(NamedTuple):
    """The three frames of C classes, and how often each errs at each size of noise."""

    noise: Noise
    frames: dict[str, Float[Tensor, "C C"]]
    errors: dict[str, dict[Number, ErrorRate]]


def measured(
    num_classes: int,
    *,
    samples: int,
    sigmas: Sequence[Number] = SIGMAS,
    seed: int = 0,
) -> Measured:
    """Draw ``samples`` once, and let each frame decide them at each σ."""
    noise, of = Noise(num_classes, samples, seed=seed), frames(num_classes, seed=seed)
    errors = {name: {s: noise.error(means, s) for s in sigmas} for name, means in of.items()}
    return Measured(noise, of, errors)


def log_error(name: str, num_classes: int, sigma: Number) -> float | None:
    """Logarithm of the error where theory has it: of the orthogonal frame and of the simplex."""
    norm = {"orthogonal": 1.0, "simplex": (num_classes / (num_classes - 1)) ** 0.5}.get(name)
    return None if norm is None else orthogonal_log_error(num_classes, norm, sigma)


@house_style
def noise_and_frames(measured_by_classes: dict[int, Measured]) -> Kept:
    """Samples of the two nearest classes, and the error of three frames against 1/σ².

    Against 1/σ² the logarithm of the error becomes a straight line; its slope is the exponent. The
    function takes the number of ``classes``, the size ``noise`` σ and the name of a ``frame``.

    Args:
        measured_by_classes: C → what ``measured`` found, at the same σ for all.
    """
    figure, (space, curve) = picture(1, 2, size=(9, 4.1), width_ratios=(1, 1.12))
    space.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xticks=[], yticks=[], aspect="equal")
    space.spines[:].set_visible(False)
    space.axvline(0, color=INK, lw=0.9)
    samples, wrong = _dots(space), space.plot([], [], "x", color=INK, ms=5, mew=1.1, zorder=3)[0]
    colors = class_colors(2)
    discs = space.scatter([0, 0], [0, 0], s=190, color=colors, ec=INK, zorder=4)
    style = {"ha": "center", "va": "center", "weight": "bold", "zorder": 5}
    names = [space.text(0, 0, "", color=ink_on(color), **style) for color in colors]
    title, above = space.set_title(" "), curve.set_title(" ")
    lines = _curves(curve, next(iter(measured_by_classes.values())))
    (ring,) = curve.plot([], [], "o", mfc="none", mec=INK, ms=15, mew=1.3)
    moving = [*samples, wrong, discs, *names, title, above, ring]
    moving += [part for line in lines.values() for part in line]

    @kept(figure, *moving)
    def at(classes: int, noise: Number, frame: str) -> str:
        found = measured_by_classes[classes]
        pair, half = _between(found, frame, noise, samples, wrong)
        discs.set_offsets([[-half, 0], [half, 0]])
        for name, number, x in zip(names, pair, (-half, half), strict=True):
            name.set_text(str(number))
            name.set_position((x, 0))
        for name, parts in lines.items():
            _redraw(parts, name, found, bold=name == frame)
        error = found.errors[frame][noise]
        ring.set_data([1 / noise**2], [max(error.rate, LEAST)])
        title.set_text(f"{frame}: the two nearest classes (crosses: errors)")
        above.set_text(f"error {error}")
        others = "; ".join(
            f"{name} {of[noise]}, exponent {exponent(found.frames[name]):.3f}"
            for name, of in found.errors.items()
        )
        return f"{classes} classes, noise {noise:g}, frame {frame}: error {error}. All: {others}."

    return at


def _dots(axis: Axes) -> list[Line2D]:
    """Right samples of the two classes, told apart by shape and colour."""
    looks = zip("os", class_colors(2), strict=True)
    return [
        axis.plot([], [], mark, color=color, ms=3.5, alpha=0.55, mew=0)[0] for mark, color in looks
    ]


def _between(
    found: Measured, frame: str, sigma: Number, dots: list[Line2D], wrong: Line2D
) -> tuple[list[int], float]:
    """Move the samples of the two nearest classes; which these are, and half their distance."""
    means, half = found.frames[frame], float(margin(found.frames[frame]))
    pair = _nearest_pair(means)
    across = (means[pair[1]] - means[pair[0]]) / (2 * half)
    aside = _orthogonal_to(across, means[pair[0]])
    axes, middle = torch.stack([across, aside], 1), means[pair].mean(0)
    crosses = []
    for dot, number in zip(dots, pair, strict=True):
        rows = (found.noise.labels == number).nonzero().flatten()[:DOTS]
        features, errs = found.noise.decide(means, sigma, rows)
        places = (features.double() - middle) @ axes
        dot.set_data(*places[~errs].T.numpy())
        crosses.append(places[errs])
    wrong.set_data(*torch.cat(crosses).T.numpy())
    return pair, half


def _nearest_pair(means: Float[Tensor, "C p"]) -> list[int]:
    away = torch.cdist(means, means).fill_diagonal_(math.inf)
    return sorted(divmod(int(away.argmin()), len(means)))


def _orthogonal_to(across: Float[Tensor, " p"], other: Float[Tensor, " p"]) -> Float[Tensor, " p"]:
    """A unit vector orthogonal to ``across``, in the plane of both."""
    rest = other - (other @ across) * across
    return rest / rest.norm()


# Errors against noise


def _curves(axis: Axes, found: Measured) -> dict[str, tuple]:
    """For each frame its line, the intervals at the measured σ, and its name at the line's end."""
    sigmas = list(found.errors["simplex"])
    far = 1 / min(sigmas) ** 2
    axis.set(
        yscale="log", ylim=(LEAST, 1), xlim=(0, far * 1.36), xlabel=r"$1/\sigma^2$: less noise →"
    )
    axis.set_ylabel("share of wrong decisions")
    axis.set_xticks([1 / s**2 for s in sigmas], [f"σ {s:g}" for s in sigmas], rotation=90)
    parts = {}
    for i, name in enumerate(FRAMES):
        color, line = run_style(i)
        (curve,) = axis.plot([], [], line, color=color)
        bars: ErrorbarContainer = axis.errorbar(
            [1], [0.1], [[0.01], [0.01]], fmt="osD"[i], color=color, ms=4, capsize=3, elinewidth=1.2
        )
        side = "top" if name == "simplex" else "bottom"  # of the line's end
        words = axis.text(far * 1.03, 0.1, name, va=side, fontsize=8.5)
        parts[name] = (curve, bars[0], *bars[1], *bars[2], words)
    return parts


def _redraw(parts: tuple, name: str, found: Measured, *, bold: bool) -> None:
    """Data of one frame's line: of theory where it has one, else through the measured errors."""
    curve, dots, below, above, bars, words = parts
    x = np.array([1 / s**2 for s in found.errors[name]])
    rates, low, high = (
        np.maximum([getattr(e, key) for e in found.errors[name].values()], LEAST)
        for key in ("rate", "low", "high")
    )
    fine = np.linspace(x.min(), x.max(), 60)
    exact = [log_error(name, len(found.frames[name]), at**-0.5) for at in fine]
    if None in exact:
        curve.set_data(x, rates)
    else:
        curve.set_data(fine, np.exp(exact))
    curve.set_linewidth(2.6 if bold else 1.2)
    dots.set_data(x, rates)
    below.set_data(x, low)
    above.set_data(x, high)
    bars.set_segments([[(a, b), (a, c)] for a, b, c in zip(x, low, high, strict=True)])
    words.set_position((words.get_position()[0], curve.get_ydata()[np.argmax(curve.get_xdata())]))
    words.set_text(f"{name}\nexponent {exponent(found.frames[name]):.3f}")
    words.set_weight("bold" if bold else "normal")
