"""Class statistics of features: one pass, mergeable, exact near collapse and far from the origin.

Each class is measured from its own first sample (the shift), and blocks are merged by Chan's rule,
so that nothing large is ever subtracted: neither an offset of 1e6 nor a within-class scatter 1e-10
of the between-class one costs digits. Other modules read from here means, scatter and what is zero.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from nclib.checks import at_least, check_classes, check_dense, check_pair, check_range
from nclib.formulas.samples import Samples
from nclib.formulas.sums import Sums, add_product, highest, mirror, numbered, size
from nclib.shapes import Float, Int, Tensor


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
        self._sums = Sums.zeros(num_classes, num_features, scatter=scatter, device=self.device)
        self.reset()

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
        features, labels = features.detach().to(self.device), labels.to(self.device).long()
        classes, labels = numbered(labels, self.num_classes)
        dtype = torch.promote_types(features.dtype, self._precision)
        batch = self._release()._sums.means_of(features, labels, classes, dtype)
        self._know(features.dtype, batch)
        for h, y in batch.residuals(features, labels, self._precision):
            batch.spread.index_add_(0, y, h.square().sum(1).to(batch.spread))
            if self._sums.scatter is not None:
                add_product(self._sums.scatter, h)
        self._sums.absorb(batch, classes)
        return self

    def merge(self, other: ClassStatistics) -> ClassStatistics:
        """Add what another has seen, as if its samples had been given to this one; returns self."""
        mine, theirs = ((one.num_classes, one.num_features) for one in (self, other))
        if mine != theirs:
            raise ValueError(
                f"other has (classes, features) = {theirs}, this has {mine}; they must be equal"
            )
        sums, more = self._release()._sums, other._release()._sums
        if (sums.scatter is None) != (more.scatter is None):
            raise ValueError("one of the two keeps no scatter; give both the same scatter=")
        classes = more.counts.nonzero().flatten()
        sums.absorb(more.of(classes), classes)
        if sums.scatter is not None:
            sums.scatter += more.scatter
        self._precision = torch.promote_types(self._precision, other._precision)
        self._rounding = max(self._rounding, other._rounding)
        return self

    def all_reduce(self, group: object | None = None) -> ClassStatistics:
        """Merge over all processes of a ``torch.distributed`` group; every rank gets the total.

        Sums are reduced where they are kept, and come out equal on all ranks to the bit. Every rank
        must call it, one without samples, too. Ranks must hold disjoint samples
        (``dataset[rank::world]``): a padded sampler counts some twice.

        Raises:
            ValueError: on all ranks, where they have not all the same sizes and ``scatter=``.
        """
        sums = self._release()._sums
        wide = self._precision == torch.float64
        self._rounding, wide = highest(sums, (self._rounding, float(wide)), group)
        self._precision = torch.float64 if wide else torch.float32
        sums.all_reduce(group)
        return self

    def restricted_to(self, classes: Tensor) -> ClassStatistics:
        """Of these (k,) classes alone, counted 0..k-1 in the order given.

        Those of ``stats.counts.nonzero().flatten()`` can be measured where others have no samples,
        with the rows ``weight[classes]`` of the classifier.

        Raises:
            ValueError: unless ``classes`` are two or more, distinct, of 0..C-1; or where one with
                samples is left out and the scatter, which is of all samples, is kept.
        """
        classes = check_classes(classes, self.num_classes).to(self.device)
        few = ClassStatistics(len(classes), self.num_features, device=self.device, scatter=False)
        few._precision, few._rounding = self._precision, self._rounding
        few._sums = self._sums.of(classes)
        left_out = self.num_samples - few.num_samples
        if left_out and (self._source is not None or self._sums.scatter is not None):
            raise ValueError(
                f"classes leave out {left_out} samples, which the within-class scatter includes; "
                "give all classes that have samples, or make the statistics with scatter=False"
            )
        if self._sums.scatter is not None:
            few._sums.scatter = self._sums.scatter.clone()
        few._source = self._source and self._source.numbered(classes)
        return few

    def reset(self) -> ClassStatistics:
        """Forget all samples and keep the sizes; returns self."""
        self._sums.clear()
        self._source: Samples | None = None  # the features seen, for later
        self._precision = torch.float32  # widest features seen: blocks are computed in it
        self._rounding = torch.finfo(self._sums.shift.dtype).eps  # of the coarsest features seen
        return self

    # What the statistics are

    @property
    def counts(self) -> Int[Tensor, " C"]:
        """n_c, samples of each class."""
        return self._sums.counts

    @property
    def num_samples(self) -> int:
        """N, all samples seen."""
        return int(self.counts.sum())

    @property
    def class_means(self) -> Float[Tensor, "C p"]:
        """μ_c, rows. Raises ValueError when a class has no samples, as all that follow."""
        self._require_all()
        return self._sums.shift + self._sums.offset

    @property
    def centred_means(self) -> Float[Tensor, "C p"]:
        """μ_c - μ_G, rows, without the digits an offset would cost."""
        self._require_all()
        means = (self._sums.shift - self._sums.shift[0]) + self._sums.offset
        return means - means.mean(0)

    @property
    def global_mean(self) -> Float[Tensor, " p"]:
        """μ_G, the unweighted mean of the class means, as every NC metric uses it."""
        return self.class_means.mean(0)

    @property
    def class_variances(self) -> Float[Tensor, " C"]:
        """Mean squared distance of each class's samples from its mean (trace of its covariance)."""
        self._require_all()
        return self._sums.spread / self.counts

    @property
    def within_covariance(self) -> Float[Tensor, "p p"]:
        """Σ_W = (1/N) Σ (h - μ_y)(h - μ_y)ᵀ. Raises ValueError when no scatter was kept."""
        self._require_all()
        self._form_scatter()
        if self._sums.scatter is None:
            raise ValueError(
                "these statistics were made with scatter=False and keep no within-class scatter; "
                "make them with scatter=True"
            )
        return mirror(self._sums.scatter) / self.num_samples

    @property
    def between_covariance(self) -> Float[Tensor, "p p"]:
        """Σ_B = (1/C) Σ (μ_c - μ_G)(μ_c - μ_G)ᵀ, unweighted over classes."""
        centred = self.centred_means
        return centred.T @ centred / self.num_classes

    @property
    def total_covariance(self) -> Float[Tensor, "p p"]:
        """Σ_T of all samples: Σ_W plus the between-class covariance *weighted by the counts*."""
        share = (self.counts.to(self._sums.spread) / self.num_samples)[:, None]
        centred = self.centred_means
        centred = centred - (share * centred).sum(0)
        return self.within_covariance + centred.T @ (share * centred)

    @property
    def resolution(self) -> float:
        """The size up to which differences of class means are zero: the features' own rounding.

        A feature is known to ε/2 of itself, ε that of the coarsest dtype seen, and C class means to
        ε/2·√C·√(mean ‖h‖²) in Frobenius norm, offset included. This is twice that.
        """
        means = self.counts.to(self._sums.spread) @ self.class_means.square().sum(1)
        mean_square = float(means + self._sums.spread.sum()) / self.num_samples
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
        dtype = torch.promote_types(features.dtype, self._precision)
        return self._sums.residuals(features, labels.to(self.device).long(), dtype)

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

    def _know(self, dtype: torch.dtype, batch: Sums) -> None:
        """Keep ε; where squares of features of this size would leave float32, take float64."""
        kept = batch.shift.dtype
        largest = max(size(batch.shift), size(batch.offset))
        widest = torch.finfo(kept).max ** 0.45
        if largest and not 1 / widest < largest < widest:
            raise ValueError(
                f"features of size {largest:.0e} have squares outside {kept}; scale them (no "
                "measure of collapse depends on their scale)"
            )
        if dtype.is_floating_point:
            self._rounding = max(self._rounding, torch.finfo(dtype).eps)
        self._precision = torch.promote_types(self._precision, dtype)
        if largest and not 1e-10 < largest < 1e15:
            self._precision = torch.promote_types(self._precision, kept)

    def _form_scatter(self) -> None:
        """Scatter of the features referenced, which stay at hand to be projected."""
        if self._source is not None and self._sums.scatter is None:
            scatter = self._sums.shift.new_zeros(self.num_features, self.num_features)
            for h, _ in self.residuals(*self._source.unchanged()):
                add_product(scatter, h)
            self._sums.scatter = scatter

    def _release(self) -> ClassStatistics:
        """Keep the scatter instead of the features, before more data come; returns self."""
        self._form_scatter()
        self._source = None
        return self

    def _require_all(self) -> None:
        missing = (self.counts == 0).nonzero().flatten().tolist()
        if missing:
            shown = ", ".join(map(str, missing[:20])) + (", …" if len(missing) > 20 else "")
            raise ValueError(
                f"labels have no samples of class {shown} (of {self.num_classes}); give samples of "
                "every class or lower num_classes"
            )

    def __repr__(self) -> str:
        sizes = f"{self.num_classes} classes, {self.num_features} features"
        return f"ClassStatistics({sizes}, {self.num_samples} samples)"
