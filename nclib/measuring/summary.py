"""From the passes to the report: what was taken, numbers by split and class, layers, warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from nclib import runtime
from nclib.formulas.separation import nearest_pairs
from nclib.measuring.layers.layers_table import layers_table, too_few, weight_read
from nclib.measuring.modes import unwrap
from nclib.measuring.numbers import ByClass, Present, by_class, numbers_of, unseen_numbers
from nclib.measuring.passes import Part, Reader, features_only
from nclib.measuring.ranks import world
from nclib.measuring.reports.collapse_report import CollapseReport
from nclib.measuring.reports.which_class import class_rows

SHOWN_PAIRS = 20
SHOWN_COSINES = 100  # classes


def report_of(
    reader: Reader, parts: Mapping[str, Part], names: Sequence[Any], *, again: bool, ood: Any
) -> CollapseReport:
    """The report of what was read.

    Args:
        reader: of the parts.
        parts: split → what its pass gave; "train" is among them.
        names: of the C classes.
        again: read data a second time for what needs features that were not kept.
        ood: inputs of no known class, or None.
    """
    own = {split: Present(part.last.stats, split) for split, part in parts.items()}
    train = own["train"]
    found = {split: by_class(part, own[split], train, again) for split, part in parts.items()}
    numbers = {split: numbers_of(parts[split], own[split], found[split]) for split in parts}
    if ood is not None:
        numbers["ood"] = _unseen(reader, parts, train, ood)
    return CollapseReport(
        taken=_taken(reader, parts, own, names),
        numbers=numbers,
        classes=[
            row for split in parts for row in _classes(split, parts[split], own, found, names)
        ],
        pairs=_pairs(train, names),
        layers=_layers(reader, parts),
        spectrum=train.means.sigma.tolist(),
        cosines=_cosines(train),
        notes=_notes(parts, own),
    )


def _unseen(reader: Reader, parts: Mapping[str, Part], train: Present, ood: Any) -> dict[str, Any]:
    if world() > 1:
        raise ValueError("ood is measured in one process; leave it out in a distributed job")
    known = parts.get("test", parts["train"])
    return unseen_numbers(features_only(reader, ood, "ood"), (h for h, _ in known.blocks()), train)


def _classes(
    split: str,
    part: Part,
    own: Mapping[str, Present],
    found: Mapping[str, ByClass],
    names: Sequence[Any],
) -> list[dict[str, Any]]:
    here, values = own[split], found[split]
    present = here.classes.cpu()
    return class_rows(
        here.stats,
        [names[index] for index in present.tolist()],
        part.weight[here.classes.to(part.weight.device)],
        split=split,
        nc1_c=values.nc1,
        accuracy=values.accuracy,
        ncc_mismatch=values.mismatches,
    )


def _pairs(train: Present, names: Sequence[Any]) -> list[dict[str, Any]]:
    named = [names[index] for index in train.classes.tolist()]
    found = nearest_pairs(train.stats, SHOWN_PAIRS)
    return [{"a": named[a], "b": named[b], "cdnv": value} for a, b, value in found]


def _cosines(train: Present) -> list | None:
    if len(train.classes) > SHOWN_COSINES:
        return None
    norms = train.means.gram.diagonal().sqrt()
    return (train.means.gram / norms / norms[:, None]).tolist()


def _layers(reader: Reader, parts: Mapping[str, Part]) -> list[dict[str, Any]]:
    if not reader.layers:
        return []
    collected = {
        layer: {split: part.collected[layer] for split, part in parts.items()}
        for layer in reader.layers
    }
    sizes = {layer: splits["train"].stats.num_features for layer, splits in collected.items()}
    weights = {layer: weight_read(reader.model, layer, sizes[layer]) for layer in reader.layers}
    return layers_table(collected, weights=weights)


def _taken(
    reader: Reader, parts: Mapping[str, Part], own: Mapping[str, Present], names: Sequence[Any]
) -> dict[str, Any]:
    train = parts["train"]
    there = set(own["train"].classes.tolist())
    taken = {
        "model": _called(reader.model),
        "classifier": reader.head.says,
        "samples": {split: part.last.samples for split, part in parts.items()},
        "of": {split: _of(part) for split, part in parts.items()},
        "features": reader.head.num_features,
        "classes": reader.head.num_classes,
        "mode": "evaluation mode",
        "absent": [names[index] for index in range(len(names)) if index not in there],
        "dtype": str(reader.autocast or reader.head.dtype).removeprefix("torch."),
        "device": str(reader.device),
        "ranks": world(),
        "environment": runtime.environment(reader.device),
    }
    if train.positions:
        taken["positions"] = train.positions
    return taken


def _of(part: Part) -> int | None:
    """Samples of the data; None where each has many positions, which are what was counted."""
    there = part.expected
    return None if there is None or part.shifted or part.last.samples > there else there


def _called(model: nn.Module) -> str:
    """The class of the model inside its wrappers, and how many parameters it has."""
    model = unwrap(model)
    count = sum(parameter.numel() for parameter in model.parameters())
    return f"{type(model).__name__}, {count:,} parameters"


def _notes(parts: Mapping[str, Part], own: Mapping[str, Present]) -> list[str]:
    """Warnings, each a sentence on what to make of it."""
    notes = [_left_out(split, part) for split, part in parts.items()]
    train = own["train"]
    notes.append(too_few(train.stats))
    if parts["train"].shifted:
        notes.append(
            "Labels are the model's own input tokens: each position has the class of the token "
            "after it."
        )
    if len(train.classes) == 2:
        notes.append("Two classes: their centred means are opposite, so NC2 says nothing.")
    if train.stats.num_features < len(train.classes) - 1:
        notes.append(
            f"{len(train.classes)} classes in {train.stats.num_features} dimensions have no room "
            "for a simplex: NC2 cannot reach 0."
        )
    if train.means.rank == 0:
        notes.append("All class means coincide: NC1 is not defined.")
    if parts["train"].last.features is None:
        notes.append(
            "The features were not kept (keep=): without ncc=True there is no NC4, and no NC1 by "
            "class."
        )
    return [note for note in notes if note]


def _left_out(split: str, part: Part) -> str | None:
    """How many samples are missing, where that many were to be expected."""
    there = _of(part)
    if there is None or part.last.samples == there:
        return None
    missing = there - part.last.samples
    return f"{missing:,} of {there:,} {split} samples were left out (labels -100)."
