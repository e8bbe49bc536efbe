"""Sliders over runs that the collapse player plays: ``replay``.

In a live notebook every slider change makes the run and plays it in the same place, seen by the
same camera. Where no kernel answers (built pages, hosts without a widget manager) all runs are made
beforehand, and one page holds them, one player and the same sliders.
"""

from __future__ import annotations

import html
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from nclib.host import serves_browser, shows_html
from nclib.player.page import asset, module_of, page, strict_json
from nclib.player.player import FILES, CollapsePlayer, Recorded, framed, joined
from nclib.widgets import messages, sliders

MOST_RUNS = 60
MOST_BYTES = 6_000_000
Made = Recorded | tuple[Recorded, Recorded]


class Replay:
    """What ``replay`` returns; as the last value of a cell it shows itself.

    Attributes:
        controls: the ipywidgets sliders by name; setting a ``value`` makes a run and shows it.
        player: the one ``CollapsePlayer``.
    """

    def __init__(
        self,
        make: Callable[..., Made],
        choices: dict[str, Sequence],
        start: dict[str, Any],
        *,
        on_release: bool,
        at_end: bool,
    ) -> None:
        sliders.check_choices(choices, start)
        self._make, self._choices, self._start = make, choices, start
        self._on_release, self._at_end = on_release, at_end
        self.player = self._played(start)
        self.controls: dict[str, Any] = {}

    def _played(self, values: dict[str, Any]) -> CollapsePlayer:
        settings = sliders.settings_of(values)
        return CollapsePlayer(*self._runs(values), settings=settings, at_end=self._at_end)

    def _runs(self, values: dict[str, Any]) -> tuple[Recorded, ...]:
        made = self._make(**values)
        runs = tuple(made) if isinstance(made, tuple | list) else (made,)
        if len(runs) not in (1, 2) or not all(isinstance(run, Recorded) for run in runs):
            raise ValueError(
                f"make returned {type(made).__name__} at {sliders.settings_of(values)}; expected "
                "what has a payload(), as a Trajectory, or a pair of such"
            )
        return runs

    def widget(self) -> Any:
        """Sliders above the player, as one ipywidget."""
        import ipywidgets

        self._message = ipywidgets.HTML()
        self.controls = sliders.as_widgets(
            self._choices, self._start, self._replay, on_release=self._on_release
        )
        return ipywidgets.VBox([*self.controls.values(), self._message, self.player.widget()])

    def _replay(self, _: Any) -> None:
        """Play the sliders' run; an error stands in the page, or is raised if none is open."""
        values = {name: control.value for name, control in self.controls.items()}
        try:
            self.player.show(
                *self._runs(values), settings=sliders.settings_of(values), as_before=True
            )
            self._message.value = messages.unseen(self._words())
        except Exception:
            self._message.value = messages.alert(traceback.format_exc(limit=-3))
            if not serves_browser():
                raise

    def _words(self) -> str:
        """What is on show, for those who do not see it."""
        return f"{self.player.payload['settings']}: {self.player.title}"

    def __repr__(self) -> str:
        return f"Sliders over {', '.join(map(sliders.words_of, self._choices))}: {self._words()}"

    def _repr_mimebundle_(self, **_: Any) -> Any:
        if shows_html():
            return {"text/html": self.to_html(), "text/plain": repr(self)}, {}
        return messages.view(self.widget()) | {"text/plain": repr(self)}, {}

    def to_html(self) -> str:
        """Sliders and player over all runs, made beforehand, in a frame of their own.

        Raises:
            ValueError: if there are more than 60 combinations, or their runs have more than 6 MB.
        """
        sliders.check_count(self._choices, MOST_RUNS, "runs would have to be made")
        made = [self._played(values) for values in sliders.combinations(self._choices)]
        state = {
            "sliders": sliders.as_json(self._choices, self._start),
            "payloads": [player.payload for player in made],
            "at_end": self._at_end,
        }
        size = len(strict_json(state).encode())
        if size > MOST_BYTES:
            raise ValueError(
                f"the {len(made)} runs have {size / 1e6:.1f} MB for a page without a kernel (at "
                f"most {MOST_BYTES / 1e6:.0f}); give the sliders fewer values, or make shorter runs"
            )
        title = f"Player under {', '.join(map(sliders.words_of, self._choices))}"
        inside = page(
            title=html.escape(title),
            style=asset("explore.css", __file__) + asset("player.css"),
            body=f'<main aria-label="{html.escape(title)}">\n<div id="sliders"></div>\n'
            '<div id="player"></div>\n</main>\n'
            "<noscript>The collapse player needs JavaScript.</noscript>",
            state=state,
            script=module_of(joined(*FILES), sliders.SCRIPT, asset("replay.js", __file__)),
        )
        heights = [player.heights() for player in made]
        above = 38 * len(self._choices) + 8
        wide, narrow = (above + max(each) for each in zip(*heights, strict=True))
        return framed(inside, title, wide, narrow)


def replay(
    make: Callable[..., Made],
    *,
    start: dict[str, Any] | None = None,
    on_release: bool = False,
    at_end: bool = False,
    **choices: Sequence,
) -> Replay:
    """Bind sliders to a function that makes, or finds, runs; one player shows them.

    Another run comes into the same place: the camera stays, and so does the moment, at the start,
    at the end or at the same share of the run. If the player plays, it plays the new run from its
    start.

    Args:
        make: called with one value of each choice by name; returns what has a ``payload()`` as
            the player reads it, a ``Trajectory`` for one, or a pair of such to stand beside each
            other.
        start: values to begin with; the first of each choice when not given.
        on_release: make a run when a slider is let go, not while it moves.
        at_end: begin at the end of the first run, not at its start: for what comes out is to be
            seen before the way to it.
        choices: the values of each slider, at least two; in all at most 60 combinations where the
            page has no kernel.

    Raises:
        ValueError: for a choice of fewer than two values, a start that is not among them, or
            when ``make`` returns something else.
    """
    if not callable(make):
        raise ValueError(f"make is {make!r}; give a function of the sliders' values")
    first = sliders.first_of(choices)
    return Replay(make, choices, first | (start or {}), on_release=on_release, at_end=at_end)
