"""Where descents end, over width and size of the start: notebook 07's map of ``starts``."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from nclib.lessons.deep.starts import CLASSES, ENDS
from nclib.palette import INK, MUTED, RUN_COLORS
from nclib.pictures.picture import Kept, house_style, kept, picture
from nclib.shapes import Number

LOOKS = dict(zip(ENDS, "voxs", strict=True))
COLORS = dict(zip(ENDS, (RUN_COLORS[2], RUN_COLORS[0], RUN_COLORS[1], MUTED), strict=True))
NAMES = ("below collapse", "collapse", "above it, all classes told apart", "classes lost")


@house_style
def starts_map(table: pd.DataFrame) -> Kept:
    """Ends of descents by width and size of the start, a mark a seed; and ranks at one size.

    Args:
        table: rows of ``starts.load_starts``, of any depths.

    Returns:
        A kept picture that takes a depth L and a size of the start, both of the table.
    """
    widths, sizes, seeds = (sorted(set(table[name])) for name in ("width", "size", "seed"))
    figure, (cells, ranks) = picture(1, 2, size=(9, 3.7), width_ratios=(1.7, 1))
    when = table.attrs["environment"]["date"]
    _grid(cells, widths, sizes, f"ends; a mark is a seed (recorded {when})")
    marks = {end: _dots(cells, end, 5) for end in ENDS}
    chosen = cells.add_patch(Rectangle((0, -0.5), 1, len(widths), fill=False, ec=INK, lw=1.4))
    rank_marks = {end: _dots(ranks, end, 5) for end in ENDS}
    (mean,) = ranks.plot([], [], color=MUTED, lw=1, zorder=1)
    says = _rank_axis(ranks, widths)
    figure.legend(marks.values(), NAMES, loc="outside lower center", ncols=4, handletextpad=0.1)

    @kept(figure, *marks.values(), chosen, *rank_marks.values(), mean, says)
    def at(depth: int, size: Number) -> str:
        rows = table[table.depth == depth]
        if rows.empty or size not in sizes:
            raise ValueError(f"depth {depth}, size {size} were not recorded; sizes are {sizes}")
        beside = rows.seed.map(seeds.index)
        across, up = rows["size"].map(sizes.index), rows.width.map(widths.index)
        column = rows["size"] == size
        spread = (beside - (len(seeds) - 1) / 2) / len(seeds) * 0.7
        for end, dots in marks.items():
            here = rows.end == end
            x, y = across + (beside % 3 - 1) * 0.27, up + (0.5 - beside // 3) * 0.4
            dots.set_data(x[here], y[here])
            rank_marks[end].set_data((up + spread)[here & column], rows["rank"][here & column])
        means = rows[column].groupby("width")["rank"].mean()
        mean.set_data([widths.index(width) for width in means.index], means)
        chosen.set_x(sizes.index(size) - 0.5)
        says.set_text(f"start of size {size:g}, L = {depth}")
        return _words(rows[column], depth, size)

    return at


def _grid(axis: Axes, widths: list, sizes: list, title: str) -> None:
    axis.set(xlim=(-0.5, len(sizes) - 0.5), ylim=(-0.5, len(widths) - 0.5))
    axis.set(xticks=range(len(sizes)), yticks=range(len(widths)))
    axis.set_xticklabels([f"{size:g}" for size in sizes])
    axis.set_yticklabels(map(str, widths))
    axis.set(xlabel="size of the start", ylabel="width d", title=title)
    axis.grid(visible=False)
    for edge in range(1, len(sizes)):
        axis.axvline(edge - 0.5, color=MUTED, lw=0.4)
    for edge in range(1, len(widths)):
        axis.axhline(edge - 0.5, color=MUTED, lw=0.4)


def _rank_axis(axis: Axes, widths: list) -> Text:
    axis.axhline(CLASSES, color=COLORS["collapse"], ls="--", lw=1.2)
    axis.set(xlim=(-0.5, len(widths) - 0.5), ylim=(-0.6, CLASSES * 1.12), xlabel="width d")
    axis.set(xticks=range(len(widths)), ylabel="rank of the leanest layer")
    axis.set_xticklabels(map(str, widths))
    return axis.set_title("ranks")


def _dots(axis: Axes, end: str, size: Number) -> Line2D:
    (dots,) = axis.plot([], [], LOOKS[end], color=COLORS[end], ms=size, mew=1.6)
    return dots


def _words(rows: pd.DataFrame, depth: int, size: Number) -> str:
    said = []
    for width, of in rows.groupby("width"):
        counts = of.end.value_counts()
        ends = ", ".join(
            f"{counts[end]} {name.split(',')[0]}"
            for end, name in zip(ENDS, NAMES, strict=True)
            if end in counts
        )
        said.append(f"width {width}: {ends}, mean rank {of['rank'].mean():.1f}")
    return f"{depth} layers, start of size {size:g}, by seeds. {'; '.join(said)}."
