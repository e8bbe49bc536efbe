"""Draw the pictures of README.md from real runs: python tools/pictures.py."""

from __future__ import annotations

from cells import ROOT

import nclib
from nclib.figures import feature_plane


def main() -> None:
    """Train on three digits with two features and keep three moments."""
    nclib.runtime.start()
    data = nclib.load_data("digits", classes=[0, 1, 2])
    network = nclib.build_network("mlp", data, width=128, num_features=2, linear_features=True)
    settings = {"epochs": 150, "learning_rate": 0.1, "weight_decay": 1e-2}
    run = nclib.Trajectory.of(
        nclib.train(network, data, schedule=nclib.cosine_schedule, **settings)
    )
    folder = ROOT / "docs"
    folder.mkdir(exist_ok=True)
    (folder / "collapse.png").write_bytes(feature_plane(run, 0, 3, 150).png())


if __name__ == "__main__":
    main()
