"""Which dimension of a tensor holds channels, told by the weight that reads it."""

from __future__ import annotations

import math

from torch import nn

from nclib.measuring.layers.units import Event

_KINDS = (  # modules, the attribute that says what their weight reads, whether in dimension 1
    ((nn.Conv1d, nn.Conv2d, nn.Conv3d), "in_channels", True),
    ((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), "in_channels", True),
    (nn.modules.batchnorm._NormBase, "num_features", True),
    (nn.GroupNorm, "num_channels", True),
    (nn.Linear, "in_features", False),
    (nn.LayerNorm, "normalized_shape", False),
    (nn.MultiheadAttention, "embed_dim", False),
    (nn.RNNBase, "input_size", False),
)
_OTHERS = (("in_channels", True), ("in_features", False), ("nx", False))  # nx: transformers' Conv1D


def channel_of(events: list[Event], place: int) -> int:
    """The channels' dimension of the tensor of one event.

    It is the one whose size the first weight reads that is called from there on. Where several
    dimensions have this size, it is dimension 1 for convolutions and batch norm, else the last;
    where none has, the shape decides: the last of three, or behind two equal ones, else the first.
    """
    shape = events[place].shape
    if len(shape) < 3:
        return len(shape) - 1
    readers = (reads(event.module) for event in events[place:] if event.begins)
    size, first = next((found for found in readers if found is not None), (0, False))
    fitting = [dim for dim in range(1, len(shape)) if shape[dim] == size]
    if fitting:
        return fitting[0] if first else fitting[-1]
    return _by_shape(shape, size, first=first)


def _by_shape(shape: tuple[int, ...], size: int, *, first: bool) -> int:
    """No dimension has the size that is read: patches are merged, or maps flattened."""
    merges = not first and size == 4 * shape[-1] != math.prod(shape[1:])
    if len(shape) == 3 or merges or (len(shape) == 4 and shape[1] == shape[2] != shape[3]):
        return len(shape) - 1
    return 1


def reads(module: nn.Module) -> tuple[int, bool] | None:
    """How many channels a module's own weight reads, and whether in dimension 1; None: it has none.

    A bare parameter (a layer's scale, a class token) is none: the module must be of a known kind,
    or have no children and say its size.
    """
    for kind, name, first in _KINDS:
        if isinstance(module, kind):
            size = getattr(module, name)
            return (size if isinstance(size, int) else size[-1]), first
    if any(True for _ in module.children()):
        return None
    for name, first in _OTHERS:
        if isinstance(size := getattr(module, name, None), int):
            return size, first
    weight = getattr(module, "weight", None)
    norm = isinstance(weight, nn.Parameter) and weight.ndim == 1  # by any other name
    return (len(weight), False) if norm else None
