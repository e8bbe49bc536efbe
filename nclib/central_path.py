"""The central path: features whose classifier is always the least-squares one (Han et al. 2022).

With equal class counts and no decay the loss depends on the features through C-1 numbers only, the
signal-to-noise ratios ω_j: singular values of Σ_W^{-1/2} Ṁᵀ. Derived in notebook 05.
"""

from __future__ import annotations

import torch

from nclib._shapes import Float, Tensor
from nclib.mse import reach_of_null, within_spectrum
from nclib.statistics import ClassStatistics


def snr_singular_values(stats: ClassStatistics) -> Float[Tensor, " {stats.num_classes}-1"]:
    """ω_j, singular values of Σ_W^{-1/2} Ṁᵀ, descending; all → ∞ (NC1), and equal (NC2).

    Unchanged by every invertible affine map of the features. Any class counts. Where Σ_W is
    singular up to rounding they are the limits of a vanishing ridge: a mode in which the class
    means differ outside the range of Σ_W is ``inf``; where means do not differ at all it is 0 (at
    least C-1-p of them when p < C-1).

    Returns:
        (C-1,) float64, on the statistics' device.

    Raises:
        ValueError: for a class without samples, or statistics without scatter.

    Source: Han, Papyan, Donoho 2022 (the SNR matrix).
    """
    spectrum = within_spectrum(stats)
    means = stats.centred_means.to(spectrum.values)
    outside = reach_of_null(spectrum, means).u
    inside = means @ (spectrum.vectors / spectrum.values.sqrt())
    finite = torch.linalg.svdvals(inside - outside @ (outside.T @ inside))
    omega = torch.cat([torch.full_like(outside[0], torch.inf), finite])[: len(means) - 1]
    return torch.nn.functional.pad(omega, (0, len(means) - 1 - len(omega)))
