"""The report of a measurement: text, HTML, tables, a file, and a comparison with another one."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from nclib.checks import held
from nclib.files import atomic_write
from nclib.measuring.reports.which_class import Worst, ranked, worst

FORMAT = "nclib-collapse-report"
VERSION = 1
LAST = "classifier"  # the layer of ``numbers`` in ``to_frame``: what the classifier reads


@dataclass(frozen=True, eq=False, repr=False)
class CollapseReport:
    """What ``nclib.measure`` found; it prints as text and shows itself in a notebook.

    All values are Python's own: numbers of numpy and tensors become these. None is what was not
    measured, NaN what is not defined.

    Attributes:
        taken: ``model``, ``classifier`` (a sentence), ``samples`` of how many (``of``), each a
            number or a dict by split, ``mode``, names of the classes ``absent``, ``dtype``,
            ``device``, ``ranks``, ``positions``, ``tokens``, ``environment``; each may be missing.
        numbers: split ("train", "test", "ood") → quantity → value.
        classes: rows of ``which_class.class_rows``, in the order of ``cosines``.
        pairs: the least separated ones: ``a``, ``b``, ``cdnv``.
        layers: a row for each layer and split: ``layer``, ``split``, and its quantities.
        spectrum: singular values of the centred means, descending.
        cosines: between the centred means of the training classes, up to 100 of them.
        notes: warnings, in words.
    """

    taken: dict[str, Any]
    numbers: dict[str, dict[str, Any]]
    classes: list = field(default_factory=list)
    pairs: list = field(default_factory=list)
    layers: list = field(default_factory=list)
    spectrum: Any = ()  # given as any sequence, kept as lists
    cosines: Any = None
    notes: list = field(default_factory=list)

    def __post_init__(self) -> None:
        for one in fields(self):
            object.__setattr__(self, one.name, _plain(getattr(self, one.name)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CollapseReport) and self._json() == other._json()

    __hash__ = None

    # Shown

    def __repr__(self) -> str:
        from nclib.measuring.reports.report_text import text

        return text(self)

    def _repr_html_(self) -> str:
        from nclib.measuring.reports.report_html import html

        return html(self)

    # As tables

    def to_frame(self) -> pd.DataFrame:
        """Tidy: a row for each ``split``, ``layer``, ``quantity`` with its ``value``.

        What the classifier reads is layer "classifier"; other layers have their own names.
        """
        last = [({"split": split, "layer": LAST}, found) for split, found in self.numbers.items()]
        rows = last + [(row, row) for row in self.layers]
        told = [
            (place.get("split", "train"), place["layer"], name, value)
            for place, found in rows
            for name, value in found.items()
            if name not in ("split", "layer")
        ]
        table = pd.DataFrame(told, columns=["split", "layer", "quantity", "value"])
        return table.astype({"value": float})

    @property
    def per_class(self) -> pd.DataFrame:
        """``classes``, in each split the most spread one first, by nc1_c·n/(n-1).

        ``mark`` is "1 sample" where that is all: such a class has no scatter, and no rank.
        """
        splits = dict.fromkeys(row.get("split", "train") for row in self.classes)
        rows = [row for split in splits for row in ranked(self.of(split))]
        marks = ["1 sample" if row.get("samples") == 1 else "" for row in rows]
        return pd.DataFrame(rows).assign(mark=marks)

    def of(self, split: str) -> list[dict[str, Any]]:
        """The classes of one split, in their order."""
        return [row for row in self.classes if row.get("split", "train") == split]

    @property
    def worst(self) -> Worst:
        """Of the training set: the least separated pair, and a class if one stands out."""
        return worst(self.of("train"), self.pairs)

    def compare(
        self, other: CollapseReport, names: tuple[str, str] = ("before", "after")
    ) -> Any:  # Comparison, of a module that imports this one
        """This report beside another one, such as that of the same model after fine-tuning.

        Args:
            other: the later one.
            names: of this one and the other.

        Returns:
            A ``Comparison``: text, HTML, and ``to_frame()`` with quantity, before, after, ratio.

        Raises:
            ValueError: where ``other`` is no report, or the two names are not different.
        """
        from nclib.measuring.reports.report_comparison import Comparison

        return Comparison(self, other, names)

    # As a file

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write JSON, whole or not at all; returns the path. ValueError as ``files.place``."""
        with atomic_write(path) as file:
            file.write(self._json().encode())
        return Path(path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> CollapseReport:
        """Read a file that ``save`` wrote.

        Raises:
            FileNotFoundError: where there is none.
            ValueError: for another file, a damaged one, or one of another version.
        """
        return _read(Path(path))

    def _json(self) -> str:
        content = {"format": FORMAT, "version": VERSION, **asdict(self)}
        return json.dumps(_marked(content), allow_nan=False, indent=1)


def _plain(value: Any) -> Any:
    """Python's own dicts, lists, texts and numbers; anything else becomes its text."""
    value = held(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, torch.Tensor | np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _marked(value: Any) -> Any:
    """NaN and infinities, which JSON has not, as {"float": "nan"}."""
    if isinstance(value, dict):
        return {key: _marked(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_marked(one) for one in value]
    return {"float": str(value)} if isinstance(value, float) and not math.isfinite(value) else value


def _unmarked(found: dict[str, Any]) -> Any:
    marked = found.keys() == {"float"} and found["float"] in ("nan", "inf", "-inf")
    return float(found["float"]) if marked else found


def _read(path: Path) -> CollapseReport:
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the file that CollapseReport.save wrote")
    try:
        content = json.loads(path.read_bytes(), object_hook=_unmarked)
        ours = content.pop("format") == FORMAT
        version = content.pop("version")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(_not_ours(path, f"{type(error).__name__}: {error}")) from error
    if not ours:
        raise ValueError(_not_ours(path, "it is of another format"))
    if version != VERSION:
        raise ValueError(
            f"{path} has format version {version}, this nclib reads version {VERSION}; use the "
            "nclib that wrote it, or measure again"
        )
    kinds = {one.name: list for one in fields(CollapseReport)} | {"taken": dict, "numbers": dict}
    wrong = content.keys() ^ kinds.keys()
    wrong |= {name for name in kinds.keys() - wrong if not _fits(content[name], kinds[name], name)}
    if wrong:
        raise ValueError(_not_ours(path, f"wrong or missing: {', '.join(sorted(wrong))}"))
    return CollapseReport(**content)


def _fits(value: Any, kind: type, name: str) -> bool:
    return isinstance(value, kind) or (name == "cosines" and value is None)


def _not_ours(path: Path, why: str) -> str:
    return (
        f"{path} is no collapse report of nclib, or is damaged ({why}); give a file written by "
        "CollapseReport.save"
    )
