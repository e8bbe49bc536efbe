"""Deep neural collapse, DNC1-DNC3, measured at the input of every layer of a deep model.

They are numbers of their own, not NC1-NC3 of every layer: a ratio of traces, which a linear map
changes; singular values of means that are not centred, so that a frame is the limit and a simplex
is infinitely far from it; and angles alone, whatever the lengths of the weight's rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from nclib.shapes import Float, Tensor


@dataclass(frozen=True)
class LayerCollapse:
    """Deep neural collapse at the input of one layer.

    Attributes:
        dnc1: tr Σ_W / tr Σ_B, within against between classes; ≥ 0, → 0.
        dnc2: largest over K-th singular value of the class means, not centred; ≥ 1, → 1; infinite
            where their rank is below K.
        gram_distance: ‖G/‖G‖ - I/√K‖ of the means' Gram matrix G; 0 for an orthogonal frame.
        dnc3: Σ‖w‖ sin∠(w, nearest class mean) / Σ‖w‖ over the rows w of the weight; in [0, 1], → 0.
        rank: singular values of the class means above a hundredth of the largest.
    """

    dnc1: float
    dnc2: float
    gram_distance: float
    dnc3: float
    rank: int


@torch.no_grad()
def layer_collapse(model: nn.Module) -> list[LayerCollapse]:
    """DNC1-DNC3 of all L layers of a ``DeepUFM``, from the first (features and W_1) to the last.

    The frame of the first layer is not unique, nor what enters the second before its ReLU: at the
    optimum its cosines may be anything from -1/(K-1) to 0 at equal cost. So of the first layer
    only ``dnc1`` must vanish, of the others everything.

    Source: Súkeník, Mondelli, Lampert 2023.
    """
    layers = zip(model.inputs(), model.class_means(), model.weights, strict=True)
    return [_layer(x.double(), m, w.double()) for x, m, w in layers]


def _layer(x: Tensor, means: Tensor, weight: Tensor) -> LayerCollapse:
    within = (x.unflatten(0, (len(means), -1)) - means[:, None]).square().sum() / len(x)
    between = (means - means.mean(0)).square().sum() / len(means)
    rounding = 400 * torch.finfo(means.dtype).eps  # a share of the largest singular value
    means = means.double()
    singular = torch.linalg.svdvals(means)
    singular[singular < rounding * singular[0]] = 0
    gram = means @ means.T
    frame = torch.eye(len(means), dtype=gram.dtype, device=gram.device) / len(means) ** 0.5
    return LayerCollapse(
        dnc1=float(within / between),
        dnc2=float(singular[0] / singular[-1]),
        gram_distance=float((gram / gram.norm() - frame).norm()),
        dnc3=weight_alignment(weight, means),
        rank=int((singular > singular[0] / 100).sum()),
    )


def weight_alignment(weight: Float[Tensor, "q p"], means: Float[Tensor, "C p"]) -> float:
    """Σ‖w‖ sin∠(w, nearest mean)/Σ‖w‖ over rows w of a layer's weight; in [0, 1], → 0 (DNC3).

    How far each row lies from the line of the nearest mean, not centred. Source: Súkeník, Mondelli,
    Lampert 2023.
    """
    weight = weight.to(means)
    unit = torch.nn.functional.normalize(means)  # a class that is zero stays so
    nearest = unit[(weight @ unit.T).argmax(1)]
    rest = weight - (weight * nearest).sum(1, keepdim=True) * nearest
    return float(rest.norm(dim=1).sum() / weight.norm(dim=1).sum())
