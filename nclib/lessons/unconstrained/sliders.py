"""Pictures of the unconstrained features model that sliders move, redrawn in part."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from matplotlib.collections import LineCollection
from matplotlib.patches import Ellipse

from nclib.formulas.collapse import pair_cosines
from nclib.formulas.etf import align, simplex_etf
from nclib.formulas.ufm import UFM, UFMOptimum, ce_minimum, minimum_of, mse_minimum
from nclib.palette import FAINT, INK, MUTED, RUN_COLORS, class_colors, ink_on
from nclib.pictures.curves import RUN_LINES
from nclib.pictures.picture import Picture, house_style, picture
from nclib.shapes import Float, Number, Tensor

SAID = {"cross_entropy": "cross-entropy", "squared_error": "squared error"}
MOST_CLASSES, FARTHEST = 6, 3.0


def _objective(model: UFM) -> float:
    with torch.no_grad():
        return float(model.objective())


def _numbers(model: UFM, best: UFMOptimum) -> str:
    return f"measured {_objective(model):.9f}, closed form {best.loss:.9f}"


# Where everything collapses to zero


class Threshold:
    """The minimum against Cθ, and the singular values of the fitted logits, for two losses; kept.

    Lines are closed forms, dots are fits. Both losses lie on their value at zero from Cθ = 1 on.
    """

    @house_style
    def __init__(self) -> None:
        self._figure, (line, modes) = picture(1, 2, size=(9, 3.9), width_ratios=(1.5, 1))
        self._far = np.linspace(0.02, FARTHEST, 300)
        line.set(
            title="least objective ÷ objective at zero",
            xlabel=r"$C\theta = C\sqrt{\lambda_W\lambda_H n}$",
        )
        line.set(xlim=(0, FARTHEST), ylim=(0, 1.08))
        line.axvline(1, color=MUTED, lw=1, ls=":")
        line.text(1.04, 0.03, "from Cθ = 1 on zero is best", color=MUTED, fontsize=8.5)
        modes.set(title="singular values of mean logits (dash: s)", xlabel="direction")
        modes.set(xlim=(0.4, MOST_CLASSES + 0.6), ylim=(-0.12, 3.2), xticks=range(1, 7))
        self._lines, self._dots, self._said, self._modes, self._scales = {}, {}, {}, {}, {}
        for i, (loss, name) in enumerate(SAID.items()):
            look = {"color": RUN_COLORS[i], "zorder": 4}
            self._lines[loss] = line.plot([], [], RUN_LINES[i], color=RUN_COLORS[i])[0]
            self._dots[loss] = line.plot([], [], "os"[i], ms=12 - 4 * i, mec=INK, **look)[0]
            line.text(1.04, 0.8 - 0.3 * i, name, color=RUN_COLORS[i], weight="bold")
            self._said[loss] = line.text(1.04, 0.8 - 0.3 * i, "", va="top", fontsize=9)
            self._modes[loss] = modes.plot([], [], "os"[i], ms=6, mec=INK, mew=0.7, **look)[0]
            self._scales[loss] = modes.plot([], [], color=RUN_COLORS[i], lw=1.2, ls="--")[0]
        parts = [self._lines, self._dots, self._said, self._modes, self._scales]
        self._figure.keep_moving([artist for part in parts for artist in part.values()])

    @house_style
    def of(self, *models: UFM) -> Picture:
        """The picture, always the same one, of fits to both losses in one setting.

        Args:
            models: one under each loss, at their minima, with C ≤ 6 and at least C-1 features; the
                squared error with a free bias.
        """
        said = []
        for shift, model in zip((-0.09, 0.09), models, strict=True):
            best, num_classes = minimum_of(model), len(model.weight)
            theta = _theta(model)
            self._lines[model.loss].set_data(self._far, _relative(model.loss, num_classes))
            zero = _zero_objective(model.loss, num_classes)
            self._dots[model.loss].set_data([num_classes * theta], [_objective(model) / zero])
            numbers = _numbers(model, best)
            self._said[model.loss].set_text("\n" + numbers.replace(", ", "\n"))
            found = torch.linalg.svdvals(model.weight.detach() @ model.class_means().T)
            self._modes[model.loss].set_data(np.arange(1, len(found) + 1) + shift, found)
            self._scales[model.loss].set_data([0.7, num_classes - 0.7], [best.scale] * 2)
            said.append(f"{SAID[model.loss]}: {numbers}, {best.rank} directions of size s = "
                        f"{best.scale:.2f}")  # fmt: skip
        self._figure.alt = f"{num_classes} classes, Cθ = {num_classes * theta:.2f}. " + "; ".join(
            said
        )
        return self._figure


def _theta(model: UFM) -> float:
    per_class = len(model.features) / len(model.weight)
    return math.sqrt(model.weight_decay * model.feature_decay * per_class)


def _zero_objective(loss: str, num_classes: int) -> float:
    return math.log(num_classes) if loss == "cross_entropy" else (1 - 1 / num_classes) / 2


@functools.cache
def _relative(loss: str, num_classes: int) -> tuple[float, ...]:
    """The least objective in units of that at zero, along Threshold's axis."""
    values = []
    for far in np.linspace(0.02, FARTHEST, 300):
        decays = {"weight_decay": far / num_classes, "feature_decay": far / num_classes}
        best = (
            ce_minimum(num_classes, 1, **decays)
            if loss == "cross_entropy"
            else mse_minimum(num_classes, 1, **decays, bias_decay=0.0)
        )
        values.append(best.loss / _zero_objective(loss, num_classes))
    return tuple(values)


# Fewer features than the simplex needs


class Room:
    """Cosines between fitted class means, and the least squared error against p; kept."""

    @house_style
    def __init__(self) -> None:
        self._figure, (matrix, line) = picture(1, 2, size=(9, 3.9), width_ratios=(1, 1.2))
        side = MOST_CLASSES - 0.5
        self._image = matrix.imshow(
            np.zeros((1, 1)), cmap="RdBu_r", vmin=-1, vmax=1, extent=(-0.5, side, side, -0.5)
        )
        matrix.set(xticks=range(MOST_CLASSES), yticks=range(MOST_CLASSES))
        matrix.grid(visible=False)
        matrix.spines[:].set_visible(False)
        self._figure.colorbar(self._image, ax=matrix, shrink=0.8)
        self._goal = matrix.set_title(" " * 40)
        line.set(xlim=(0.6, 7.4), ylim=(0, 0.45), xlabel="number of features p")
        self._values = line.set_title("x" * 44)
        self._curve = line.plot([], [], "o-", color=RUN_COLORS[0], mfc="white", ms=5)[0]
        self._dot = line.plot([], [], "o", color=RUN_COLORS[1], ms=11, mec=INK, zorder=4)[0]
        self._enough = line.axvline(1, color=MUTED, ls=":", lw=1)
        self._name = line.text(1, 0.425, "", color=MUTED, fontsize=8.5)
        still = [self._image, self._goal, self._values, self._curve, self._dot]
        self._figure.keep_moving([*still, self._enough, self._name])

    @house_style
    def of(self, model: UFM) -> Picture:
        """The picture, always the same one, of a squared-error fit with a free bias, C ≤ 6."""
        num_classes, num_features = model.weight.shape
        cosines = _cosine_matrix(model)
        shown = np.full((MOST_CLASSES, MOST_CLASSES), np.nan)
        shown[:num_classes, :num_classes] = cosines
        np.fill_diagonal(shown, np.nan)
        self._image.set_data(np.ma.masked_invalid(shown))
        goal = -1 / (num_classes - 1)
        self._goal.set_text(f"cosines of class means; simplex: {goal:.2f}")
        sizes = num_classes, len(model.features) // num_classes
        options = {"weight_decay": model.weight_decay, "feature_decay": model.feature_decay}
        options["bias_decay"] = model.bias_decay
        least = [mse_minimum(*sizes, **options, num_features=p).loss for p in range(1, 8)]
        self._curve.set_data(range(1, 8), least)
        self._dot.set_data([num_features], [_objective(model)])
        self._values.set_text(_numbers(model, minimum_of(model)))
        self._enough.set_xdata([num_classes - 1] * 2)
        self._name.set(x=num_classes - 0.9, text=f"C - 1 = {num_classes - 1} are enough")
        spread = pair_cosines(torch.from_numpy(cosines))
        self._figure.alt = (
            f"{num_classes} classes, {num_features} features: {self._values.get_text()}; cosines "
            f"between class means from {spread.min():.2f} to {spread.max():.2f}, the simplex's are "
            f"{goal:.2f}."
        )
        return self._figure


def _cosine_matrix(model: UFM) -> np.ndarray:
    """Cosines between class means seen from the origin."""
    unit = torch.nn.functional.normalize(model.class_means(), dim=1)
    return (unit @ unit.T).numpy()


# From the simplex to the orthogonal frame


class Umbrella:
    """Three class means under a decay on the bias: from a simplex to an orthogonal frame; kept.

    Args:
        weight_decay: λ_W, the same for all models shown.
        feature_decay: λ_H.
        per_class: n.
    """

    @house_style
    def __init__(self, weight_decay: Number, feature_decay: Number, per_class: int) -> None:
        self._figure, (space, line) = picture(1, 2, size=(9, 4), width_ratios=(1, 1.15))
        turn = math.radians(22)  # no stick points at the reader
        turned = torch.tensor([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        flat = simplex_etf(3, 2) @ turned.double()
        self._frame = torch.cat([flat * (2 / 3) ** 0.5, torch.full((3, 1), 3**-0.5)], 1)
        space.set(xlim=(-1.25, 1.25), ylim=(-0.75, 1.15), aspect="equal", xticks=[], yticks=[])
        space.spines[:].set_visible(False)
        space.set_title("rings: simplex (on the disc), orthogonal frame")
        space.add_patch(Ellipse((0, 0), 2, 0.7, fc=FAINT, alpha=0.35, zorder=0))
        for ends in (torch.nn.functional.pad(flat, (0, 1)), self._frame):
            space.scatter(*_oblique(ends).T, s=260, fc="none", ec=MUTED, lw=1, zorder=1)
        colors = class_colors(3)
        self._sticks = space.add_collection(LineCollection([], colors=colors, lw=3, zorder=2))
        self._balls = space.scatter([0] * 3, [0] * 3, s=210, color=colors, ec=INK, zorder=3)
        style = {"ha": "center", "va": "center", "weight": "bold", "zorder": 4}
        self._names = [space.text(0, 0, c, color=ink_on(k), **style) for c, k in enumerate(colors)]
        grid = np.geomspace(1e-3, 30, 300)
        decays = {"weight_decay": weight_decay, "feature_decay": feature_decay}
        cosines = [_cosine(mse_minimum(3, per_class, **decays, bias_decay=float(b))) for b in grid]
        line.plot(grid, cosines, color=RUN_COLORS[0])
        for limit, text in ((-0.5, "simplex, -1/(C-1)"), (0, "orthogonal frame")):
            line.axhline(limit, color=MUTED, lw=1, ls="--")
            line.text(1.2e-3, limit + 0.015, text, color=MUTED, fontsize=8.5)
        line.set(xscale="log", xlabel=r"decay on the bias $\lambda_b$", ylim=(-0.56, 0.07))
        self._dot = line.plot([], [], "o", color=RUN_COLORS[1], ms=11, mec=INK, zorder=4)[0]
        self._said = line.set_title("x" * 50)
        moving = [self._sticks, self._balls, *self._names, self._dot, self._said]
        self._figure.keep_moving(moving)

    @house_style
    def of(self, model: UFM) -> Picture:
        """The picture, always the same one, of a fit of three classes, p ≥ 3, λ_b > 0."""
        means = torch.nn.functional.normalize(model.class_means(), dim=1)
        ends = _oblique(means @ align(means, self._frame).rotation)
        self._sticks.set_segments([[(0, 0), end] for end in ends])
        self._balls.set_offsets(ends)
        for name, end in zip(self._names, ends, strict=True):
            name.set_position(end)
        found, wanted = float(pairs_of(model).mean()), _cosine(minimum_of(model))
        self._dot.set_data([model.bias_decay], [found])
        self._said.set_text(f"cosine: measured {found:.4f}, closed form {wanted:.4f}")
        self._figure.alt = (
            f"Three class means in space, decay on the bias {model.bias_decay:g}; "
            f"{self._said.get_text()}; -0.5 is the simplex, 0 an orthogonal frame."
        )
        return self._figure


def _cosine(best: UFMOptimum) -> float:
    return float(best.mean_gram[0, 1] / best.mean_gram[0, 0])


def _oblique(points: Float[Tensor, "C 3"]) -> np.ndarray:
    """Onto the page: height is kept, depth shortened."""
    x, depth, height = points.T.numpy()
    return np.stack([x, height + 0.35 * depth], 1)


def pairs_of(model: UFM) -> Float[Tensor, " pairs"]:
    """Cosines between class means seen from the origin."""
    means = model.class_means()
    return pair_cosines(means @ means.T)
