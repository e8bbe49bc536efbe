"""Two reports side by side, such as before and after fine-tuning."""

from __future__ import annotations

import math
import re
from typing import Any
from xml.etree.ElementTree import Element

import pandas as pd

from nclib.measuring.reports.collapse_report import LAST, CollapseReport
from nclib.measuring.reports.report_html import folded, lines, opened, page, picture, table, tag
from nclib.measuring.reports.report_text import aligned, title, warnings_of, wrapped
from nclib.measuring.reports.report_words import WORDS, end_of, number, short_name
from nclib.texts import readable, shortened

NOT_COMPARED = ("environment",)  # date and versions: in the reports themselves


class Comparison:
    """What two reports say of the same quantities.

    Attributes:
        before, after: the reports.
        names: theirs.
        settings: (what, before, after) wherever what was taken differs: the model, the classifier,
            samples, layers …
    """

    def __init__(
        self, before: CollapseReport, after: CollapseReport, names: tuple[str, str]
    ) -> None:
        if not isinstance(after, CollapseReport):
            raise ValueError(f"other is a {type(after).__name__}; give a CollapseReport")
        if len(names) != 2 or names[0] == names[1]:
            raise ValueError(f"names are {names!r}; give two that differ")
        self.before, self.after, self.names = before, after, tuple(map(str, names))
        self.settings = _differing(before, after)

    def to_frame(self) -> pd.DataFrame:
        """A row for each split, layer and quantity: both values and ``ratio``, after over before.

        A quantity that one of the two lacks is NaN there.
        """
        keys = ["split", "layer", "quantity"]
        found = [one.to_frame().set_index(keys) for one in (self.before, self.after)]
        order = list(dict.fromkeys([*found[0].index, *found[1].index]))
        columns = [one["value"].reindex(order) for one in found]
        made = pd.concat(columns, axis=1, keys=self.names)
        made["ratio"] = [_ratio(*pair) for pair in zip(*columns, strict=True)]
        return made.reset_index()

    def __repr__(self) -> str:
        told = [
            wrapped(f"{name}: {line}", "  ")
            for name, report in self._both()
            for line in warnings_of(report)
        ]
        blocks = [wrapped(self._title()), "\n".join(map(wrapped, self._differences()))]
        blocks += [aligned(self._header("quantity"), self._numbers()), "\n".join(told)]
        blocks.append(aligned(self._header("NC1 at layer"), self._layers()))
        return "\n\n".join(filter(None, blocks))

    def _repr_html_(self) -> str:
        sides = [tag("div", *self._side(name, report)) for name, report in self._both()]
        inner = self._layers()
        return page(
            self._title(),
            tag("p", self._title(), class_="nc-title"),
            *lines(self._differences()),
            table("Quantities", self._header("quantity"), self._numbers(), [1]),
            folded("NC1 by layer", self._header("layer"), inner, [1]) if inner else None,
            tag("div", *sides, class_="nc-beside"),
        )

    def _side(self, name: str, report: CollapseReport) -> list[Element]:
        head = tag("p", readable(f"{name}: {title(report)}"), class_="nc-title")
        drawn = picture(report, [self.before, self.after])
        told = [*opened(report)[1:], *lines(warnings_of(report))]
        return [head, *told, *([] if drawn is None else [drawn])]

    def _both(self) -> list[tuple[str, CollapseReport]]:
        return list(zip(self.names, (self.before, self.after), strict=True))

    def _title(self) -> str:
        return readable(f"Collapse compared: {self.names[0]} and {self.names[1]}")

    def _differences(self) -> list[str]:
        """Settings that differ, a line each; else that none do."""
        if not self.settings:
            return ["The same classifier, samples and layers were measured."]
        return [
            f"Differs: {what}: {_shown(old)} ({short_name(self.names[0])}), {_shown(new)} "
            f"({short_name(self.names[1])})."
            for what, old, new in self.settings
        ]

    def _header(self, first: str) -> list[str]:
        return [first, "split", *(short_name(name, 12) for name in self.names), "ratio"]

    def _numbers(self) -> list[list[str]]:
        """Rows of text of what the classifier reads."""
        made = self.to_frame()
        found = _tuples(made[made.layer == LAST])
        place = {name: i for i, name in enumerate(WORDS)}
        splits = list(dict.fromkeys(one[0] for one in found))
        found.sort(key=lambda one: (splits.index(one[0]), place.get(one[2], len(place))))
        return [_row(one, WORDS.get(one[2], readable(one[2]))) for one in found]

    def _layers(self) -> list[list[str]]:
        """Rows of text of NC1 in each layer."""
        made = self.to_frame()
        inner = made[(made.layer != LAST) & (made.quantity == "nc1")]
        return [_row(one, end_of(one[1])) for one in _tuples(inner)]


def _row(one: tuple, words: str) -> list[str]:
    split, _, name, old, new, ratio = one
    values = [number(_known(value, name), name) for value in (old, new)]
    return [words, shortened(readable(split), 8), *values, number(_known(ratio))]


def _tuples(made: pd.DataFrame) -> list[tuple]:
    return list(made.itertuples(index=False, name=None))


def _ratio(before: float, after: float) -> float:
    if before == 0:
        return math.nan if after == 0 or math.isnan(after) else math.copysign(math.inf, after)
    return after / before


def _known(value: float, name: str = "") -> float | int | None:
    """None for what a report lacks; a whole number for a rank."""
    if math.isnan(value):
        return None
    return int(value) if name == "rank" else value


def _settings(report: CollapseReport) -> dict[str, Any]:
    """What was taken, without the digits to which it was checked, and the layers' names."""
    taken = {
        name: re.sub(r" checked to [\d.e+-]+", "", value) if name == "classifier" else value
        for name, value in report.taken.items()
    }
    return taken | {"layers": list(dict.fromkeys(row["layer"] for row in report.layers))}


def _differing(before: CollapseReport, after: CollapseReport) -> list[tuple[str, Any, Any]]:
    old, new = (_settings(report) for report in (before, after))
    names = [name for name in dict.fromkeys([*old, *new]) if name not in NOT_COMPARED]
    return [
        (name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)
    ]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{key} {one}" for key, one in value.items())
    if isinstance(value, list):
        value = ", ".join(map(str, value)) or "none"
    return "not told" if value is None else shortened(readable(value), 160)
