"""Class statistics of features: one pass, mergeable, exact near collapse and far from the origin.

Each class is measured from its own first sample (the shift), and blocks are merged by Chan's rule,
so that nothing large is ever subtracted: neither an offset of 1e6 nor a within-class scatter 1e-10
of the between-class one costs digits. Other modules read from here means, scatter and what is zero.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from nclib.checks import at_least, check_dense, check_pair, check_range, raise_not_finite
from nclib.formulas.samples import Samples, first_samples
from nclib.shapes import Float, Tensor


class ClassStatistics:
    """Counts, class means and scatter of (N, p) features with labels 0..C-1.

    Args:
        num_classes: C, at least 2.
        num_features: p, at least 1.
        device: where the sums are kept; float64, or float32 where the device has no float64 (MPS).
        scatter: keep the (p, p) within-class scatter while updating. Without it a stream costs
            O(Cp) memory, and what needs the scatter raises.
    """

    def __init__(
        self,
        num_classes: int,
        num_features: int,
        *,
        device: torch.device | str = "cpu",
        scatter: bool = True,
    ) -> None:
        at_least(2, ": collapse needs two classes", num_classes=num_classes)
        at_least(1, num_features=num_features)
        self.num_classes, self.num_features = num_classes, num_features
        self.device = torch.device(device)
        dtype = torch.float32 if self.device.type == "mps" else torch.float64
        zeros = lambda *shape: torch.zeros(*shape, dtype=dtype, device=self.device)  # noqa: E731
        self.counts: Tensor = zeros(num_classes).long()
        self._shift = zeros(num_classes, num_features)  # first sample of each class
        self._offset = zeros(num_classes, num_features)  # class mean - shift
        self._spread = zeros(num_classes)  # Σ ‖h - μ_c‖² of each class
        self._scatter = zeros(num_features, num_features) if scatter else None
        self._source: Samples | None = None  # the features seen, for later
        self._precision = torch.float32  # widest features seen: blocks are computed in it
        self._rounding = torch.finfo(dtype).eps  # of the coarsest features seen

    @classmethod
    def from_features(
        cls, features: Tensor, labels: Tensor, num_classes: int | None = None
    ) -> ClassStatistics:
        """Statistics of one array; the features are referenced, and Σ_W is formed when asked for.

        Args:
            features: (N, p), any floating dtype, finite.
            labels: (N,) integers in 0..C-1.
            num_classes: C; one more than the largest label when not given.

        Raises:
            ValueError: as ``update``; later, where the features are found changed in place.
        """
        check_pair(features, labels)
        num_classes = check_dense(labels) if num_classes is None else num_classes
        stats = cls(num_classes, features.shape[1], device=features.device, scatter=False)
        stats.update(features, labels)
        stats._source = Samples.of(features, labels)
        return stats

    @torch.no_grad()
    def update(self, features: Tensor, labels: Tensor) -> ClassStatistics:
        """Add a batch of (N, p) features with (N,) integer labels; returns self.

        Raises:
            ValueError: for shapes that do not match, labels that are not integers in 0..C-1, or
                features that are NaN or infinite (the first rows are named). Nothing is added then.
        """
        self.check_batch(features, labels)
        batch = self._release()._empty_like()
        batch._accumulate(features.detach().to(self.device), labels.to(self.device), self)
        return self._absorb(batch)

    def merge(self, other: ClassStatistics) -> ClassStatistics:
        """Add what another has seen, as if its samples had been given to this one; returns self."""
        mine, theirs = ((one.num_classes, one.num_features) for one in (self, other))
        if mine != theirs:
            raise ValueError(
                f"other has (classes, features) = {theirs}, this has {mine}; they must be equal"
            )
        if (self._release()._scatter is None) != (other._release()._scatter is None):
            raise ValueError("one of the two keeps no scatter; give both the same scatter=")
        return self._absorb(other)

    def all_reduce(self, group: object | None = None) -> ClassStatistics:
        """Merge over all processes of a ``torch.distributed`` group; every rank gets the total.

        Ranks must hold disjoint samples (``dataset[rank::world]``): a padded sampler counts some
        twice.
        """
        from torch import distributed

        shares: list = [None] * distributed.get_world_size(group)
        distributed.all_gather_object(shares, self._release(), group=group)
        total = self._empty_like()
        for share in shares:
            total._absorb(share)
        self.__dict__.update(total.__dict__)
        return self

    # What the statistics are

    @property
    def num_samples(self) -> int:
        """N, all samples seen."""
        return int(self.counts.sum())

    @property
    def class_means(self) -> Float[Tensor, "C p"]:
        """μ_c, rows. Raises ValueError when a class has no samples, as all that follow."""
        self._require_all()
        return self._shift + self._offset

    @property
    def centred_means(self) -> Float[Tensor, "C p"]:
        """μ_c - μ_G, rows, without the digits an offset would cost."""
        self._require_all()
        means = (self._shift - self._shift[0]) + self._offset
        return means - means.mean(0)

    @property
    def global_mean(self) -> Float[Tensor, " p"]:
        """μ_G, the unweighted mean of the class means, as every NC metric uses it."""
        return self.class_means.mean(0)

    @property
    def class_variances(self) -> Float[Tensor, " C"]:
        """Mean squared distance of each class's samples from its mean (trace of its covariance)."""
        self._require_all()
        return self._spread / self.counts

    @property
    def within_covariance(self) -> Float[Tensor, "p p"]:
        """Σ_W = (1/N) Σ (h - μ_y)(h - μ_y)ᵀ. Raises ValueError when no scatter was kept."""
        self._require_all()
        self._form_scatter()
        if self._scatter is None:
            raise ValueError(
                "these statistics were made with scatter=False and keep no within-class scatter; "
                "make them with scatter=True"
            )
        return self._scatter / self.num_samples

    @property
    def between_covariance(self) -> Float[Tensor, "p p"]:
        """Σ_B = (1/C) Σ (μ_c - μ_G)(μ_c - μ_G)ᵀ, unweighted over classes."""
        centred = self.centred_means
        return centred.T @ centred / self.num_classes

    @property
    def total_covariance(self) -> Float[Tensor, "p p"]:
        """Σ_T of all samples: Σ_W plus the between-class covariance *weighted by the counts*."""
        share = (self.counts.to(self._spread) / self.num_samples)[:, None]
        centred = self.centred_means
        centred = centred - (share * centred).sum(0)
        return self.within_covariance + centred.T @ (share * centred)

    @property
    def resolution(self) -> float:
        """The size up to which differences of class means are zero: the features' own rounding.

        A feature is known to ε/2 of itself, ε that of the coarsest dtype seen, and C class means to
        ε/2·√C·√(mean ‖h‖²) in Frobenius norm, offset included. This is twice that.
        """
        means = self.counts.to(self._spread) @ self.class_means.square().sum(1)
        mean_square = float(means + self._spread.sum()) / self.num_samples
        return self._rounding * (self.num_classes * mean_square) ** 0.5

    def within_variance_along(self, directions: Float[Tensor, "p k"]) -> Float[Tensor, " k"]:
        """diag(Vᵀ Σ_W V) for the columns of V; no (p, p) product where features are at hand."""
        if self._source is None:
            return (directions * (self.within_covariance @ directions)).sum(0)
        total = torch.zeros_like(directions[0])
        for h, _ in self.residuals(*self._source.unchanged()):
            total += (h @ directions.to(h.dtype)).square().sum(0)
        return total / self.num_samples

    def residuals(self, features: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Blocks of h - μ_y with their labels, in the features' precision (at least float32)."""
        offset = self._offset.to(torch.promote_types(features.dtype, self._precision))
        for h, y in self._shifted(features, labels):
            yield h.sub_(offset.index_select(0, y)), y

    def refers_to(self, features: Tensor, labels: Tensor) -> bool:
        """Whether these very samples were given to ``from_features``: one pass then does."""
        return self._source is not None and self._source.are(features, labels)

    def check_batch(self, features: Tensor, labels: Tensor) -> None:
        """Raise ValueError unless (N, p) features with (N,) integer labels in 0..C-1."""
        check_pair(features, labels)
        if features.shape[1] != self.num_features:
            raise ValueError(
                f"features have {features.shape[1]} columns, the statistics {self.num_features}"
            )
        check_range(labels, self.num_classes)

    # How they are kept

    def _shifted(self, features: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Blocks of h - shift_y, exact in floating point for h near the shift; cache-sized."""
        shift = self._shift.to(torch.promote_types(features.dtype, self._precision))
        step = max(64, (2**19 if shift.device.type == "cpu" else 2**26) // self.num_features)
        features, labels = features.detach(), labels.to(shift.device).long()
        for h, y in zip(features.split(step), labels.split(step), strict=True):
            yield h.to(shift.device) - shift.index_select(0, y), y

    def _accumulate(self, features: Tensor, labels: Tensor, target: ClassStatistics) -> None:
        """Fill this empty one with a batch, measured from the target's first samples."""
        self.counts = torch.bincount(labels, minlength=self.num_classes)
        self._precision = torch.promote_types(features.dtype, target._precision)
        first = first_samples(features, labels, self._shift)
        self._shift = torch.where((target.counts > 0)[:, None], target._shift, first)
        for h, y in self._shifted(features, labels):
            self._offset.index_add_(0, y, h.to(self._offset.dtype))
        if not torch.isfinite(self._offset).all():
            raise_not_finite(features)
        self._offset /= self.counts.clamp(min=1)[:, None]
        self._know_rounding(features.dtype)
        for h, y in self.residuals(features, labels):
            self._spread.index_add_(0, y, h.square().sum(1).to(self._spread.dtype))
            if self._scatter is not None:
                self._scatter += h.T @ h

    def _know_rounding(self, dtype: torch.dtype) -> None:
        """Keep ε; where squares of features of this size would leave float32, take float64."""
        if dtype.is_floating_point:
            self._rounding = max(self._rounding, torch.finfo(dtype).eps)
        size = float(torch.maximum(self._shift.abs(), self._offset.abs()).max())
        widest = torch.finfo(self._offset.dtype).max ** 0.45
        if size and not 1 / widest < size < widest:
            raise ValueError(
                f"features of size {size:.0e} have squares outside {self._offset.dtype}; scale "
                "them (no measure of collapse depends on their scale)"
            )
        if size and not 1e-10 < size < 1e15:
            self._precision = torch.promote_types(self._precision, self._offset.dtype)

    def _absorb(self, other: ClassStatistics) -> ClassStatistics:
        """Chan's merge; only non-negative terms are added to the scatter."""
        seen = other.counts > 0
        new = (self.counts == 0) & seen
        self._shift[new] = other._shift[new]
        total = self.counts + other.counts
        share = other.counts.to(self._spread) / total.clamp(min=1)
        delta = (other._shift - self._shift) + other._offset - self._offset
        delta = torch.where(seen[:, None], delta, 0)
        weight = (self.counts * share)[:, None]
        self._spread += other._spread + (weight * delta.square()).sum(1)
        if self._scatter is not None:
            self._scatter += other._scatter + delta.T @ (weight * delta)
        self._offset += share[:, None] * delta
        self.counts = total
        self._precision = torch.promote_types(self._precision, other._precision)
        self._rounding = max(self._rounding, other._rounding)
        return self

    def _form_scatter(self) -> None:
        """Scatter of the features referenced, which stay at hand to be projected."""
        if self._source is not None and self._scatter is None:
            scatter = self._offset.new_zeros(self.num_features, self.num_features)
            for h, _ in self.residuals(*self._source.unchanged()):
                scatter += h.T @ h
            self._scatter = scatter

    def _release(self) -> ClassStatistics:
        """Keep the scatter instead of the features, before more data come; returns self."""
        self._form_scatter()
        self._source = None
        return self

    def _empty_like(self) -> ClassStatistics:
        size, scatter = (self.num_classes, self.num_features), self._scatter is not None
        return ClassStatistics(*size, device=self.device, scatter=scatter)

    def _require_all(self) -> None:
        missing = (self.counts == 0).nonzero().flatten().tolist()
        if missing:
            raise ValueError(
                f"labels have no samples of class {', '.join(map(str, missing))} (of "
                f"{self.num_classes}); give samples of every class or lower num_classes"
            )

    def __repr__(self) -> str:
        sizes = f"{self.num_classes} classes, {self.num_features} features"
        return f"ClassStatistics({sizes}, {self.num_samples} samples)"
