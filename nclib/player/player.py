"""The collapse player: a recorded run as a moving picture, in a notebook or as a page of its own.

One JavaScript module draws it, in files that are joined here. Two wrappers bring it to the
screen: an anywidget (the kernel sees the frame), and self-contained HTML (no kernel, no network).
"""

from __future__ import annotations

import functools
import html
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from nclib.files import atomic_write
from nclib.host import shows_html
from nclib.player.page import asset, module_of, page, strict_json

FILES = (
    *("player_words.js", "player_body.js", "player_geometry.js", "player_sprites.js"),
    *("player_struts.js", "player_scene.js", "player_curves.js", "player_telling.js"),
    *("player_page.js", "player_input.js", "player.js"),
)


@runtime_checkable
class Recorded(Protocol):
    """All that the player knows of a run."""

    def payload(self) -> dict[str, Any]:
        """JSON values as ``Trajectory.payload`` makes them."""


class CollapsePlayer:
    """Plays a recorded run: features, class means and classifier on their way to the simplex ETF.

    As the last value of a cell it shows itself: as an anywidget, or as self-contained HTML in
    Colab, where anywidget is missing, and with ``NCLIB_WIDGETS=html`` (built pages).

    With a second run the two are played beside each other, by one clock over the measured epochs
    of both, with one camera and one choice of classes: each shows its state at the clock's epoch,
    between two of its own measured epochs if need be, and rests when it has come to its end.

    Args:
        trajectory: what was recorded, a ``Trajectory`` or anything with its ``payload()``.
        other: a second run to compare it with, of the same classes.
        height: of the picture in pixels, without the controls (at most: beside each other, or on
            a narrow page, pictures are square).
        classes: names or indices of the three or four classes to begin with; all when not given.
        settings: of sliders beside it, in words; they stand behind the title.
        at_end: begin at the last epoch, not at the first.

    Raises:
        ValueError: for a trajectory in which nothing was recorded; for runs whose classes have
            other names; for classes that are unknown, repeated, or not three or four.

    Attributes:
        epochs: the measured epochs in order, of both runs together; ``frame`` counts in them.
        title: of the run, or of both.
    """

    def __init__(
        self,
        trajectory: Recorded,
        other: Recorded | None = None,
        *,
        height: int = 540,
        classes: Sequence[str | int] | None = None,
        settings: str = "",
        at_end: bool = False,
    ) -> None:
        self._height = height
        self._take(trajectory, other, settings)
        self._selected = _class_indices(classes, self._names)
        self._frame = len(self.epochs) - 1 if at_end else 0

    def _take(self, trajectory: Recorded, other: Recorded | None, settings: str) -> None:
        runs = [run.payload() for run in (trajectory, other) if run is not None]
        names = [run["class_names"] for run in runs]
        if names[0] != names[-1]:
            raise ValueError(
                f"other has the classes {names[-1]}; expected those of trajectory, {names[0]}: "
                "compare runs on the same classes"
            )
        self.epochs = tuple(sorted({epoch for run in runs for epoch in run["epochs"]}))
        self.title = " | ".join(run["title"] for run in runs)
        self.payload = {"runs": runs, "epochs": list(self.epochs), "height": self._height}
        self.payload |= {"settings": settings} if settings else {}
        self._names = names[0]

    def show(
        self,
        trajectory: Recorded,
        other: Recorded | None = None,
        *,
        settings: str = "",
        as_before: bool = False,
    ) -> None:
        """Play another run, or two, in the same place, beginning at the end.

        The classes on show stay chosen if the run has the same ones.

        Args:
            trajectory: as for a new player, as are ``other`` and ``settings``.
            other: beside it.
            settings: behind the title.
            as_before: stand where the run before stood, at the start, at the end or at the same
                share between them; what plays goes on playing, from its start.

        Raises:
            ValueError: as for a new player; the run on show then stays.
        """
        names, share = self._names, self.frame / max(len(self.epochs) - 1, 1)
        selected = self.selected
        self._take(trajectory, other, settings)
        self.payload |= {"as_before": True} if as_before else {}
        self._selected = list(selected) if self._names == names else []
        self._frame = round((share if as_before else 1) * (len(self.epochs) - 1))
        if "_widget" in self.__dict__:
            self._widget.take(self.payload, self._selected, self._frame)

    @functools.cached_property
    def _widget(self) -> Any:
        return _widget_class()(self.payload, selected=self._selected, frame=self._frame)

    def widget(self) -> Any:
        """The anywidget, to link, to observe or to put into a box; always the same one."""
        return self._widget

    @property
    def frame(self) -> int:
        """Index in ``epochs`` of the one on show, as of when the player last came to rest."""
        return self._widget.frame if "_widget" in self.__dict__ else self._frame

    @property
    def selected(self) -> tuple[int, ...]:
        """Indices of the classes on show, in both pictures of two; empty for all."""
        return tuple(self._widget.selected if "_widget" in self.__dict__ else self._selected)

    def to_html(self) -> str:
        """One self-contained page: plays with no kernel and no network."""
        state = {"payload": strict_json(self.payload), "frame": self.frame}
        state["selected"] = list(self.selected)
        title = html.escape(f"Collapse player: {self.title}")
        return page(
            title=title,
            style=asset("page.css") + asset("player.css"),
            body=f'<main id="player" aria-label="{title}"></main>\n'
            "<noscript>The collapse player needs JavaScript.</noscript>",
            state=state,
            script=joined(*FILES, "player_model.js"),
        )

    def save_html(self, path: str | os.PathLike[str]) -> Path:
        """Write ``to_html()`` to ``path`` and return the path; ValueError for no place for it."""
        with atomic_write(path) as file:
            file.write(self.to_html().encode())
        return Path(path)

    def __repr__(self) -> str:
        measured = f"{len(self.epochs)} measured epochs"
        return f"CollapsePlayer({self.title!r}, {measured}; .save_html(path) keeps it)"

    def _repr_mimebundle_(self, **_: Any) -> Any:
        if shows_html():
            return {"text/html": self._iframe(), "text/plain": repr(self)}
        data, metadata = self.widget()._repr_mimebundle_()
        return {**data, "text/plain": repr(self)}, metadata

    def _iframe(self) -> str:
        return framed(self.to_html(), f"Collapse player: {self.title}", *self.heights())

    def heights(self) -> tuple[int, int]:
        """Pixels that a page of it takes, on a wide page and on a narrow one."""
        rows = 1 + sum(len(name) + 5 for name in self._names) // 100
        runs, wide = self.payload["runs"], self.payload["height"] + 210 + 30 * rows
        fewer = 96 * (7 - len(runs[0]["panels"])) if "kind" in runs[0] else 0  # below the picture
        return (wide, 1470 - fewer) if len(runs) == 1 else (wide + 290, 1960 - fewer)


def framed(inside: str, title: str, wide: int, narrow: int) -> str:
    """A page in a frame that cannot reach out; ``title`` is plain text, heights are in pixels."""
    kind = (
        f"nc-frame-{wide}-{narrow}"  # a page cannot look into the frame: two heights, by its width
    )
    return (
        f"<style>.{kind} {{ height: {wide}px; }} @media (max-width: 880px) "
        f"{{ .{kind} {{ height: {narrow}px; }} }}</style>"
        f'<iframe class="{kind}" srcdoc="{html.escape(inside)}" width="100%" '
        f'title="{html.escape(title)}" style="border: 0" sandbox="allow-scripts"></iframe>'
    )


def _class_indices(classes: Sequence[str | int] | None, names: Sequence[str]) -> list[int]:
    """Sorted indices of the chosen classes; empty for all."""
    if classes is None:
        return []
    by_name = {name: index for index, name in enumerate(names)}
    unknown = [c for c in classes if c not in by_name and c not in range(len(names))]
    if unknown:
        raise ValueError(f"classes has {unknown[0]!r}; expected indices or names: {list(names)}")
    chosen = sorted({by_name[c] if c in by_name else int(c) for c in classes})
    if len(chosen) == len(names):
        return []
    if len(chosen) not in (3, 4) or len(chosen) != len(classes):
        raise ValueError(f"classes is {list(classes)}; choose three or four different ones")
    return chosen


# Joining and wrapping


def joined(*names: str) -> str:
    """Files of this room as one module."""
    return module_of(*map(asset, names))


@functools.cache
def _widget_class() -> type:
    """The anywidget class, made on first use: nclib imports and saves pages without anywidget."""
    import anywidget
    import traitlets

    class PlayerWidget(anywidget.AnyWidget):
        _esm = joined(*FILES)
        _css = asset("player.css")
        payload = traitlets.Unicode().tag(sync=True)
        frame = traitlets.Int(0).tag(sync=True)
        selected = traitlets.List(traitlets.Int()).tag(sync=True)

        def __init__(self, payload: dict[str, Any], **traits: Any) -> None:
            self._know(payload)
            super().__init__(payload=strict_json(payload), **traits)

        def _know(self, payload: dict[str, Any]) -> None:
            self.class_names = payload["runs"][0]["class_names"]
            self.last_frame = len(payload["epochs"]) - 1

        def take(self, payload: dict[str, Any], selected: list[int], frame: int) -> None:
            """Another payload, in one message."""
            self._know(payload)
            with self.hold_sync():
                self.selected, self.frame = selected, frame
                self.payload = strict_json(payload)

        @traitlets.validate("selected")
        def _known(self, proposal: Any) -> list[int]:
            return _class_indices(proposal.value or None, self.class_names)

        @traitlets.validate("frame")
        def _recorded(self, proposal: Any) -> int:
            if not 0 <= proposal.value <= self.last_frame:
                raise ValueError(f"frame is {proposal.value}; expected 0 to {self.last_frame}")
            return proposal.value

    return PlayerWidget
