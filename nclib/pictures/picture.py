"""Pictures: matplotlib figures that know their words, and that can be kept and redrawn in part.

Built without pyplot: nothing is shown twice, nothing leaks, and widgets may draw from any thread.
"""

from __future__ import annotations

import functools
import io
import os
import threading
from collections.abc import Callable, Iterable

import matplotlib
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from nclib.palette import FAINT, INK, MUTED
from nclib.runtime import profile
from nclib.shapes import Number
from nclib.texts import readable, shortened

STYLE = {
    "font.size": 9.5, "axes.titlesize": 9.5, "axes.labelsize": 9, "legend.fontsize": 9,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": MUTED,
    "axes.titlelocation": "left",
    "xtick.color": MUTED, "ytick.color": MUTED, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "axes.spines.top": False, "axes.spines.right": False, "lines.linewidth": 1.8,
    "axes.grid": True, "grid.color": FAINT, "grid.alpha": 0.5, "grid.linewidth": 0.6,
    "legend.frameon": False, "figure.facecolor": "white", "axes.formatter.use_mathtext": True,
    "axes.formatter.limits": (-3, 4),
}  # fmt: skip
house_style = matplotlib.rc_context(STYLE)  # decorates what draws, whatever the session's style
_drawing = threading.RLock()  # matplotlib's text layout and fonts are shared between figures


class Picture(Figure):
    """A figure with ``alt``, its content in words; in a notebook it shows itself as a PNG.

    Artists given to ``keep_moving`` are redrawn over a kept background, which takes a tenth of the
    time of drawing everything: that is what a picture under a slider needs.
    """

    def __init__(self, *, alt: str = "", **options: object) -> None:
        dpi = float(os.environ.get("NCLIB_DPI", "100"))  # more for slides
        super().__init__(layout="constrained", dpi=dpi, **options)
        FigureCanvasAgg(self)
        self.alt = alt
        self._moving: list[Artist] = []
        self._still: object | None = None  # the background, once it is drawn
        self._png: bytes | None = None  # all of it, when nothing changes any more

    def keep_moving(self, artists: Iterable[Artist]) -> None:
        """From now on only these change; everything else is drawn once, at the next ``png``."""
        self._moving = sorted(artists, key=lambda artist: artist.get_zorder())
        for artist in self._moving:
            artist.set_animated(True)
        self._still = None

    def finished(self) -> Picture:
        """Draw it now and keep the PNG: for pictures that a slider only chooses among."""
        self._png = self.png()
        return self

    def image(self) -> Image.Image:
        """The figure as an RGB image."""
        with _drawing, matplotlib.rc_context(STYLE):
            if self._still is None:
                self.canvas.draw()
                self.set_layout_engine("none")  # solving the layout anew is most of a drawing
                self._still = self.canvas.copy_from_bbox(self.bbox)
            self.canvas.restore_region(self._still)
            for artist in self._moving:
                artist.draw(self.canvas.get_renderer())
            size = self.canvas.get_width_height()
            return Image.frombuffer("RGBA", size, self.canvas.buffer_rgba()).convert("RGB")

    def png(self) -> bytes:
        """The figure as PNG."""
        if self._png is not None:
            return self._png
        buffer = io.BytesIO()
        if self._moving:
            self.image().save(buffer, "png", compress_level=1)
        else:
            with _drawing, matplotlib.rc_context(STYLE):
                self.savefig(buffer, format="png")
        return buffer.getvalue()

    def _repr_mimebundle_(self, **_: object) -> tuple[dict, dict]:
        data = {"image/png": self.png(), "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt}}


def label(name: object, longest: int = 20) -> str:
    """A name from outside for a figure's text: readable, not too long, its dollars as they are."""
    return shortened(readable(name), longest).replace("$", r"\$")


Kept = Callable[..., Picture]  # moves what is kept, and returns always the same picture


def kept(figure: Picture, *moving: Artist) -> Callable[[Callable[..., str]], Kept]:
    """Make a function that moves ``moving``, and says what is seen then, into a kept picture.

    ``@kept(figure, line, title)`` above ``def at(time): …; return "words"`` gives a function of the
    same arguments that redraws only what moves, under the house style, sets ``figure.alt`` to the
    words, and returns the figure: what ``explore`` takes.
    """
    figure.keep_moving(moving)

    def of(move: Callable[..., str]) -> Kept:
        @functools.wraps(move)
        def moved(*args: object, **options: object) -> Picture:
            with matplotlib.rc_context(STYLE):
                figure.alt = move(*args, **options)
            return figure

        return moved

    return of


def picture(
    rows: int = 1,
    columns: int = 1,
    *,
    size: tuple[Number, Number],
    mosaic: list[list[str]] | None = None,
    **options: object,
) -> tuple:
    """A Picture of ``size`` inches (at most 9 wide) and its axes, in house style.

    The axes are those of ``rows`` and ``columns``, or a dict of those that ``mosaic`` names.
    """
    figure = Picture(figsize=size)
    if mosaic is None:
        axes = figure.subplots(rows, columns, **options)
    else:
        axes = figure.subplot_mosaic(mosaic, **options)
    if profile() == "ci":
        figure.text(0.995, 0.995, "profile ci", ha="right", va="top", fontsize=7, color=MUTED)
    return figure, axes
