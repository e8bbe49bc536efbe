"""Checks of what a user hands in; each error names the argument, what was found and what to do."""

from __future__ import annotations

import torch

from nclib._shapes import Tensor


def check_pair(features: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless features are (N, p) and labels (N,) integers, both tensors."""
    for name, given in (("features", features), ("labels", labels)):
        if not isinstance(given, torch.Tensor):
            raise ValueError(
                f"{name} are a {type(given).__module__}.{type(given).__name__}; "
                f"give a tensor: torch.as_tensor({name})"
            )
    if features.ndim != 2:
        raise ValueError(f"features have shape {tuple(features.shape)}; expected (N, p)")
    if labels.dtype.is_floating_point or labels.dtype in (torch.bool, torch.complex64):
        raise ValueError(f"labels have dtype {labels.dtype}; expected class indices, e.g. int64")
    if labels.shape != features.shape[:1]:
        raise ValueError(
            f"labels have shape {tuple(labels.shape)}; features of shape {tuple(features.shape)} "
            f"need ({features.shape[0]},)"
        )


def raise_not_finite(features: Tensor, start: int = 0) -> None:
    """Raise ValueError naming the rows from ``start`` on that are NaN or infinite."""
    bad = (~torch.isfinite(features[start:]).all(1)).nonzero().flatten() + start
    if not len(bad):
        raise ValueError("features are finite but too large for their dtype; give them as float64")
    shown = ", ".join(map(str, bad[:5].tolist())) + (", …" if len(bad) > 5 else "")
    raise ValueError(
        f"features contain NaN or infinite values in {len(bad)} rows ({shown}); "
        "the network diverged or its input was not finite"
    )
