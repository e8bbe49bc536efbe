"""A collapse report in words and in tables of text: what a terminal shows, and HTML repeats."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from typing import Any

from nclib.measuring.reports.collapse_report import CollapseReport
from nclib.measuring.reports.report_words import (
    LAYER_WORDS,
    SHARES,
    SHORT,
    WORDS,
    end_of,
    listed,
    number,
    short_name,
)
from nclib.measuring.reports.which_class import not_told_apart
from nclib.quantities import COLLAPSED
from nclib.texts import readable, shortened

WIDTH = 80


# What was taken


def title(report: CollapseReport) -> str:
    """What was measured, and on what."""
    taken = report.taken
    where = " on ".join(str(taken[key]) for key in ("dtype", "device") if taken.get(key))
    ranks = taken.get("ranks") or 1
    ranks = f"{ranks} ranks" if ranks != 1 else ""
    model = f"Neural collapse of {taken.get('model', 'a model')}"
    return readable(", ".join(filter(None, (model, where, ranks))))


def opening(report: CollapseReport) -> str:
    """One sentence: classifier, samples, mode, absent classes; how layers were read."""
    taken = report.taken
    mode = str(taken.get("mode") or "mode not told")
    parts = [
        taken.get("classifier") or "no classifier",
        samples(taken),
        mode if "mode" in mode else f"{mode} mode",
        f"classes absent: {listed(taken.get('absent') or []) or 'none'}",
    ]
    return readable("; ".join(filter(None, parts))) + "."


def samples(taken: dict[str, Any]) -> str:
    """Such as "1,797 of 1,797 samples", of each split where there are several."""
    seen, of = (_by_split(taken.get(key)) for key in ("samples", "of"))
    told = {
        split: f"{count:,}" + (f" of {of[split]:,}" if of.get(split) is not None else "")
        for split, count in seen.items()
    }
    if len(told) == 1:
        return f"{next(iter(told.values()))} samples"
    return "samples: " + ", ".join(f"{split} {one}" for split, one in told.items()) if told else ""


def _by_split(given: Any) -> dict[str, Any]:
    if isinstance(given, dict):
        return {split: count for split, count in given.items() if count is not None}
    return {} if given is None else {"train": given}


# Numbers by split


def numbers_table(report: CollapseReport) -> tuple[list[str], list[list[str]], list[str]]:
    """Splits, rows of a quantity's words and its numbers, and its place against the yardstick."""
    found = report.numbers
    names = dict.fromkeys([*WORDS, *(name for numbers in found.values() for name in numbers)])
    names = [name for name in names if any(name in numbers for numbers in found.values())]
    rows = [
        [WORDS.get(name, readable(name)), *(number(of.get(name), name) for of in found.values())]
        for name in names
    ]
    limits = [_limit(name, found.get("train")) for name in names]
    return [shortened(readable(split), 10) for split in found], rows, limits


def _limit(name: str, train: dict[str, Any] | None) -> str:
    if train is None or name not in COLLAPSED:
        return ""
    return f"{'✓' if holds(name, train) else '✗'} {limit_of(name)}"


def limit_of(name: str) -> str:
    """The yardstick's limit, a share in percent."""
    return f"{100 * COLLAPSED[name]:g} %" if name in SHARES else f"{COLLAPSED[name]:g}"


def holds(name: str, numbers: dict[str, Any]) -> bool:
    """Whether a quantity is below its limit; what is not known is not."""
    value = numbers.get(name)
    return value is not None and value < COLLAPSED[name]


def verdict(report: CollapseReport) -> str:
    """Which limits of the yardstick hold on the training set, and what stands against the rest."""
    train = report.numbers.get("train")
    if train is None:
        return ""
    failed = [name for name in COLLAPSED if not holds(name, train)]
    if not failed:
        return f"Collapsed: all {len(COLLAPSED)} limits of the yardstick hold on the training set."
    against = [f"{SHORT[name]} {_against(name, train.get(name))}" for name in failed]
    return (
        f"Not collapsed: {len(COLLAPSED) - len(failed)} of {len(COLLAPSED)} limits of the "
        f"yardstick hold on the training set, but not those of {', '.join(against)}."
    )


def _against(name: str, value: float | None) -> str:
    if value is None:
        return "(not measured)"
    shown = "not defined" if math.isnan(value) else number(value, name)
    return f"({shown}, limit {limit_of(name)})"


# Which class


def warnings_of(report: CollapseReport) -> list[str]:
    """Sentences: the least separated pair, the class that spreads, the two not told apart."""
    pair, spread = report.worst
    told = [] if pair is None else [_pair_words(pair)]
    if spread is not None:
        told.append(
            f"Class that spreads: {short_name(spread['class'])}, nc1_c {number(spread['nc1_c'])} "
            f"with {spread['samples']:,} samples, {number(spread['times'])} times the median."
        )
    elif any(row.get("nc1_c") is not None for row in report.of("train")):
        told.append("No class stands out as spreading more than the others.")
    rank = report.numbers.get("train", {}).get("rank") or len(report.spectrum)
    weakest = not_told_apart(report.of("train"), report.cosines, rank)
    if weakest is not None:
        a, b, size = weakest
        told.append(
            f"The means differ least between {short_name(a)} and {short_name(b)}: the smallest "
            f"singular value, {number(size)} of the largest, is theirs."
        )
    if singles := [row["class"] for row in report.of("train") if row.get("samples") == 1]:
        told.append(f"1 sample, so no scatter to judge by: {listed(singles)}.")
    return told


def _pair_words(pair: dict[str, Any]) -> str:
    rest = "" if pair["next"] is None else f"; all other pairs at most {number(pair['next'])}"
    a, b = short_name(pair["a"]), short_name(pair["b"])
    return f"Least separated pair: {a} and {b}, CDNV {number(pair['cdnv'])}{rest}."


# Layers


def how_layers_were_read(report: CollapseReport) -> str:
    """Positions and tokens, which change the numbers of maps and sequences."""
    positions, tokens = (report.taken.get(key) for key in ("positions", "tokens"))
    told = [f"positions: {positions}"] if positions is not None else []
    told += [f"tokens: {tokens}"] if tokens is not None else []
    return readable(", ".join(told))


def layers_table(report: CollapseReport) -> tuple[list[str], list[list[str]]]:
    """Header and rows, the layer's name first, its split where there are several."""
    rows = report.layers
    measured = dict.fromkeys(name for row in rows for name in row)
    names = [name for name in LAYER_WORDS if name in measured]
    names += [name for name in measured if name not in {*LAYER_WORDS, "layer", "split"}]
    several = len({row.get("split", "train") for row in rows}) > 1
    header = ["layer", *(["split"] if several else []), *(LAYER_WORDS.get(n, n) for n in names)]
    told = [
        [end_of(row["layer"]), *([row.get("split", "train")] if several else [])]
        + [number(row.get(name), name) for name in names]
        for row in rows
    ]
    return header, told


def notes(report: CollapseReport) -> list[str]:
    """The report's own, each on one line."""
    return list(map(readable, report.notes))


# In a terminal


def text(report: CollapseReport) -> str:
    """All of it, at most 80 columns wide."""
    splits, rows, limits = numbers_table(report)
    header = ["", *splits, *(["limit"] if any(limits) else [])]
    table = [[*row, limit] for row, limit in zip(rows, limits, strict=True)]
    blocks = [wrapped(title(report)) + "\n" + wrapped(opening(report))]
    blocks += [aligned(header, table), wrapped(verdict(report))]
    blocks += ["\n".join(map(wrapped, warnings_of(report))), _layers(report)]
    blocks += ["\n".join(wrapped(f"• {note}", "  ") for note in notes(report))]
    return "\n\n".join(filter(None, blocks))


def wrapped(told: str, indent: str = "") -> str:
    """Lines of at most 80 characters."""
    return textwrap.fill(told, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def aligned(header: list[str], rows: Iterable[list[str]]) -> str:
    """A table: the first column to the left, all others to the right."""
    lines = [header, *(row[: len(header)] for row in rows)]
    if len(lines) == 1:
        return ""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = [
        "  ".join(f"{cell:{'>' if i else '<'}{widths[i]}}" for i, cell in enumerate(line)).rstrip()
        for line in lines
    ]
    return "\n".join([shown[0], "─" * max(map(len, shown)), *shown[1:]])


def _layers(report: CollapseReport) -> str:
    """As many columns as there is room for, and where the others are."""
    if not report.layers:
        return ""
    header, rows = layers_table(report)
    widths = [max(map(len, column)) + 2 for column in zip(header, *rows, strict=True)]
    kept = max(i for i in range(1, len(widths) + 1) if sum(widths[:i]) <= WIDTH + 2)
    how = how_layers_were_read(report)
    lines = [wrapped(f"Layers{f' ({how})' if how else ''}")]
    lines += [aligned(header[:kept], [row[:kept] for row in rows])]
    if kept < len(header):
        lines.append(wrapped(f"in to_frame(): {', '.join(header[kept:])}"))
    return "\n".join(lines)
