"""A collapse report as HTML: one piece without script or network, in any notebook and any theme."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, tostring

from nclib.measuring.reports.collapse_report import CollapseReport
from nclib.measuring.reports.report_picture import panels
from nclib.measuring.reports.report_text import (
    how_layers_were_read,
    layers_table,
    notes,
    numbers_table,
    opening,
    title,
    verdict,
    warnings_of,
)
from nclib.measuring.reports.report_words import number, short_name
from nclib.measuring.reports.which_class import ranked

SHOWN = 10  # classes and pairs; per_class and pairs have all
NO_MATHEMATICS = "tex2jax_ignore mathjax_ignore"  # names with dollars are names


def html(report: CollapseReport) -> str:
    """What was taken, numbers, which class, the picture, classes, pairs, layers, notes."""
    return page(
        title(report),
        *opened(report),
        numbers(report),
        tag("p", verdict(report)),
        *lines(warnings_of(report)),
        picture(report),
        classes(report),
        pairs(report),
        layers(report),
        bullets(notes(report)),
    )


def page(name: str, *parts: Element | None) -> str:
    """A section with our style; parts that are None are left out."""
    style = Path(__file__).with_name("collapse_report.css").read_text(encoding="utf-8")
    inside = [tag("style", style), *(part for part in parts if part is not None)]
    kind = f"nc-report {NO_MATHEMATICS}"
    section = tag("section", *inside, class_=kind, aria_label=name)
    return tostring(section, encoding="unicode", method="html")


def tag(name: str, *inside: Element | str, **attributes: Any) -> Element:
    """An element; text is escaped when it is written, and so are attributes."""
    names = {key.strip("_").replace("_", "-"): str(value) for key, value in attributes.items()}
    element = Element(name, names)
    for part in inside:
        if isinstance(part, str):
            element.text = (element.text or "") + part
        else:
            element.append(part)
    return element


def table(
    caption: str, header: Sequence[str], rows: Iterable[Sequence[str]], words: Sequence[int] = ()
) -> Element:
    """A table whose first column heads its rows; columns ``words`` are text, set to the left.

    It scrolls by itself where the page is narrow, by keyboard, too.
    """
    kinds = [{"class_": "nc-words"} if i in words else {} for i in range(len(header))]
    head = [
        tag("th", name, scope="col", **kind) if name else tag("td")
        for name, kind in zip(header, kinds, strict=True)
    ]
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(tag("td", cell, **kind) for cell, kind in zip(row[1:], kinds[1:], strict=True)),
        )
        for row in rows
    ]
    inside = [tag("thead", tag("tr", *head)), tag("tbody", *body)]
    made = tag("table", *inside, aria_label=caption)
    return tag("div", made, class_="nc-scroll", tabindex=0, role="region", aria_label=caption)


def folded(caption: str, *given: Any) -> Element:
    """A ``table`` below its caption, which opens it: long ones leave the page short."""
    return tag("details", tag("summary", caption), table(caption, *given))


def lines(told: Iterable[str]) -> list[Element]:
    """A paragraph each."""
    return [tag("p", one) for one in told if one]


def bullets(told: Sequence[str]) -> Element | None:
    """A list, or nothing."""
    return tag("ul", *(tag("li", one) for one in told)) if told else None


# The parts of a report


def opened(report: CollapseReport) -> list[Element]:
    """The title and what was taken."""
    return [tag("p", title(report), class_="nc-title"), tag("p", opening(report))]


def numbers(report: CollapseReport) -> Element | None:
    """Quantities by split; on the right the yardstick, in words."""
    splits, rows, limits = numbers_table(report)
    if not rows:
        return None
    said = [one.replace("✓", "✓ below").replace("✗", "✗ not below") for one in limits]
    with_limits = any(said)
    header = ["", *splits, *(["yardstick"] if with_limits else [])]
    shown = [[*row, one] if with_limits else row for row, one in zip(rows, said, strict=True)]
    return table("Collapse, split by split", header, shown, (len(splits) + 1,))


def picture(report: CollapseReport, compared: Sequence[CollapseReport] = ()) -> Element | None:
    """All panels, each with its words; with the axes of all that are compared."""
    images = [
        tag(
            "img",
            src=f"data:image/png;base64,{base64.b64encode(panel.png).decode()}",
            width=panel.width,
            height=panel.height,
            alt=panel.alt,
        )
        for panel in panels(report, compared)
    ]
    return tag("figure", *images) if images else None


def classes(report: CollapseReport) -> Element | None:
    """The classes that spread most, in each split."""
    splits = dict.fromkeys(row.get("split", "train") for row in report.classes)
    chosen = [row for split in splits for row in _most_spread(report.of(split))]
    if not chosen:
        return None
    header = ["class", *(["split"] if len(splits) > 1 else []), "samples", "nc1_c", "spread"]
    header += ["norm", "nearest", "cosine", "cosine to w_c", "accuracy", "NC4"]
    rows = [_class_row(row, len(splits) > 1) for row in chosen]
    total = max(len(report.of(split)) for split in splits)
    caption = f"Classes, most spread first ({min(SHOWN, total)} of {total:,}; all in per_class)"
    return folded(caption, header, rows, [header.index("nearest")])


def _most_spread(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return ranked(rows)[:SHOWN]


def _class_row(row: dict[str, Any], several: bool) -> list[str]:
    single = row.get("samples") == 1
    nearest = "–" if row.get("nearest") is None else short_name(row["nearest"])
    return [
        short_name(row["class"]),
        *([row.get("split", "train")] if several else []),
        "1 sample" if single else number(row.get("samples")),
        "–" if single else number(row.get("nc1_c")),
        number(row.get("spread")),
        number(row.get("norm")),
        nearest,
        number(row.get("cosine")),
        number(row.get("classifier_cosine")),
        number(row.get("accuracy"), "accuracy"),
        number(row.get("ncc_mismatch"), "ncc_mismatch"),
    ]


def pairs(report: CollapseReport) -> Element | None:
    """The least separated pairs."""
    if not report.pairs:
        return None
    rows = [
        [f"{short_name(one['a'])} and {short_name(one['b'])}", number(one["cdnv"])]
        for one in report.pairs[:SHOWN]
    ]
    return folded("Least separated pairs", ["pair", "CDNV"], rows)


def layers(report: CollapseReport) -> Element | None:
    """Layer by layer."""
    if not report.layers:
        return None
    header, rows = layers_table(report)
    how = how_layers_were_read(report)
    words = [i for i, name in enumerate(header) if name == "split"]
    return folded(f"Layers, first to last{f' ({how})' if how else ''}", header, rows, words)
