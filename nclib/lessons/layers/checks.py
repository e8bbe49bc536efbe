"""Exercises of notebook 08, collapse through the layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch

from nclib.formulas.collapse import nc1
from nclib.formulas.law import log_linear
from nclib.formulas.separation import quotient
from nclib.formulas.statistics import ClassStatistics
from nclib.lessons.answers import OtherKindError, check, described, number, pair, slip, tensor
from nclib.shapes import Float, Int, Number, Tensor

LAYERS = ([0.9, 0.4, 0.16, 0.08, 0.03], [0.85, 0.97, 1.25, 1.5], [0.9, 0.3, 0.2, 0.02, 0.03, 0.001])
SAMPLES = ((0.5, 3, 10), (0.05, 5, 4), (2.0, 30, 10))  # quotient, samples a class, C
NUMBER, FACTOR, KEPT = 4, 2, 50  # layers asked for, how much each changes, samples of each class


@check
def check_line(answer: Callable[[Tensor], tuple[Number, Number]]) -> str | None:
    """A function of NC1 by layer (L,): the line's ratio and its R²."""
    for values in LAYERS:
        wanted = log_linear(np.array(values))
        nc1 = torch.tensor(values, dtype=torch.float64)
        ratio, square = map(number, pair(answer(nc1.clone()), "ratio and R²"))
        said = f"for NC1 {values} "
        if abs(ratio - wanted.ratio) > 1e-6:
            hint = _ratio_hint(ratio, values, wanted.ratio)
            return f"{said}the ratio {wanted.ratio:.4f} was expected, {ratio:.4f} found. {hint}"
        if abs(square - wanted.r_squared) > 1e-6:
            hint = _square_hint(square, values, wanted.r_squared)
            return f"{said}R² = {wanted.r_squared:.4f} was expected, {square:.4f} found. {hint}"
    return None


def _ratio_hint(found: float, values: Sequence[float], wanted: float) -> str:
    slope = float(np.polyfit(range(len(values)), values, 1)[0])
    ends = (values[-1] / values[0]) ** (1 / (len(values) - 1))
    slips = {
        float(np.log(wanted)): "That is the slope of log NC1: the ratio is its exponential",
        1 / wanted: "That is its inverse: the ratio is NC1 of a layer over that of the one before",
        float(10 ** np.log(wanted)): "Logarithm and exponential of the same base, please",
        float(np.exp(np.log10(wanted))): "Logarithm and exponential of the same base, please",
        slope: "That line goes through NC1, not through its logarithm",
        float(np.exp(slope)): "That line goes through NC1, not through its logarithm",
        ends: "That uses the first layer and the last; the line goes through all of them",
    }
    return slip(found, slips) or "Fit a line to log NC1 against 0, 1, 2, …"


def _square_hint(found: float, values: Sequence[float], wanted: float) -> str:
    correlation = float(np.corrcoef(range(len(values)), values)[0, 1])
    slips = {
        wanted**0.5: "That is the correlation: square it",
        -(wanted**0.5): "That is the correlation: square it",
        1 - wanted: "That is the share off the line: R² is 1 minus it",
        correlation**2: "That is R² of NC1 itself; the line goes through its logarithm",
    }
    hint = "1 minus squared residuals over squared deviations from the mean, both of log NC1"
    return slip(found, slips) or hint


@check
def check_all_samples(answer: Callable[[float, int, int], float]) -> str | None:
    """A function of quotient, samples a class n, and C: the quotient of infinitely many."""
    for found_of_n, n, c in SAMPLES:
        q, kept, noise = found_of_n, 1 - 1 / n, (c - 1) / c / n
        wanted, found = q / (kept - noise * q), number(answer(q, n, c))
        if abs(found / wanted - 1) > 1e-6:
            slips = {
                q / kept: "That mends tr Σ_W alone; the means carry noise, too, which is in tr Σ_B",
                q / (1 - noise * q): "That mends tr Σ_B alone; tr Σ_W is too small by 1 - 1/n",
                q / (kept - q / n): "Nearly: the mean of C noisy means takes a share of 1/C away",
                q / (kept + noise * q): "The noise is to be taken off tr Σ_B, not added",
                q * kept / (1 + noise * q): "That goes from infinitely many to n: turn it around",
            }
            said = f"for q = {q}, n = {n}, C = {c} {wanted:.4f} was expected, {found:.4f} found. "
            return said + (
                slip(found, slips) or "Solve q (b + (C-1)/C · w/n) = (1 - 1/n) w for w/b"
            )
    return None


@check
def check_layers(answer: Callable[[Tensor], Sequence[Tensor]]) -> str | None:
    """A function of labels: layers whose NC1 halves each time while their quotient doubles."""
    labels = torch.arange(4 * KEPT) % 4
    layers = answer(labels.clone())
    if not isinstance(layers, list | tuple):
        hint = ": is there a `return`?" if layers is None else ""
        raise OtherKindError(f"a list of matrices is asked for, {described(layers)} was returned"
                             f"{hint}")  # fmt: skip
    if len(layers) < NUMBER:
        return f"{len(layers)} layers were returned, {NUMBER} are asked for"
    numbers = [_numbers(h, labels, at) for at, h in enumerate(layers)]
    for at, (before, after) in enumerate(pairwise(numbers), 1):
        factors = [b / a for a, b in zip(before, after, strict=True)]
        said = f"from layer {at - 1} to {at} NC1 goes by a factor {factors[0]:.3g}, the quotient by"
        if factors[0] > 1 / FACTOR:
            return (
                f"{said} {factors[1]:.3g}; NC1 is to halve. It counts scatter along the class "
                "means; is what you add elsewhere of mean zero in each class?"
            )
        if factors[1] < FACTOR:
            return (
                f"{said} {factors[1]:.3g}, and that is to double. The quotient counts scatter in "
                "all directions, those that the class means do not use, too"
            )
    return None


def _numbers(features: Tensor, labels: Int[Tensor, " N"], at: int) -> tuple[float, float]:
    """NC1 and quotient of an answer's layer."""
    shape = getattr(features, "shape", ())
    width = shape[1] if len(shape) == 2 else 1
    h: Float[Tensor, "N p"] = tensor(features, len(labels), width, called=f"layer {at}")
    stats = ClassStatistics.from_features(h, labels)
    if stats.centred_means.norm() <= 1e-9 * max(float(h.norm()), 1e-300):
        raise OtherKindError(f"in layer {at} all class means coincide: NC1 is not defined")
    return nc1(stats), quotient(stats)
