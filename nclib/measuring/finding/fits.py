"""Does a call give the logits? One, every, the mean or one of its positions, with its weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch

from nclib.measuring.finding.affine import Call, first_tensor, version_of
from nclib.shapes import Float, Number, Tensor

FLOOR = 1e-5  # a misfit that needs no excuse
COMPARED = 2**20  # numbers of the logits that are compared and verified in a search


class Picked(NamedTuple):
    """Features (M, p) and outputs (M, C) of a call, a row for each row of the logits."""

    rows: str  # "one", "every", "mean" or "gather"
    x: Float[Tensor, "M p"]
    z: Float[Tensor, "M C"]
    target: Float[Tensor, "M C"]  # the logits, or the logarithms of probabilities


class Fit(NamedTuple):
    """How well ``scale``·(features·Wᵀ + b) gives the logits, up to a shift of each row.

    ``misfit`` is relative to the logits without their row means, ``tolerance`` what rounding
    excuses. ``decided`` is False where the values are too few or all equal.
    """

    picked: Picked
    scale: float
    misfit: float
    tolerance: float
    decided: bool = True

    @property
    def holds(self) -> bool:
        """Whether this call, read this way, gives the logits."""
        return self.decided and self.misfit <= self.tolerance


def logits_of(outputs: Any) -> Tensor:
    """The logits among a model's outputs.

    Raises:
        ValueError: if there are none: what was found, and what may be returned instead.
    """
    logits = outputs if isinstance(outputs, Tensor) else getattr(outputs, "logits", None)
    if logits is None and isinstance(outputs, Mapping):
        logits = outputs.get("logits")
    elif logits is None:
        logits = first_tensor(outputs)
    if isinstance(logits, Tensor) and logits.ndim and logits.is_floating_point():
        return logits
    held = f" with {', '.join(map(str, outputs))}" if isinstance(outputs, Mapping) else ""
    found = f"{logits.dtype} {tuple(logits.shape)}" if isinstance(logits, Tensor) else "no logits"
    raise ValueError(
        f"model returned {type(outputs).__name__}{held}: {found}; return logits as a floating "
        "tensor (B, C), as .logits, under the key 'logits', or first in a tuple"
    )


def sizes_of(logits: Tensor) -> set[int]:
    """What the number of classes may be: (B,), (B, C), (B, C, …) or (B, T, C)."""
    if logits.ndim == 1:
        return {1}
    return {logits.shape[1], logits.shape[-1]} if logits.ndim == 3 else {logits.shape[1]}


def identical(called: Call, logits: Tensor) -> Fit | None:
    """The fit of a call whose output *is* the logits, or which the logits are a view of."""
    same = called.output.data_ptr() == logits.data_ptr()
    if not same or called.output.numel() != logits.numel():
        return None
    if called.output.device != logits.device or version_of(called.output) != called.version:
        return None
    for target in _targets(called, logits):
        for picked in _whole(called, target, logits.ndim):
            if torch.equal(picked.z.to(target.dtype), target):
                return _verified(called, Fit(picked, 1.0, 0.0, _tolerance(called, target)))
    return None


def fits(
    called: Call, logits: Tensor, scale: Number | None = None, *, most: int = COMPARED
) -> Iterator[Fit]:
    """All ways to read the logits off a call, verified with its weights where the values agree.

    Args:
        called: its x and z.
        logits: as the model gave them; probabilities are compared by their logarithms.
        scale: of the call's output, where it is known; a number is fitted otherwise.
        most: how many of the logits are compared, spread over the rows.
    """
    for target in _targets(called, logits):
        for one in (target, *_logarithms(target)):
            picks = [*_whole(called, one, logits.ndim), *_mean(called, one)]
            for picked in [*picks, *(_gather(called, one) if one is target else ())]:
                fit = _compared(called, picked, scale, most)
                yield _verified(called, fit, most) if fit.misfit <= fit.tolerance else fit


def _targets(called: Call, logits: Tensor) -> Iterator[Tensor]:
    """Logits as rows (M, C), the classes in the dimension that fits the call."""
    size = called.z.shape[-1]
    if logits.ndim == 1:
        yield from [logits[:, None]] if size == 1 else []
        return
    last = (1,) if called.channels_first else (-1,)
    dimensions = {2: (1,), 3: (*last, 1, -1)}.get(logits.ndim, (1,))
    for dimension in dict.fromkeys(dimensions):
        if logits.shape[dimension] == size:
            yield logits.movedim(dimension, -1).reshape(-1, size)


def _logarithms(target: Tensor) -> Iterator[Tensor]:
    """Of rows that are probabilities; those that underflow become −∞ and are not compared."""
    if target.shape[1] == 1 or not (target[:1] >= 0).all():
        return
    slack = 8 * torch.finfo(target.dtype).eps * target.shape[1] ** 0.5
    if (target >= 0).all() and (target.sum(1) - 1).abs().max() <= slack:
        exact = target >= torch.finfo(target.dtype).tiny
        yield target.log().masked_fill(~exact, -torch.inf)


def _whole(called: Call, target: Tensor, dimensions: int) -> Iterator[Picked]:
    samples, positions, _ = called.z.shape
    if samples * positions == len(target) and called.x.shape[1] == positions:
        rows = "one" if positions == 1 and dimensions < 3 else "every"
        yield Picked(rows, called.x.flatten(0, 1), called.z.flatten(0, 1), target)


def _mean(called: Call, target: Tensor) -> Iterator[Picked]:
    if _many(called, target):
        yield Picked("mean", called.x.mean(1), called.z.mean(1), target)


def _gather(called: Call, target: Tensor) -> Iterator[Picked]:
    """One position a sample, equal to the bit; the last where several are equal."""
    if not _many(called, target):
        return
    equal = (called.z.to(target.dtype) == target[:, None]).all(-1)
    equal |= ~target.isfinite().all(1)[:, None]
    if equal.any(1).all():
        last = equal.shape[1] - 1 - equal.flip(1).int().argmax(1)
        each = torch.arange(len(target), device=last.device)
        yield Picked("gather", called.x[each, last], called.z[each, last], target)


def _many(called: Call, target: Tensor) -> bool:
    return called.z.shape[0] == len(target) and called.z.shape[1] == called.x.shape[1] > 1


def _compared(called: Call, picked: Picked, scale: Number | None, most: int) -> Fit:
    """The scale and the misfit between outputs of the call and logits, weights left aside."""
    some = _rows(picked.target, most)
    target, z = picked.target[some], picked.z[some]
    finite = target.isfinite().all(1) & z.isfinite().all(1)
    target, z = centred(target[finite]), centred(z[finite])
    decided = bool(target.any()) and target.shape[0] * max(target.shape[1] - 1, 1) >= 2
    if picked.rows == "gather":
        scale = 1.0
    elif scale is None:
        scale = _scale(target, z)
    return Fit(
        picked,
        float(scale),
        relative(target - scale * z, target),
        _tolerance(called, picked.target, most),
        decided,
    )


def _scale(target: Tensor, z: Tensor) -> float:
    """Of least squares; 1 where it is that but for rounding."""
    square = float((z * z).sum())
    scale = float((target * z).sum()) / square if square else 0.0
    return 1.0 if abs(scale - 1) < 1e-6 else scale


def _verified(called: Call, fit: Fit, most: int = COMPARED) -> Fit:
    """The fit with the misfit of features·Wᵀ + b, where that is larger."""
    weights = called.weights()
    if weights is None or weights[0].shape != (called.z.shape[-1], called.x.shape[-1]):
        return fit._replace(misfit=math.inf)
    return fit._replace(misfit=max(fit.misfit, misfit_of(fit, *weights, most=most)))


def misfit_of(fit: Fit, weight: Tensor, bias: Tensor, *, most: int) -> float:
    """‖(L − a(xWᵀ + b))_c‖/‖L_c‖ over at most ``most`` of the logits."""
    some = _rows(fit.picked.target, most)
    target, x = fit.picked.target[some], fit.picked.x[some]
    finite = target.isfinite().all(1) & x.isfinite().all(1)
    widen = wide if most >= COMPARED else _float32_at_least  # a search shows the model's rounding
    outputs = widen(x[finite]) @ widen(weight).mT + widen(bias)
    target = wide(target[finite])
    return relative(centred(target - fit.scale * wide(outputs)), centred(target))


def _rows(target: Tensor, most: int) -> slice:
    """Rows at equal distances, so that they hold ``most`` numbers, or 16 rows if that is more."""
    kept = max(16, most // target.shape[1])
    return slice(None, None, max(1, math.ceil(len(target) / kept)))


def _tolerance(called: Call, target: Tensor, most: int = COMPARED) -> float:
    """max(1e-5, eps·‖L‖/‖L_c‖), eps of the coarser of logits and call; 1e-5 for logits 0."""
    eps = max(torch.finfo(one.dtype).eps for one in (target, called.z))
    target = wide(target[_rows(target, most)])
    target = target[target.isfinite().all(1)]
    centre = float(centred(target).norm())
    return max(FLOOR, eps * float(target.norm()) / centre) if centre else FLOOR


def relative(residual: Tensor, target: Tensor) -> float:
    """‖residual‖/‖target‖; 0 for 0/0, infinite for what is not a number."""
    error, size = float(residual.norm()), float(target.norm())
    if error == 0 or not size or math.isnan(error):
        return 0.0 if error == 0 else math.inf
    return error / size


def centred(rows: Tensor) -> Tensor:
    """Without the row means; one logit is left as it is."""
    rows = wide(rows)
    return rows if rows.shape[1] == 1 else rows - rows.mean(1, keepdim=True)


def wide(x: Tensor) -> Tensor:
    """float64, where the device has it."""
    return x.float() if x.device.type == "mps" else x.double()


def _float32_at_least(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))
