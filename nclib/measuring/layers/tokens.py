"""Which tokens a classifier reads, and one row of features a sample from them."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

from nclib.measuring.layers.units import (
    few,
    first_tensor,
    hooked,
    logits_of,
    probing,
    squares,
    traceable,
)
from nclib.measuring.modes import call
from nclib.shapes import Bool, Float, Tensor


class Tokens(NamedTuple):
    """A rule that picks tokens of (B, T, p), the same in every batch.

    Attributes:
        kind: ``"mean"`` over all that are no padding, ``"last"`` that is none, ``"some"`` or
            ``"from"`` one on; ``"every"`` token is a sample.
        places: of the tokens for ``"some"``, the first one for ``"from"``.
        says: the rule in words, for a report.
    """

    kind: str
    places: tuple[int, ...] = ()
    says: str = "mean over tokens"

    def pick(self, x: Float[Tensor, "B T p"], real: Bool[Tensor, "B T"] | None) -> Tensor:
        """The tokens (B, t, p) of the rule; padding is zero, and counted out by ``mean``."""
        if self.kind == "some":
            return x[:, list(self.places)]
        if self.kind == "from":
            return x[:, self.places[0] :]
        if self.kind == "last":
            return x[torch.arange(len(x), device=x.device), _last(x, real)][:, None]
        return x if real is None else x.masked_fill(~real[..., None], 0)

    def mean(self, x: Float[Tensor, "B T p"], real: Bool[Tensor, "B T"] | None) -> Tensor:
        """One row (B, p) a sample: the mean of the tokens picked."""
        picked = self.pick(x, real)
        if picked.shape[1] == 1:
            return picked[:, 0].clone()
        dtype = torch.promote_types(x.dtype, torch.float32)  # half loses digits in a mean
        if self.kind != "mean" or real is None:
            return picked.mean(1, dtype=dtype)
        return picked.sum(1, dtype=dtype) / real.sum(1).clamp(min=1)[:, None]


MEAN = Tokens("mean")
EVERY = Tokens("every", says="every position is a sample")


def _last(x: Tensor, real: Bool[Tensor, "B T"] | None) -> Tensor:
    """The last place of each row that is no padding."""
    if real is None:
        return torch.full((len(x),), x.shape[1] - 1, device=x.device)
    return (real * torch.arange(real.shape[1], device=real.device)).argmax(1)


def real_tokens(model: nn.Module, args: tuple, kwargs: dict, *, by_ids: bool) -> Tensor | None:
    """(B, T), False at padding, or None where nothing tells it.

    The attention mask says it, and the padding's number in the model's ``config``; ``by_ids`` asks
    the number first, as transformers does where it looks for the last token.
    """
    ids, mask = kwargs.get("input_ids", next(iter(args), None)), kwargs.get("attention_mask")
    padding = getattr(getattr(model, "config", None), "pad_token_id", None)
    numbered = isinstance(ids, Tensor) and ids.ndim == 2 and not ids.is_floating_point()
    told = ids != padding if numbered and padding is not None else None
    masked = mask != 0 if isinstance(mask, Tensor) and mask.ndim == 2 else None
    first, second = (told, masked) if by_ids else (masked, told)
    return second if first is None else first


def tokens_read(
    model: nn.Module, inputs: Any, head: nn.Module | None = None
) -> tuple[Tokens, int | None]:
    """The rule by which the logits depend on tokens, and how many there are.

    None are there where no tensor (B, T, p) leads to the logits: 0; for logits at every position
    each is a sample, in whatever number.

    Read from the gradient of Σ L² at the last output (B, T, p) on the way to the logits L, for a
    few samples. A head of zeros has none: a fixed random weight stands in for it.
    """
    batch = few(inputs)
    if _at_every_position(model, batch):
        return EVERY, None
    gradient = _gradient(model, batch)
    if gradient is not None and not gradient.any():
        weight = getattr(head, "weight", None)
        if isinstance(weight, nn.Parameter):
            name = next(n for n, p in model.named_parameters() if p is weight)
            gradient = _gradient(model, batch, **{name: _random_like(weight)})
    if gradient is None:
        return MEAN, 0
    gradient = batch_first(gradient, len(first_tensor(batch)))
    args, kwargs = ((), batch) if isinstance(batch, dict) else ((first_tensor(batch),), {})
    read = gradient.ne(0).any(2)
    real = [real_tokens(model, args, kwargs, by_ids=by_ids) for by_ids in (True, False)]
    fits = [one if one is not None and one.shape == read.shape else None for one in real]
    return rule(read, *fits), read.shape[1]


def rule(
    read: Bool[Tensor, "n T"],
    numbered: Bool[Tensor, "n T"] | None = None,
    masked: Bool[Tensor, "n T"] | None = None,
) -> Tokens:
    """The rule behind which tokens are read, of a few samples; the mean where none is seen."""
    if read.all() or (masked is not None and torch.equal(read, masked)):
        return MEAN
    places = [tuple(row.nonzero().flatten().tolist()) for row in read]
    first, alike = places[0], len(set(places)) == 1
    last = _last(read[..., None], numbered).tolist()
    if places == [(place,) for place in last] and not (alike and first == (0,)):
        return Tokens("last", says="last token that is no padding, which the classifier reads")
    if alike and len(first) > 1 and first == tuple(range(first[0], read.shape[1])):
        return Tokens("from", first[:1], f"mean over tokens from {first[0]} on, as read")
    if alike and first:
        numbers = " and ".join(map(str, first))
        return Tokens("some", first, f"token {numbers}, which the classifier reads")
    return Tokens("mean", says="mean over tokens (no rule was found by which they are read)")


@torch.no_grad()
def _at_every_position(model: nn.Module, batch: Any) -> bool:
    """Whether the logits are (B, T, C) or (B, C, H, W)."""
    with probing(model):
        logits = logits_of(call(model, batch))
    return logits is not None and logits.ndim > 2


def batch_first(x: Tensor, rows: int | None) -> Tensor:
    """(T, B, p) becomes (B, T, p); all else stays."""
    second = x.ndim == 3 and len(x) != rows == x.shape[1]
    return x.transpose(0, 1) if second else x


def _gradient(model: nn.Module, batch: Any, **replaced: Tensor) -> Tensor | None:
    """dΣL²/dx at the last x (n, T, p) that the logits depend on; None where there is none."""
    given: list[Tensor] = []

    def ends(_: nn.Module, __: Any, ___: Any, outputs: Any) -> None:
        tensor = first_tensor(outputs)
        if tensor is not None and tensor.ndim == 3 and tensor.requires_grad:
            given.append(tensor)

    with probing(model), torch.enable_grad(), hooked(model.modules(), ends=ends):
        score = squares(traceable(model, batch, **replaced))
    for tensor in reversed(given if score is not None else []):
        found = torch.autograd.grad(score, tensor, retain_graph=True, allow_unused=True)[0]
        if found is not None:
            return found
    return None


def _random_like(weight: Tensor) -> Tensor:
    """The same numbers every time, whatever the global generators hold."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(weight.shape, generator=generator).to(weight)
