"""What a linear classifier decides, for samples known by their residuals from the class means."""

from __future__ import annotations

import torch

from nclib.formulas.statistics import ClassStatistics
from nclib.formulas.sums import gram_of
from nclib.shapes import Float, Int, Tensor

MANY = 4096  # of more classes nothing of size (C, C) is made


class Decisions:
    """argmax of Wh + b at h = μ_y + r, from r, which is exact even far from the origin.

    A sample nearer to its class mean than the classifier's nearest border is decided as the mean
    is: near collapse hardly any sample needs its logits.
    """

    def __init__(
        self, stats: ClassStatistics, weight: Float[Tensor, "C p"], bias: Float[Tensor, " C"]
    ) -> None:
        self.weight, self.means = weight, stats.centred_means
        self.constant = weight @ stats.global_mean + bias  # logits of the global mean
        self.few = len(weight) <= MANY
        if self.few:
            self.logits = self.means @ weight.T + self.constant  # of the class means
            self.decided = self.logits.argmax(1)
            self.margin = margins(self.logits, weight, self.decided)

    def of(self, residuals: Float[Tensor, "b p"], labels: Int[Tensor, " b"]) -> Tensor:
        """The class decided for each sample, (b,)."""
        self.weight = self.weight.to(residuals.dtype)
        if not self.few:
            points = residuals + self.means.index_select(0, labels).to(residuals.dtype)
            return (points @ self.weight.T + self.constant.to(residuals.dtype)).argmax(1)
        decided = self.decided[labels]
        unsure = (residuals.norm(dim=1) >= self.margin[labels]).nonzero().flatten()
        if len(unsure):
            logits = self.logits[labels[unsure]].to(residuals.dtype)
            decided[unsure] = logits.addmm_(residuals[unsure], self.weight.T).argmax(1)
        return decided


def margins(
    logits: Float[Tensor, "C C"], weight: Float[Tensor, "C p"], decided: Int[Tensor, " C"]
) -> Float[Tensor, " C"]:
    """How far each class mean lies from the nearest border of its decision, less some rounding."""
    gram, rounding = gram_of(weight), 1e3 * torch.finfo(weight.dtype).eps
    norms = gram.diagonal()
    sums = norms[decided][:, None] + norms
    apart = (sums * (1 + rounding) - 2 * gram[decided]).clamp(min=0).sqrt()
    gaps = logits.gather(1, decided[:, None]) - logits - rounding * logits.abs().max()
    distances = (gaps / apart).nan_to_num(0, posinf=0).scatter(1, decided[:, None], torch.inf)
    return 0.99 * distances.min(1).values.clamp(min=0)
