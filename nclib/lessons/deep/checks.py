"""Exercises of notebook 07, deep neural collapse."""

from __future__ import annotations

from collections.abc import Callable

import torch

from nclib.formulas.deep_ufm import DeepUFM, collapse_loss, partial_loss, threshold
from nclib.lessons.answers import OtherKindError, check, described, number, slip, tensor
from nclib.shapes import Tensor


@check
def check_jump(answer: Callable[[int], float]) -> str | None:
    """A function of L that gives the scale of the outputs at the threshold."""
    for depth in (5, 2, 3, 10):
        _, expected = collapse_loss(2, depth, threshold(2, depth) * (1 - 1e-9))
        found = number(answer(depth))
        if abs(found - expected) > 1e-4:
            hints = {
                (depth - 1) / (2 * depth): "That is where the minimum ceases to exist, further up",
                0.0: "Zero is the other minimum. The scale jumps: which one does it jump from?",
            }
            return f"for depth {depth} {expected:.4f} was expected, {found:.4f} found. " + (
                slip(found, hints, within=1e-9)
                or "Two equations at one s: the slope is 0, and the cost is ½. Write P for "
                "½(L+1)K(Λs²)^{1/(L+1)}; its slope is 2P/((L+1)s)"
            )
    return None


@check
def check_escape(answer: Callable[[], DeepUFM]) -> str | None:
    """A function that returns a fitted model: K=2, L ≥ 4, Λ in 0.5–0.9 Λ*, collapsed."""
    model = answer()
    if not isinstance(model, DeepUFM):
        said = "one model is asked for, such as (model,) = train_all([around(...)])"
        raise OtherKindError(f"{said}; {described(model)} was returned")
    size = model.targets.shape[1], len(model.weights)
    if size[0] != 2 or size[1] < 4:
        return f"it has {size[0]} classes and {size[1]} layers; two and at least four are asked for"
    part = model.decay_product / threshold(*size)
    if not 0.5 <= part <= 0.9:
        return (
            f"Λ is {part:.2g} of the threshold; 0.5 to 0.9 is asked for: the second number that "
            "`around` takes"
        )
    with torch.no_grad():
        loss = float(model.objective())
    goal, trap = (
        collapse_loss(*size, model.decay_product)[0],
        partial_loss(*size, model.decay_product, 1)[0],
    )
    if loss < goal + 1e-3:
        return None
    if abs(loss - trap) < 1e-3:
        why = "the classes merged. Where does a descent start that still tells them apart?"
    elif abs(loss - 0.5) < 1e-3:
        why = "that is zero: the decays won before anything was learnt. Start larger"
    else:
        why = "it is still on its way: more steps, or a smaller start"
    return f"the objective is {loss:.4f}, collapse has {goal:.4f}: {why}"


@check
def check_unfolding(answer: Callable[[int], Tensor]) -> str | None:
    """A function of K: a (K, K) matrix of rank at most 3 whose ReLU is the identity."""
    for num_classes in (4, 6, 10):
        found = tensor(answer(num_classes), num_classes, num_classes, called="a matrix (K, K)")
        identity = torch.eye(num_classes, dtype=torch.float64)
        off = float((found.relu() - identity).abs().max())
        if off > 1e-5:
            return (
                f"for {num_classes} classes the ReLU is {off:.2g} off the identity. What must the "
                "products of different classes be, before the ReLU? And divide by the diagonal"
            )
        singular = torch.linalg.svdvals(found)
        rank = int((singular > 1e-5 * singular[0]).sum())
        if rank > 3:
            return (
                f"for {num_classes} classes the rank is {rank}; at most 3 is asked for. Points in "
                "a plane have a Gram matrix of rank 2, and subtracting one number from every entry "
                "adds at most 1"
            )
    return None
