"""Sliders over a pure function that draws: ``explore``.

In a live notebook every slider change calls the function and shows the new picture. Where no kernel
answers (built pages, hosts without a widget manager) all pictures are drawn beforehand and the same
sliders work in the browser alone.
"""

from __future__ import annotations

import base64
import html
import io
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from nclib.host import serves_browser, shows_html
from nclib.pictures.picture import Picture
from nclib.player.page import asset, module_of, page
from nclib.widgets import messages
from nclib.widgets.sliders import (
    SCRIPT,
    as_json,
    as_widgets,
    check_choices,
    check_count,
    combinations,
    first_of,
    words_of,
)

MOST_PICTURES = 120


class Explorer:
    """What ``explore`` returns; as the last value of a cell it shows itself.

    Attributes:
        controls: the ipywidgets sliders by name; setting a ``value`` draws.
        picture: the ``Picture`` on show.
    """

    def __init__(
        self,
        draw: Callable[..., Picture],
        choices: dict[str, Sequence],
        start: dict[str, Any],
        on_release: bool,
    ) -> None:
        check_choices(choices, start)
        self._draw, self._choices, self._start = draw, choices, start
        self._on_release = on_release
        self.picture = draw(**start)
        self.controls: dict[str, Any] = {}

    def widget(self) -> Any:
        """Sliders above the picture, as one ipywidget."""
        import ipywidgets

        self._image = ipywidgets.Image(value=self.picture.png(), layout=messages.AS_IT_IS)
        self._message = ipywidgets.HTML()
        self.controls = as_widgets(
            self._choices, self._start, self._redraw, on_release=self._on_release
        )
        return ipywidgets.VBox([*self.controls.values(), self._message, self._image])

    def _redraw(self, _: Any) -> None:
        """Draw the sliders' values; an error stands in the page, or is raised if none is open."""
        values = {name: control.value for name, control in self.controls.items()}
        try:
            self.picture = self._draw(**values)
            self._image.value = self.picture.png()
            self._message.value = messages.unseen(self.picture.alt)
        except Exception:
            self._message.value = messages.alert(traceback.format_exc(limit=-3))
            if not serves_browser():
                raise

    def _repr_mimebundle_(self, **_: Any) -> Any:
        data, metadata = self.picture._repr_mimebundle_()
        if shows_html():
            return {"text/html": self.to_html(), "text/plain": self.picture.alt}, {}
        return data | messages.view(self.widget()) | {"text/plain": self.picture.alt}, metadata

    def to_html(self) -> str:
        """The sliders with every picture drawn beforehand, in a frame of their own.

        Raises:
            ValueError: if there are more than 120 combinations; thin the values out.
        """
        check_count(self._choices, MOST_PICTURES, "pictures would have to be drawn")
        drawn = (self._drawn(**values) for values in combinations(self._choices))
        pictures, alts = zip(*drawn, strict=True)
        sliders = as_json(self._choices, self._start)
        first, alt = self._drawn(**self._start)  # last: a kept picture shows the start
        inside = page(
            title="Picture with sliders",
            style=asset("explore.css", __file__),
            body=f'<div id="sliders"></div>\n<img id="picture" alt="{html.escape(alt)}" '
            f'src="data:image/png;base64,{first}">\n<p id="words" role="status"></p>',
            state={"sliders": sliders, "pictures": pictures, "alts": alts},
            script=module_of(SCRIPT, asset("explore.js", __file__)),
        )
        title = html.escape(f"Picture under {', '.join(map(words_of, self._choices))}")
        width, height = self.picture.canvas.get_width_height()
        return (
            f'<iframe srcdoc="{html.escape(inside)}" sandbox="allow-scripts" '
            f'title="{title}" width="100%" height="{height + 20 + 38 * len(sliders)}" '
            f'style="border: 0; max-width: {width + 20}px"></iframe>'
        )

    def _drawn(self, **values: Any) -> tuple[str, str]:
        """A combination's picture, as small base64 PNG, and its words."""
        picture = self._draw(**values)
        buffer = io.BytesIO()  # in 128 colours it has about a third of the size
        picture.image().quantize(128).save(buffer, "png", optimize=True)
        return base64.b64encode(buffer.getvalue()).decode(), picture.alt


def explore(
    draw: Callable[..., Picture],
    *,
    start: dict[str, Any] | None = None,
    on_release: bool = False,
    **choices: Sequence,
) -> Explorer:
    """Bind sliders to a pure function that draws.

    Args:
        draw: called with one value of each choice by name; returns a ``Picture``, a new one or
            always the same (a ``kept`` one takes a tenth of the time).
        start: values to begin with; the first of each choice when not given.
        on_release: draw when a slider is let go, not while it moves (for what takes a second).
        choices: the values of each slider, at least two.

    Raises:
        ValueError: for a choice of fewer than two values, or a start that is not among them.
    """
    if not callable(draw):
        raise ValueError(f"draw is {draw!r}; give a function of the sliders' values")
    first = first_of(choices)
    return Explorer(draw, choices, first | (start or {}), on_release)
