"""Make the pictures of README.md from real runs: python tools/pictures.py."""

from __future__ import annotations

from cells import ROOT

import nclib
from nclib.pictures.plane import feature_plane

FOLDER = ROOT / "docs"


def main() -> None:
    """Ten digits fall onto a simplex, and three moments of three digits in the plane."""
    nclib.runtime.start()
    FOLDER.mkdir(exist_ok=True)
    ten = trained(range(10), {}, epochs=100, batch_size=256)
    nclib.save_gif(ten, FOLDER / "collapse.gif")
    options = {"width": 128, "num_features": 2, "linear_features": True}
    plane = trained(range(3), options, epochs=150)
    (FOLDER / "plane.png").write_bytes(feature_plane(plane, 0, 3, 150).png())


def trained(classes: range, options: dict, **settings: int) -> nclib.Trajectory:
    """A network on some of the embedded digits, trained with cross-entropy."""
    data = nclib.load_data("digits", classes=list(classes))
    network = nclib.build_network("mlp", data, **options)
    settings |= {"learning_rate": 0.1, "weight_decay": 1e-2, "schedule": nclib.cosine_schedule}
    return nclib.Trajectory.of(nclib.train(network, data, **settings))


if __name__ == "__main__":
    main()
