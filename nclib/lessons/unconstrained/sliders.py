"""Kept pictures of the unconstrained features model: each is a function that moves what it drew."""

from __future__ import annotations

import functools
import math
from itertools import chain

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Ellipse

from nclib.formulas.etf import align, simplex_etf
from nclib.formulas.ufm import UFM, UFMOptimum, ce_minimum, minimum_of, mse_minimum
from nclib.lessons.unconstrained.pictures import pairs_of, theta_of
from nclib.palette import FAINT, INK, MUTED, RUN_COLORS, class_colors, ink_on
from nclib.pictures.curves import RUN_LINES
from nclib.pictures.picture import Kept, house_style, kept, picture
from nclib.shapes import Float, Number, Tensor

SAID = {"cross_entropy": "cross-entropy", "squared_error": "squared error"}
MOST_CLASSES = 6
FAR = np.linspace(0.02, 3.0, 300)  # Cθ


def _objective(model: UFM) -> float:
    with torch.no_grad():
        return float(model.objective())


def _measured(model: UFM) -> str:
    return f"measured {_objective(model):.9f}, closed form {minimum_of(model).loss:.9f}"


# Where everything collapses to zero


@house_style
def threshold_picture() -> Kept:
    """The minimum against Cθ, and the singular values of the fitted logits, for two losses.

    Lines are closed forms, dots are fits. Both losses lie on their value at zero from Cθ = 1 on.
    The picture takes two models, one under each loss, at their minima, with C ≤ 6 and at least C-1
    features; the squared error with a free bias.
    """
    figure, (line, modes) = picture(1, 2, size=(9, 3.9), width_ratios=(1.5, 1))
    line.set(title="least objective ÷ objective at zero", xlim=(0, FAR[-1]), ylim=(0, 1.08))
    line.set(xlabel=r"$C\theta = C\sqrt{\lambda_W\lambda_H n}$")
    line.axvline(1, color=MUTED, lw=1, ls=":")
    line.text(1.04, 0.03, "from Cθ = 1 on zero is best", color=MUTED, fontsize=8.5)
    modes.set(title="singular values of mean logits (dash: s)", xlabel="direction")
    modes.set(xlim=(0.4, MOST_CLASSES + 0.6), ylim=(-0.12, 3.2), xticks=range(1, 7))
    parts = {}
    for (loss, name), color, marker, dash in zip(
        SAID.items(), RUN_COLORS, "os", RUN_LINES, strict=False
    ):
        look, above = {"mec": INK, "color": color, "zorder": 4}, 0.3 * len(parts)
        line.text(1.04, 0.8 - above, name, color=color, weight="bold")
        parts[loss] = (
            *line.plot([], [], dash, color=color),
            *line.plot([], [], marker, ms=12 - 4 * len(parts), **look),
            line.text(1.04, 0.8 - above, "", va="top", fontsize=9),
            *modes.plot([], [], marker, ms=6, mew=0.7, **look),
            *modes.plot([], [], color=color, lw=1.2, ls="--"),
        )

    @kept(figure, *chain.from_iterable(zip(*parts.values(), strict=True)))
    def of(*models: UFM) -> str:
        said = []
        for shift, model in zip((-0.09, 0.09), models, strict=True):
            best, num_classes, numbers = minimum_of(model), len(model.weight), _measured(model)
            curve, dot, words, found, scale = parts[model.loss]
            far, zero = num_classes * theta_of(model), _zero_objective(model.loss, num_classes)
            curve.set_data(FAR, _relative(model.loss, num_classes))
            dot.set_data([far], [_objective(model) / zero])
            words.set_text("\n" + numbers.replace(", ", "\n"))
            values = torch.linalg.svdvals(model.weight.detach() @ model.class_means().T)
            found.set_data(np.arange(1, len(values) + 1) + shift, values)
            scale.set_data([0.7, num_classes - 0.7], [best.scale] * 2)
            size = f"{best.rank} directions of size s = {best.scale:.2f}"
            said.append(f"{SAID[model.loss]}: {numbers}, {size}")
        return f"{num_classes} classes, Cθ = {far:.2f}. " + "; ".join(said)

    return of


def _zero_objective(loss: str, num_classes: int) -> float:
    return math.log(num_classes) if loss == "cross_entropy" else (1 - 1 / num_classes) / 2


@functools.cache
def _relative(loss: str, num_classes: int) -> tuple[float, ...]:
    """The least objective in units of that at zero, along FAR."""
    minimum = (
        ce_minimum if loss == "cross_entropy" else functools.partial(mse_minimum, bias_decay=0.0)
    )
    zero, decays = _zero_objective(loss, num_classes), FAR / num_classes
    return tuple(
        minimum(num_classes, 1, weight_decay=d, feature_decay=d).loss / zero for d in decays
    )


# From the simplex to the orthogonal frame


@house_style
def umbrella_picture(weight_decay: Number, feature_decay: Number, per_class: int) -> Kept:
    """Three class means under a decay on the bias: from a simplex to an orthogonal frame.

    Args:
        weight_decay: λ_W, the same for all models shown.
        feature_decay: λ_H.
        per_class: n.

    Returns:
        A picture that takes a squared-error fit of three classes, p ≥ 3, λ_b > 0.
    """
    figure, (space, line) = picture(1, 2, size=(9, 4), width_ratios=(1, 1.15))
    frame = _stand(space)
    colors = class_colors(3)
    sticks = space.add_collection(LineCollection([], colors=colors, lw=3, zorder=2))
    balls = space.scatter([0] * 3, [0] * 3, s=210, color=colors, ec=INK, zorder=3)
    style = {"ha": "center", "va": "center", "weight": "bold", "zorder": 4}
    names = [space.text(0, 0, c, color=ink_on(k), **style) for c, k in enumerate(colors)]
    grid = np.geomspace(1e-3, 30, 300)
    decays = {"weight_decay": weight_decay, "feature_decay": feature_decay}
    cosines = [_cosine(mse_minimum(3, per_class, **decays, bias_decay=float(b))) for b in grid]
    line.plot(grid, cosines, color=RUN_COLORS[0])
    for limit, text in ((-0.5, "simplex, -1/(C-1)"), (0, "orthogonal frame")):
        line.axhline(limit, color=MUTED, lw=1, ls="--")
        line.text(1.2e-3, limit + 0.015, text, color=MUTED, fontsize=8.5)
    line.set(xscale="log", xlabel=r"decay on the bias $\lambda_b$", ylim=(-0.56, 0.07))
    (dot,) = line.plot([], [], "o", color=RUN_COLORS[1], ms=11, mec=INK, zorder=4)
    numbers = line.set_title("x" * 50)

    @kept(figure, sticks, balls, *names, dot, numbers)
    def of(model: UFM) -> str:
        means = torch.nn.functional.normalize(model.class_means(), dim=1)
        ends = _oblique(means @ align(means, frame).rotation)
        sticks.set_segments([[(0, 0), end] for end in ends])
        balls.set_offsets(ends)
        for name, end in zip(names, ends, strict=True):
            name.set_position(end)
        found, wanted = float(pairs_of(model).mean()), _cosine(minimum_of(model))
        dot.set_data([model.bias_decay], [found])
        numbers.set_text(f"cosine: measured {found:.4f}, closed form {wanted:.4f}")
        return (
            f"Three class means in space, decay on the bias {model.bias_decay:g}; "
            f"{numbers.get_text()}; -0.5 is the simplex, 0 an orthogonal frame."
        )

    return of


def _stand(space: Axes) -> Float[Tensor, "3 3"]:
    """Disc and rings on which the class means are seen; the orthogonal frame of the upper rings."""
    turn = math.radians(22)  # no stick points at the reader
    turned = torch.tensor([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    flat = simplex_etf(3, 2) @ turned.double()
    frame = torch.cat([flat * (2 / 3) ** 0.5, torch.full((3, 1), 3**-0.5)], 1)
    space.set(xlim=(-1.25, 1.25), ylim=(-0.75, 1.15), aspect="equal", xticks=[], yticks=[])
    space.spines[:].set_visible(False)
    space.set_title("rings: simplex (on the disc), orthogonal frame")
    space.add_patch(Ellipse((0, 0), 2, 0.7, fc=FAINT, alpha=0.35, zorder=0))
    for ends in (torch.nn.functional.pad(flat, (0, 1)), frame):
        space.scatter(*_oblique(ends).T, s=260, fc="none", ec=MUTED, lw=1, zorder=1)
    return frame


def _cosine(best: UFMOptimum) -> float:
    return float(best.mean_gram[0, 1] / best.mean_gram[0, 0])


def _oblique(points: Float[Tensor, "C 3"]) -> np.ndarray:
    """Onto the page: height is kept, depth shortened."""
    x, depth, height = points.T.numpy()
    return np.stack([x, height + 0.35 * depth], 1)
