"""Exercises of notebook 11, your own network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import nn

from nclib.formulas.collapse import nc1
from nclib.formulas.statistics import ClassStatistics
from nclib.lessons.answers import OtherKindError, check, described, number, slip, tensor
from nclib.lessons.yours.models import Squashed
from nclib.measuring.reports.collapse_report import CollapseReport
from nclib.shapes import Tensor

LEAST, SHARE = 5, 1 / 3  # samples a class that are kept, of NC1 that may be left


@check
def check_from_classes(answer: Callable[[pd.DataFrame], float]) -> str | None:
    """A function of ``samples`` and ``nc1_c`` by class: NC1."""
    for samples, values in (([90, 10], [0.02, 0.2]), ([5, 40, 15], [0.3, 0.1, 0.07])):
        table = pd.DataFrame({"class": [*"abc"][: len(samples)], "samples": samples})
        table["nc1_c"] = values
        n, v = table.samples, table.nc1_c
        expected, found = float((n * v).sum() / n.sum()), number(answer(table.copy()))
        if abs(found - expected) > 1e-9:
            hints = {
                float(v.mean()): "That is the plain mean; NC1 counts samples, not classes",
                float((n * v).sum()): "Divide by the number of all samples",
                float((n * v * n / (n - 1)).sum() / n.sum()): "n/(n-1) is for ranking small "
                "classes; the sum takes nc1_c as it is",
            }
            return f"for {samples} samples {expected:.4f} was expected, {found:.4f} found. " + (
                slip(found, hints, 1e-9) or "Weight each class by its share of the samples"
            )
    return None


@check
def check_squashed(answer: Callable[[nn.Module, Any], CollapseReport]) -> str | None:
    """A function of a network that ends in a sigmoid, and data: its report."""
    torch.manual_seed(0)
    model = Squashed(3)
    inputs, labels = torch.randn(90, 8), torch.arange(90) % 3
    report = answer(model, (inputs, labels))
    if not isinstance(report, CollapseReport):
        hint = ": is there a `return`?" if report is None else ""
        raise OtherKindError(f"a report is asked for, {described(report)} was returned{hint}")
    with torch.no_grad():
        features = {name: model.hidden(inputs, name) for name in ("first", "second")}
    found = report.numbers["train"]["nc1"]
    wanted, other = (
        nc1(ClassStatistics.from_features(features[name].double(), labels))
        for name in ("second", "first")
    )
    if report.taken.get("samples") != {"train": 90}:
        return "hand the data over as they are: 90 samples were given"
    if abs(found - wanted) > 1e-3 * wanted:
        return (
            "that layer reads something else than the last linear one does: NC1 is "
            f"{found:.3f}, {wanted:.3f} was expected. print(model), and take the last Linear"
            if abs(found - other) < 1e-3 * other
            else f"NC1 is {found:.3f}, {wanted:.3f} was expected; name the last Linear: classifier="
        )
    return None


@check
def check_chosen(answer: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """A function of features and labels: which samples to keep, so that NC1 is a third at most."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 4
    features = 3 * torch.eye(4, 5)[labels] + torch.randn(400, 5, generator=generator)
    chosen = answer(features.clone(), labels.clone())
    chosen = torch.as_tensor(chosen)
    if chosen.dtype == torch.bool:
        chosen = chosen.nonzero().flatten()
    chosen = tensor(chosen, chosen.numel(), called="a vector of row numbers").long()
    if len(chosen) and not 0 <= int(chosen.min()) <= int(chosen.max()) < len(labels):
        return f"row numbers are 0 to {len(labels) - 1}; {int(chosen.max())} is among yours"
    if len(chosen.unique()) < len(chosen):
        return "a sample is chosen twice: leave others out, but copy none"
    counts = torch.bincount(labels[chosen], minlength=4)
    if counts.min() < LEAST:
        return f"class {int(counts.argmin())} keeps {int(counts.min())} samples, {LEAST} are asked"
    whole, left = (nc1(ClassStatistics.from_features(features[i].double(), labels[i]))
                   for i in (slice(None), chosen))  # fmt: skip
    if left > SHARE * whole:
        return (
            f"NC1 goes from {whole:.3f} to {left:.3f}; a third is asked for. Which samples make "
            "it large? Those far from their class's mean"
        )
    return None
