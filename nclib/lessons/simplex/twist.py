"""Eight points of notebook 01, section 2: a cube, twisted until it is an antiprism."""

from __future__ import annotations

import math

import numpy as np
import torch
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgba

from nclib.formulas import packings
from nclib.palette import INK, MUTED, RUN_COLORS, class_colors
from nclib.pictures.picture import Kept, house_style, kept, picture
from nclib.player.camera import on_screen, rotation
from nclib.shapes import Float, Number, Tensor

CUBE, ANTIPRISM = 1 / 3, packings.PROVED[8, 3]  # largest cosines
SIDES = [(at, (at + 1) % 4) for at in range(4)]
EDGES = [*SIDES, *((a + 4, b + 4) for a, b in SIDES)]  # of the squares, then between them
EDGES += [(at, at + 4) for at in range(4)] + [(at, (at + 1) % 4 + 4) for at in range(4)]


def twisted(turn: Number, height: Number) -> Float[Tensor, "8 3"]:
    """Two squares at ±``height`` on the unit sphere, the upper one turned by ``turn`` degrees.

    The cube has turn 0 and height 1/√3.
    """
    radius = math.sqrt(1 - height**2)
    square = torch.arange(4, dtype=torch.float64) * math.pi / 2
    angles = torch.cat([square + math.radians(turn), square])
    level = torch.tensor([height] * 4 + [-height] * 4, dtype=torch.float64)
    return torch.stack([radius * angles.cos(), radius * angles.sin(), level], dim=1)


@house_style
def twisted_cube() -> Kept:
    """Eight points in two squares, and the largest cosine within a square and between the two.

    The function takes ``turn`` of the upper square in degrees, 0 to 45, and ``height`` of both.
    """
    figure, (space, line) = picture(1, 2, size=(9, 3.9), width_ratios=(1, 1.35))
    space.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), aspect="equal")
    space.set_axis_off()
    struts = space.add_collection(LineCollection([], capstyle="round"))
    balls = space.scatter([0] * 8, [0] * 8, s=150, ec=INK, zorder=100)
    turns = np.linspace(0, 45, 91)
    (within,) = line.plot([], [], "--", color=RUN_COLORS[1], label="within a square")
    (between,) = line.plot([], [], color=RUN_COLORS[0], label="between the squares")
    (dot,) = line.plot([], [], "o", color=INK, ms=9, zorder=4)
    for limit, text in ((CUBE, "cube:\n1/3"), (ANTIPRISM, f"least:\n{ANTIPRISM:.4f}")):
        line.axhline(limit, color=MUTED, lw=1, ls=":")
        line.text(46.5, limit, text, va="center", color=MUTED, fontsize=8.5)
    line.set(xlim=(-1, 46), ylim=(0.1, 0.6), xlabel="turn of the upper square, degrees")
    line.legend(loc="upper right")
    title = line.set_title("x" * 40)

    @kept(figure, struts, balls, within, between, dot, title)
    def at(turn: Number, height: Number) -> str:
        points = twisted(turn, height)
        largest = float(packings.largest_cosine(points))
        within.set_data(turns, np.full_like(turns, height**2))
        between.set_data(turns, (1 - height**2) * np.cos(np.radians(turns)) - height**2)
        dot.set_data([turn], [largest])
        nearest = _draw_solid(points, struts, balls)
        title.set_text(f"largest cosine {largest:.4f}, margin {packings.margin(points):.4f}")
        return (
            f"Eight points, two squares at height ±{height:g}, one turned by {turn:g} degrees: "
            f"largest cosine {largest:.4f} (cube {CUBE:.4f}, antiprism {ANTIPRISM:.4f}), "
            f"{nearest} pairs at the least distance."
        )

    return at


def _draw_solid(points: Float[Tensor, "8 3"], struts: LineCollection, balls: PathCollection) -> int:
    """Far edges behind and pale; the nearest pairs thick. Returns how many pairs are nearest."""
    places, near = on_screen(points.numpy()[:, [0, 2, 1]], rotation(0.35, 0.32))
    nearest = set(map(tuple, packings.contacts(points, 2e-3).tolist()))
    edges = sorted(EDGES, key=lambda pair: near[list(pair)].mean())
    struts.set_segments([places[list(pair)] for pair in edges])
    thick = [pair in nearest for pair in map(tuple, map(sorted, edges))]
    struts.set_linewidths([4.5 if one else 1 for one in thick])
    fade = [0.45 + 0.27 * (near[list(pair)].mean() + 1) for pair in edges]  # 0.45 to 0.99
    shades = [(RUN_COLORS[0], 1) if one else (MUTED, 0.5) for one in thick]
    struts.set_color([to_rgba(c, a * far) for (c, a), far in zip(shades, fade, strict=True)])
    order = np.argsort(near)
    balls.set_offsets(places[order])
    balls.set_facecolor([class_colors(2)[int(one < 4)] for one in order])
    balls.set_sizes(150 * (1 + 0.25 * near[order]))
    return len(nearest)
