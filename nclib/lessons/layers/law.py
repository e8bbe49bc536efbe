"""The law of equal improvement over recorded settings: a line, its ratio and its R²."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from nclib.formulas.law import LogLine, log_linear
from nclib.palette import INK, MUTED, RUN_COLORS
from nclib.pictures.picture import Kept, house_style, kept, picture
from nclib.shapes import Float, Number

KINDS = {"with": True, "without": False}
RATIO, R_SQUARED = 0.6, 0.99  # the law holds below the one and from the other on
STEEPEST, LEAST = (0.15, 4.0), 1e-4  # of the map: ratios, and the least 1 - R²
DONE, START = RUN_COLORS[0], MUTED


def holds(line: LogLine) -> bool:
    """Whether the law holds for a line: ratio below 0.6 *and* R² at least 0.99."""
    return bool(line.ratio < RATIO and line.r_squared >= R_SQUARED)


def hidden_line(nc1: np.ndarray) -> LogLine:
    """The line through the hidden layers; the input, which no layer made, is left out."""
    return log_linear(np.asarray(nc1, float)[1:])


def holding(table: pd.DataFrame) -> pd.Series:
    """Whether the law holds at the end, for each run of a ``law_grid.load_law_grid``."""
    return table.nc1_end.map(hidden_line).map(holds)


def bend(nc1: Float[np.ndarray, " L"]) -> float:
    """Factor of the last two layers over that of layers 2 and 3, of NC1 from the input on.

    1 on a line; below where the end does more than its share, above where the beginning does.
    """
    return float((nc1[-1] / nc1[-3]) / (nc1[3] / nc1[1]))


def networks(table: pd.DataFrame) -> dict[str, tuple[int, str]]:
    """Depth and loss of what was recorded, by words for them: "6 layers, squared error"."""
    pairs = table[["depth", "loss"]].drop_duplicates().itertuples(index=False)
    words = {"cross_entropy": ""}
    return {
        f"{depth} layers{words.get(loss, ', ' + loss.replace('_', ' '))}": (int(depth), loss)
        for depth, loss in pairs
    }


def cell(table: pd.DataFrame, network: str, batch_norm: str, weight_decay: Number) -> pd.DataFrame:
    """The runs of one setting, a row a seed."""
    depth, loss = networks(table)[network]
    of_network = (table.depth == depth) & (table.loss == loss)
    chosen = (table.batch_norm == KINDS[batch_norm]) & (table.weight_decay == weight_decay)
    return table[of_network & chosen]


def lines(
    table: pd.DataFrame,
    network: str,
    batch_norm: str = "with",
    weight_decay: Number = 5e-4,
    when: str = "end",
) -> pd.DataFrame:
    """The lines of one setting, a row a seed: ``ratio``, ``r_squared``, ``holds``, ``bend``.

    Args:
        table: as ``law_grid.load_law_grid``.
        network: one of ``networks``.
        batch_norm: ``"with"`` or ``"without"``.
        weight_decay: one of the table.
        when: ``"start"``, before training, or ``"end"``.
    """
    nc1 = cell(table, network, batch_norm, weight_decay)[f"nc1_{when}"]
    found = [hidden_line(one) for one in nc1]
    return pd.DataFrame(found).assign(holds=[*map(holds, found)], bend=[*map(bend, nc1)])


@house_style
def law_slider(table: pd.DataFrame) -> Kept:
    """NC1 by layer before training and at its end, a line a seed; and where ratio and R² lie.

    The function takes ``network``, one of ``networks``, ``batch_norm`` ("with", "without") and
    ``weight_decay``. Every line is drawn through the hidden layers. Right, a dot for each run of
    the table; the chosen ones are ringed.

    Args:
        table: as ``law_grid.load_law_grid``.
    """
    deepest = int(table.depth.max())
    figure, (left, right) = picture(1, 2, size=(9, 4.1), width_ratios=(1.25, 1))
    nc1 = np.concatenate([*table.nc1_start, *table.nc1_end])
    nc1 = nc1[np.isfinite(nc1) & (nc1 > 0)]
    left.set(yscale="log", ylim=(max(nc1.min(), 1e-6) / 2, min(nc1.max(), 1e4) * 2))
    left.set(xlim=(-0.4, deepest + 0.4), xlabel="layer; 0 is the input", ylabel="NC1")
    seeds = range(table.seed.nunique())
    drawn = {
        when: [_line_and_dots(left, look, when if not seed else None) for seed in seeds]
        for when, look in (("untrained", (START, "s")), ("trained", (DONE, "o")))
    }
    left.legend(loc="lower left")
    chosen = _map(right, table)
    title, above = left.set_title(" "), right.set_title(" ")
    artists = [artist for pairs in drawn.values() for pair in pairs for artist in pair]

    @kept(figure, *artists, *chosen, title, above)
    def at(network: str, batch_norm: str, weight_decay: Number) -> str:
        rows = cell(table, network, batch_norm, weight_decay)
        said, lines = [], {}
        for (when, pairs), column in zip(drawn.items(), ("nc1_start", "nc1_end"), strict=True):
            lines[when] = [_draw(pair, one) for pair, one in zip(pairs, rows[column], strict=True)]
            said.append(f"{when}: {_words(lines[when])}")
        for dots, found in zip(chosen, lines.values(), strict=True):
            dots.set_data(*_places(found))
        count = sum(map(holds, lines["trained"]))
        title.set_text(f"{network}, {batch_norm} batch norm, decay {weight_decay:g}")
        lost = sum(not np.isfinite(line.ratio) for line in lines["trained"])
        left_out = f" ({lost} without NC1)" if lost else ""
        above.set_text(f"the law holds in {count} of {len(rows)} seeds{left_out}")
        ends = "; ".join(", ".join(f"{v:.2g}" for v in one) for one in rows.nc1_end)
        return (
            f"{title.get_text()}: {above.get_text()}. {'. '.join(said)}. NC1 by layer, from the "
            f"input on, a list for each seed: {ends}."
        )

    return at


def _line_and_dots(axis: Axes, look: tuple[str, str], name: str | None) -> tuple[Line2D, Line2D]:
    color, marker = look
    (line,) = axis.plot([], [], color=color, lw=1)
    (dots,) = axis.plot([], [], marker, color=color, ms=4.5, label=name)
    return line, dots


def _draw(pair: tuple[Line2D, Line2D], nc1: np.ndarray) -> LogLine:
    """One network's layers and the line through them, which is returned."""
    line, layers = hidden_line(nc1), np.arange(float(len(nc1)))
    pair[1].set_data(layers, nc1)
    pair[0].set_data(layers[1:], line.at(layers[1:] - 1))
    return line


def _words(found: Sequence[LogLine]) -> str:
    """The ranges of ratio and R² over seeds; those without NC1 are counted.

    They have none where the loss became infinite, and where all class means coincide.
    """
    lines = [line for line in found if np.isfinite(line.ratio)]
    lost = f" ({len(found) - len(lines)} without NC1)" if len(lines) < len(found) else ""
    if not lines:
        return f"no line{lost}"
    ratios, squares = ([getattr(one, name) for one in lines] for name in ("ratio", "r_squared"))
    return f"ratio {_range(ratios, 2)}, R² {_range(squares, 4)}{lost}"


def _range(values: Sequence[float], digits: int) -> str:
    ends = [f"{end:.{digits}f}" for end in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


# Ratio against R²


def _map(axis: Axes, table: pd.DataFrame) -> list[Line2D]:
    """A dot for each run, and rings to be placed around some: the untrained, the chosen."""
    axis.set(xscale="log", yscale="log", xlim=STEEPEST, ylim=(1.6, LEAST / 1.6))
    axis.set(xlabel="ratio: factor from layer to layer", ylabel="1 - R²: off the line")
    axis.set_xticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
    axis.minorticks_off()
    low = axis.get_ylim()[1]
    box = Rectangle((STEEPEST[0], low), RATIO - STEEPEST[0], 1 - R_SQUARED - low)
    box.set(color=RUN_COLORS[2], alpha=0.14, lw=0)
    axis.add_patch(box)
    axis.text(STEEPEST[0] * 1.06, low * 1.1, "the law", color=INK, va="top")
    axis.axvline(1, color=INK, lw=0.8)
    for (kind, has), marker, color in zip(KINDS.items(), "os", RUN_COLORS, strict=False):
        places = _places([hidden_line(nc1) for nc1 in table[table.batch_norm == has].nc1_end])
        style = {"ms": 4.5, "alpha": 0.5, "mew": 0, "label": f"{kind} batch norm"}
        axis.plot(*places, marker, color=color, **style)
    rings = []
    for which, color, marker in (("untrained", START, "D"), ("chosen", INK, "h")):
        style = {"color": color, "mfc": "none", "ms": 10, "mew": 1.6, "label": f"the {which}"}
        rings += axis.plot([], [], marker, **style)
    look = {"loc": "outside lower right", "ncols": 4, "fontsize": 8, "handletextpad": 0.2}
    axis.figure.legend(handles=axis.get_legend_handles_labels()[0], **look)
    return rings


def _places(lines: Sequence[LogLine]) -> tuple[np.ndarray, np.ndarray]:
    """Where they lie on the map; what lies beyond it stands at its edge."""
    found = np.array([(line.ratio, 1 - line.r_squared) for line in lines])
    ratios = found[:, 0].clip(STEEPEST[0] * 1.03, STEEPEST[1] / 1.03)
    return ratios, found[:, 1].clip(LEAST, 1)
