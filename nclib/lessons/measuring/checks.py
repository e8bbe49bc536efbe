"""Exercises of notebook 02, measuring collapse."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from nclib.formulas.collapse import equiangularity, equinorm, max_angle, pair_cosines
from nclib.lessons.answers import OtherKindError, check, described, last_epoch, number
from nclib.quantities import COLLAPSED
from nclib.shapes import Tensor


@check
def check_equinorm(answer: Callable[[Tensor], float]) -> str | None:
    """A function of (C, p) class means that gives std over mean of their centred norms."""
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(6, 9, generator=generator, dtype=torch.float64)
    for name, given in (("random means", means), ("the same, moved by 5", means + 5)):
        centred = given - given.mean(0)
        expected, found = equinorm(centred), number(answer(given))
        if abs(found - expected) > 1e-6:
            population = float(centred.norm(dim=1).std(correction=0) / centred.norm(dim=1).mean())
            return f"for {name} {expected:.4f} was expected, {found:.4f} found. " + (
                "Divide by C-1 under the root, not by C: torch's std does"
                if abs(found - population) < 1e-6
                else "Subtract the mean of the class means, take the rows' norms, then std / mean"
            )
    return None


NAMES = ("nc1", "equinorm_means", "equiangularity_means", "max_angle_means", "self_duality")
VACUOUS = {"equinorm_means", "equiangularity_means", "max_angle_means"}


@check
def check_vacuous(answer: Callable[[], Iterable[str]]) -> str | None:
    """A function that names the measures that are 0 for any two class means."""
    found = _words(answer())
    if unknown := sorted(found - set(NAMES)):
        return f"{unknown[0]!r} is none of {', '.join(NAMES)}"
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(2, 5, generator=generator, dtype=torch.float64)
    centred = means - means.mean(0)
    angles = pair_cosines(centred @ centred.T)
    values = dict.fromkeys(NAMES, 1.0)  # nc1 and self_duality: not of the means alone
    values |= {"equinorm_means": equinorm(centred), "equiangularity_means": equiangularity(angles)}
    values["max_angle_means"] = max_angle(angles, 2)
    if extra := sorted(found - VACUOUS):
        other = "the scatter" if extra[0] == "nc1" else "the classifier"
        return f"{extra[0]} depends on {other} as well, and need not be 0"
    if missing := sorted(VACUOUS - found):
        return (
            f"one is missing: two random means gave {missing[0]} = {values[missing[0]]:.1e}. "
            "Centred, two means are δ and -δ: what are their norms, and their cosine?"
        )
    return None


def _words(given: Any) -> set[str]:
    if isinstance(given, str):
        return {given}
    try:
        return {str(one) for one in given}
    except TypeError:
        said = f"a set of names is asked for, {described(given)} was returned"
        raise OtherKindError(said) from None


@check
def check_no_simplex(answer: Callable[[], Any]) -> str | None:
    """A function that returns a trajectory: collapsed by NC1, not by its angles, with room."""
    run = answer()
    last = last_epoch(run)
    if run.num_features < run.num_classes - 1:
        return (
            f"{run.num_features} features have no room for the simplex of {run.num_classes} "
            "classes; that way is known from notebook 00. Leave the network, change the data"
        )
    if not last.nc1 < COLLAPSED["nc1"]:
        return (
            f"NC1 is {last.nc1:.1e}; below {COLLAPSED['nc1']:g} is asked for. Train as the quick "
            "preset does, and change the data less"
        )
    if last.train_accuracy < 1:
        return f"{last.train_accuracy:.1%} of the training set is right; all of it is asked for"
    if not last.max_angle_means > COLLAPSED["max_angle_means"]:
        return (
            f"the cosines are {last.max_angle_means:.3f} off the simplex's; more than "
            f"{COLLAPSED['max_angle_means']:g} is asked for. Are there equally many of each class?"
        )
    return None
