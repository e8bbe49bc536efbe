"""Sliders over combinations of values: as ipywidgets, and for a page that no kernel answers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from nclib.player.page import asset
from nclib.texts import text_of

SCRIPT = asset("sliders.js", __file__)  # the sliders of a page
Choices = Mapping[str, Sequence]


def first_of(choices: Choices) -> dict[str, Any]:
    """The first value of each; raises ValueError for no choice, or one of fewer than two values."""
    if not choices:
        raise ValueError("choices are empty; name a slider and its values: classes=[3, 4]")
    for name, values in choices.items():
        if not hasattr(values, "__len__"):
            raise ValueError(f"{name} is {values!r}; give the values of its slider: [3, 4]")
        if len(values) < 2:
            raise ValueError(f"{name} has {len(values)} values; a slider needs at least two")
    return {name: values[0] for name, values in choices.items()}


def check_choices(choices: Choices, start: Mapping[str, Any]) -> None:
    """Raises ValueError for a choice of fewer than two values, or a start not among them."""
    first_of(choices)
    for name, value in start.items():
        if name not in choices:
            raise ValueError(f"start names {name!r}; choose from {list(choices)}")
        if value not in list(choices[name]):
            raise ValueError(f"start of {name} is {value!r}; choose from {list(choices[name])}")


def check_count(choices: Choices, most: int, what: str) -> None:
    """Raises ValueError when a page would have to hold more than ``most`` combinations."""
    count = math.prod(len(values) for values in choices.values())
    if count > most:
        raise ValueError(
            f"{count} {what} for a page without a kernel; "
            f"give the sliders fewer values (at most {most} combinations)"
        )


def combinations(choices: Choices) -> Iterator[dict[str, Any]]:
    """Every combination of values by name; the last name changes fastest, as in ``sliders.js``."""
    for values in itertools.product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


def as_widgets(
    choices: Choices, start: Mapping[str, Any], moved: Callable[[Any], None], *, on_release: bool
) -> dict[str, Any]:
    """An ipywidgets slider for each choice, by name; ``moved`` observes their values."""
    import ipywidgets

    controls = {}
    for name, values in choices.items():
        controls[name] = ipywidgets.SelectionSlider(
            options=[(text_of(value), value) for value in values],
            value=start[name],
            description=words_of(name),
            continuous_update=not on_release,
            style={"description_width": "initial"},
            layout={"width": "min(460px, 96%)", "margin": "2px 8px"},
        )
        controls[name].observe(moved, "value")
    return controls


def as_json(choices: Choices, start: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What ``sliders.js`` needs to know of each."""
    return [
        {
            "name": words_of(name),
            "texts": [text_of(value) for value in values],
            "start": list(values).index(start[name]),
        }
        for name, values in choices.items()
    ]


def words_of(name: str) -> str:
    """A choice's name as it is read."""
    return name.replace("_", " ")


def settings_of(values: Mapping[str, Any]) -> str:
    """A combination in words: ``"C 7 · weight decay 0.005"``."""
    return " · ".join(f"{words_of(name)} {text_of(value)}" for name, value in values.items())
