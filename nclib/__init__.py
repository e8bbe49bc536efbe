"""Neural Collapse Lab: see, understand and measure neural collapse.

Names are imported when they are first used, so that ``import nclib`` needs no torchvision and no
widgets. Which room holds what, and what may import what, is in docs/architecture.md.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"
SUITE = "neural-collapse"  # tells this package from another of the same import name

_PUBLIC = {
    "nclib.data.dataset": ("DataSet", "Split"),
    "nclib.data.fetch": ("DataUnavailableError",),
    "nclib.data.loading": ("load_data",),
    "nclib.formulas.central_path": ("snr_singular_values",),
    "nclib.formulas.collapse": ("CollapseMetrics", "collapse_metrics"),
    "nclib.formulas.etf": ("simplex_etf",),
    "nclib.formulas.mse": (
        "MSEDecomposition",
        "decompose_mse",
        "least_squares_classifier",
        "matching_decay",
    ),
    "nclib.formulas.statistics": ("ClassStatistics",),
    "nclib.pictures.gif": ("save_gif",),
    "nclib.measuring.reports.collapse_report": ("CollapseReport",),
    "nclib.measuring.measured": ("measure",),
    "nclib.player.player": ("CollapsePlayer",),
    "nclib.runs.checkpoint": ("Checkpoint", "CheckpointError"),
    "nclib.runs.layer_recording": ("record_layers",),
    "nclib.runs.layer_runs": ("LayerRun", "load_layer_run"),
    "nclib.runs.networks": ("build_network", "features_and_classifier"),
    "nclib.runs.presets": ("cosine_schedule", "step_schedule"),
    "nclib.runs.recorded": ("load_run", "recorded_runs"),
    "nclib.runs.sweeps": ("sweep",),
    "nclib.runs.epoch": ("Epoch",),
    "nclib.runs.training": ("DivergedError", "train"),
    "nclib.runs.trajectory": ("Trajectory",),
    "nclib.runtime": ("profile",),
}
_MODULES = {
    "nclib": ("host", "palette", "runtime"),
    "nclib.data": ("perturb",),
    "nclib.formulas": (
        *("central_path", "collapse", "deep_ufm", "descent", "etf", "layers"),
        *("law", "losses", "mse", "packings", "separation", "statistics", "ufm"),
    ),
    "nclib.measuring": ("callbacks",),
    "nclib.measuring.layers": ("layer_samples",),
    "nclib.pictures": ("comparisons", "panels", "plane"),
    "nclib.runs": ("free_features", "networks", "presets", "tables", "training", "trajectory"),
}
_HOME = {name: (module, True) for module, names in _PUBLIC.items() for name in names}
_HOME |= {name: (f"{room}.{name}", False) for room, names in _MODULES.items() for name in names}

__all__ = [*_HOME, "SUITE", "__version__"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'nclib' has no attribute {name!r}")
    module, inside = _HOME[name]
    found = importlib.import_module(module)
    return getattr(found, name) if inside else found


def __dir__() -> list[str]:
    return sorted(__all__)
