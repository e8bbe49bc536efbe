"""Where notebook 07's descents begin."""

from __future__ import annotations

import torch

from nclib.formulas.deep_ufm import DeepUFM


def nudged(model: DeepUFM, size: float = 0.02) -> DeepUFM:
    """The same model, a little beside where it stood."""
    for parameter in model.parameters():
        parameter.data += size * torch.randn(parameter.shape)
    return model
