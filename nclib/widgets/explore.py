"""Sliders over a pure function that draws: ``explore``.

In a live notebook every slider change calls the function and shows the new picture. Where no kernel
answers (built pages, hosts without a widget manager) all pictures are drawn beforehand and the same
sliders work in the browser alone.
"""

from __future__ import annotations

import base64
import html
import io
import itertools
import json
import math
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image

from nclib.host import serves_browser, shows_html
from nclib.pictures.picture import Picture
from nclib.widgets import messages

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
        for name, values in choices.items():
            if len(values) < 2:
                raise ValueError(f"{name} has {len(values)} values; a slider needs at least two")
            if start[name] not in list(values):
                raise ValueError(f"start of {name} is {start[name]!r}; choose from {list(values)}")
        self._draw, self._choices, self._start = draw, choices, start
        self._on_release = on_release
        self.picture = draw(**start)
        self.controls: dict[str, Any] = {}

    def widget(self) -> Any:
        """Sliders above the picture, as one ipywidget."""
        import ipywidgets

        self._image = ipywidgets.Image(value=self.picture.png(), format="png")
        self._image.layout.max_width, self._image.layout.align_self = "100%", "flex-start"
        self._message = ipywidgets.HTML()
        for name, values in self._choices.items():
            self.controls[name] = ipywidgets.SelectionSlider(
                options=[(_text(value), value) for value in values],
                value=self._start[name],
                description=name.replace("_", " "),
                continuous_update=not self._on_release,
                style={"description_width": "initial"},
                layout={"width": "min(460px, 96%)", "margin": "2px 8px"},
            )
            self.controls[name].observe(self._redraw, "value")
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
        count = math.prod(len(values) for values in self._choices.values())
        if count > MOST_PICTURES:
            raise ValueError(
                f"{count} pictures would have to be drawn for a page without a kernel; "
                f"give the sliders fewer values (at most {MOST_PICTURES} combinations)"
            )
        drawn = [self._drawn(*values) for values in itertools.product(*self._choices.values())]
        sliders = [
            {
                "name": name.replace("_", " "),
                "texts": [_text(value) for value in values],
                "start": list(values).index(self._start[name]),
            }
            for name, values in self._choices.items()
        ]
        first = self._drawn(*self._start.values())  # last: a kept picture shows the start again
        state = {
            "sliders": sliders,
            "pictures": [p for p, _ in drawn],
            "alts": [a for _, a in drawn],
        }
        page = _PAGE.replace("@STATE@", json.dumps(state).replace("<", "\\u003c"))
        page = page.replace("@ALT@", html.escape(first[1])).replace("@FIRST@", first[0])
        title = html.escape(f"Picture under {', '.join(one['name'] for one in sliders)}")
        width, height = self.picture.canvas.get_width_height()
        return (
            f'<iframe srcdoc="{html.escape(page)}" sandbox="allow-scripts" '
            f'title="{title}" width="100%" height="{height + 20 + 38 * len(sliders)}" '
            f'style="border: 0; max-width: {width + 20}px"></iframe>'
        )

    def _drawn(self, *values: Any) -> tuple[str, str]:
        """A combination's picture, as small base64 PNG, and its words."""
        picture = self._draw(**dict(zip(self._choices, values, strict=True)))
        return base64.b64encode(_small(picture.image())).decode(), picture.alt


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
            always the same (one whose artists ``keep_moving`` takes a tenth of the time).
        start: values to begin with; the first of each choice when not given.
        on_release: draw when a slider is let go, not while it moves (for what takes a second).
        choices: the values of each slider, at least two.

    Raises:
        ValueError: for a choice of fewer than two values, or a start that is not among them.
    """
    first = {name: values[0] for name, values in choices.items()}
    return Explorer(draw, choices, first | (start or {}), on_release)


def _small(image: Image.Image) -> bytes:
    """A PNG in 128 colours, about a third of the size."""
    buffer = io.BytesIO()
    image.quantize(128).save(buffer, "png", optimize=True)
    return buffer.getvalue()


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Picture with sliders</title>
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; script-src 'unsafe-inline';
  style-src 'unsafe-inline'; img-src data:">
<style>
body { margin: 4px; font: 14px system-ui, sans-serif; color: #1c2330; background: #fff; }
label { display: flex; gap: 10px; align-items: center; height: 34px; }
input { flex: 0 1 320px; accent-color: #2563c9; }
output { font-variant-numeric: tabular-nums; }
img { max-width: 100%; height: auto; display: block; }
:focus-visible { outline: 2px solid #2563c9; outline-offset: 1px; }
#words { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (prefers-color-scheme: dark) {
  :root { color-scheme: dark; }
  body { color: #e8ecf2; background: #14181f; } img { border-radius: 8px; }
  input { accent-color: #6ea8ff; } :focus-visible { outline-color: #6ea8ff; }
}
</style>
<div id="sliders"></div>
<img id="picture" alt="@ALT@" src="data:image/png;base64,@FIRST@">
<p id="words" role="status"></p>
<script type="application/json" id="state">@STATE@</script>
<script type="module">
const { sliders, pictures, alts } = JSON.parse(document.getElementById("state").textContent);
const [picture, words] = ["picture", "words"].map((id) => document.getElementById(id));
const inputs = sliders.map(({ name, texts, start }) => {
  const label = document.createElement("label"), input = document.createElement("input");
  const output = document.createElement("output");
  Object.assign(input, { type: "range", min: 0, max: texts.length - 1, value: start });
  input.setAttribute("aria-label", name);
  input.dataset.lmSuppressShortcuts = "true";
  input.say = () => {
    output.textContent = texts[input.value];
    input.setAttribute("aria-valuetext", texts[input.value]);
  };
  input.addEventListener("input", show);
  input.addEventListener("change", () => { words.textContent = picture.alt; }); // read out
  output.setAttribute("aria-hidden", "true"); // the slider says it
  label.append(name, input, output);
  document.getElementById("sliders").append(label);
  return input;
});
function show() {
  const at = (sum, input, i) => sum * sliders[i].texts.length + Number(input.value);
  const index = inputs.reduce(at, 0);
  picture.src = "data:image/png;base64," + pictures[index];
  picture.alt = alts[index];
  inputs.forEach((input) => input.say());
}
show();
</script>
</html>
"""
