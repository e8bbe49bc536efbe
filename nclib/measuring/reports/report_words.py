"""Words for quantities, layers' columns, numbers and names in a report of collapse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nclib.quantities import QUANTITIES
from nclib.texts import readable, shortened

MANY = 10  # names that are spelled out


def _nc2(name: str) -> dict[str, str]:
    return {f"{name}_{of}": f"{QUANTITIES[name].title}, {of}" for of in ("means", "weights")}


def _short_nc2(name: str) -> str:
    return QUANTITIES[name].title.replace(":", ",")


# In the order of the table; a quantity that is not here comes last, under its own name.
WORDS = {
    "loss": "loss",
    "accuracy": "accuracy",
    "ncc_accuracy": "NCC accuracy: nearest class mean",
    "nc1": QUANTITIES["nc1"].title,
    "quotient": "quotient: tr Σ_W / tr Σ_B",
    "cdnv": "CDNV: mean over pairs of classes",
    **_nc2("equinorm"),
    **_nc2("equiangularity"),
    **_nc2("max_angle"),
    "self_duality": QUANTITIES["self_duality"].title,
    "ncc_mismatch": QUANTITIES["ncc_mismatch"].title,
    "rank": "rank of the centred means",
    "log_distance": "-log distance of means: mean",
    "log_distance_variance": "-log distance of means: variance",
    "uniformity": "uniformity of the means",
    "samples": "samples of no known class",
    "span_share": "share in the span of the means",
    "span_share_auroc": "AUROC of that share",
    "mean_distance": "distance to the nearest mean",
    "mean_distance_auroc": "AUROC of that distance",
}
SHORT = {"nc1": "NC1", "ncc_mismatch": "NC4", "self_duality": "NC3"}
SHORT |= {f"{name}_means": _short_nc2(name) for name in ("equinorm", "equiangularity", "max_angle")}
LAYER_WORDS = {
    "nc1": "NC1", "ratio": "ratio", "shuffled": "shuffled", "quotient": "quotient", "cdnv": "CDNV",
    "ncc_accuracy": "NCC acc.", "effective_rank": "eff. rank", "rank": "rank", "dnc2": "DNC2",
    "frame_ratio": "DNC2", "dnc3": "DNC3", "weight_alignment": "DNC3",
    "shuffled_quotient": "quotient, shuffled", "features": "features",
}  # fmt: skip
SHARES = ("accuracy", "ncc_accuracy", "ncc_mismatch")

# Numbers and names


def number(value: Any, name: str = "") -> str:
    """Three digits; shares in percent; "–" for what was not measured."""
    if not isinstance(value, int | float):
        return "–" if value is None else shortened(readable(value), 20)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' * (value < 0)}∞"
    if name in SHARES:
        return _percent(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:#.3g}".rstrip(".")


def _percent(share: float) -> str:
    shown = f"{100 * share:.2f} %"
    if shown == "100.00 %" and share < 1:
        return "> 99.99 %"
    return "< 0.01 %" if shown == "0.00 %" and share > 0 else shown


def short_name(name: Any, longest: int = 24) -> str:
    """A class as it is shown: on one line, not too long."""
    return shortened(readable(name), longest)


def end_of(name: Any, longest: int = 18) -> str:
    """A layer's name as it is shown: of a long one the end, which tells it from the others."""
    shown = readable(name)
    return shown if len(shown) <= longest else f"…{shown[1 - longest :]}"


def listed(names: Sequence[Any], many: int = MANY) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - many:,} more" if len(names) > many else ""
    return ", ".join(map(short_name, names[:many])) + more
