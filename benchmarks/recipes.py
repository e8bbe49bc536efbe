"""How far and how fast small networks collapse on the embedded digits, three seeds each.

    python benchmarks/recipes.py [--seeds 3]

The recipes are those that tests/runs/test_training.py holds to their limits. Seconds are of one
thread: training, and measuring before the first and after the last epoch.
"""

from __future__ import annotations

import argparse

import torch
from machine import machine

import nclib
from nclib import cosine_schedule, step_schedule

CROSS_ENTROPY, SQUARED_ERROR = {"loss": "cross_entropy"}, {"loss": "squared_error"}
FAST = {"epochs": 100, "batch_size": 256, "schedule": cosine_schedule}
PLANE = {"epochs": 150, "batch_size": 128, "schedule": cosine_schedule}
STEPS = {"epochs": 150, "batch_size": 64, "schedule": step_schedule, "learning_rate": 0.1}
RECIPES = {  # network: classes, options of the network, settings of the training
    "mlp": (
        (10, {}, {"learning_rate": 0.1, "weight_decay": 1e-2, **CROSS_ENTROPY, **FAST}),
        (10, {}, {"learning_rate": 0.5, "weight_decay": 2e-3, **SQUARED_ERROR, **FAST}),
        *(
            (num_classes, {"width": 128, "num_features": num_classes - 1, "linear_features": True},
             {"learning_rate": rate, "weight_decay": decay, **loss, **PLANE})
            for num_classes in (3, 4)
            for rate, decay, loss in ((0.1, 1e-2, CROSS_ENTROPY), (0.2, 5e-3, SQUARED_ERROR))
        ),
    ),
    "convnet": (
        (10, {}, {"weight_decay": 1e-2, **CROSS_ENTROPY, **STEPS}),
        (10, {}, {"weight_decay": 5e-3, **SQUARED_ERROR, **STEPS}),
    ),
}  # fmt: skip
COLUMNS = ("nc1", "equinorm_means", "equinorm_weights", "max_angle_means", "max_angle_weights")
COLUMNS += ("self_duality", "ncc_mismatch")


def main() -> None:
    """Print a row for each recipe: the largest value over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    torch.set_num_threads(1)
    print(f"{machine()}; the largest of {len(seeds)} seeds\n")
    print(f"| network, classes, p, loss | seconds | {' | '.join(COLUMNS)} |")
    print("| --- " * (2 + len(COLUMNS)) + "|")
    for name, recipes in RECIPES.items():
        for recipe in recipes:
            print(row(name, *recipe, seeds), flush=True)


def row(name: str, num_classes: int, options: dict, settings: dict, seeds: range) -> str:
    """Train with every seed; the largest of each number."""
    data = nclib.load_data("digits", classes=list(range(num_classes)), device="cpu")
    ends = []
    for seed in seeds:
        network = nclib.build_network(name, data, seed=seed, **options)
        run = nclib.train(network, data, measure_at=[0], seed=seed, progress=False, **settings)
        ends.append(list(run)[-1])
    worst = [max(getattr(end.metrics, column) for end in ends) for column in COLUMNS]
    label = f"{name}, {num_classes}, {network.classifier.in_features}, {settings['loss']}"
    seconds = max(end.seconds for end in ends)
    return f"| {label} | {seconds:.1f} | {' | '.join(f'{value:.2g}' for value in worst)} |"


if __name__ == "__main__":
    main()
