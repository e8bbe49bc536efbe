"""The runs that come with the package; ``tools/record.py`` made them."""

from __future__ import annotations

from pathlib import Path

from nclib.runs.trajectory import Trajectory

FOLDER = Path(__file__).with_name("recorded")


def recorded_runs() -> list[str]:
    """Names that ``load_run`` takes."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


def load_run(name: str) -> Trajectory:
    """A run of the package by name (``recorded_runs``), with settings, environment and date.

    Raises:
        ValueError: for an unknown name; those there are, are listed.
    """
    names = recorded_runs()
    if name not in names:
        raise ValueError(f"no run is called {name!r}; there are {', '.join(names)}")
    return Trajectory.load(FOLDER / f"{name}.npz")
