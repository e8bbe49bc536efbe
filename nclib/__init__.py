"""Neural Collapse Lab: see, understand and measure neural collapse.

Names are imported when they are first used, so that ``import nclib`` needs no torchvision and no
widgets.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"
SUITE = "neural-collapse"  # tells this package from another of the same import name

_PUBLIC = {
    "nclib.central_path": ("snr_singular_values",),
    "nclib.checkpoint": ("Checkpoint", "CheckpointError"),
    "nclib.collapse": ("CollapseMetrics", "collapse_metrics"),
    "nclib.data": ("DataSet", "DataUnavailableError", "load_data"),
    "nclib.etf": ("simplex_etf",),
    "nclib.mse": (
        "MSEDecomposition",
        "decompose_mse",
        "least_squares_classifier",
        "matching_decay",
    ),
    "nclib.networks": ("build_network", "features_and_classifier"),
    "nclib.presets": ("cosine_schedule", "step_schedule"),
    "nclib.runs": ("load_run", "sweep"),
    "nclib.runtime": ("profile",),
    "nclib.statistics": ("ClassStatistics",),
    "nclib.training": ("DivergedError", "Epoch", "train"),
    "nclib.trajectory": ("Trajectory",),
    "nclib.widgets.player": ("CollapsePlayer",),
}
_MODULE_OF = {name: module for module, names in _PUBLIC.items() for name in names}
_MODULES = ("central_path", "collapse", "comparisons", "data", "deep_ufm", "etf", "exercises")
_MODULES += ("figures", "losses", "mse", "mse_figures", "networks", "path_figures", "presets")
_MODULES += ("runs", "runtime", "statistics", "training", "trajectory", "ufm", "widgets")

__all__ = [*_MODULE_OF, *_MODULES, "SUITE", "__version__"]


def __getattr__(name: str) -> object:
    if name in _MODULE_OF:
        return getattr(importlib.import_module(_MODULE_OF[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"nclib.{name}")
    raise AttributeError(f"module 'nclib' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
