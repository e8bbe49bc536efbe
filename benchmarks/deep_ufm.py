"""The deep unconstrained features model: what descents find, and a grid fitted as one batch.

    python benchmarks/deep_ufm.py [--steps 3000]

The fits are those that tests/formulas/test_deep_ufm.py holds to their limits. The grid is
fitted twice by the same function: all models in one call, and one call for every model.
"""

from __future__ import annotations

import argparse
import time

import torch
from machine import machine

from nclib.formulas.deep_ufm import DeepUFM, collapse_loss, threshold
from nclib.formulas.descent import fit

DEPTHS = (2, 3, 4, 5, 6)
PARTS = (0.001, 0.003, 0.01, 0.02, 0.05)  # of the threshold
FITS = (  # K, n, L, d, λ, λ_H, seeds
    (2, 50, 3, 64, 5e-3, 1e-3, 1),
    (2, 50, 4, 64, 5e-3, 1e-3, 1),
    (4, 1, 6, 32, 1e-3, 1e-3, 5),
    (10, 1, 4, 30, 4e-3, 4e-3, 5),
)


def main() -> None:
    """Print a row for each fit, then the grid's gaps to theory and its two times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3000, help="of every model in the grid")
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    print(f"{machine()}\n")
    print("| K, n, L, d, λ, λ_H | seeds | seconds | collapse | found | below collapse |")
    print("| --- " * 6 + "|")
    for setting in FITS:
        print(row(*setting), flush=True)
    compare(steps)


def row(
    num_classes: int, per_class: int, depth: int, width: int, decay: float, own: float, seeds: int
) -> str:
    """Fit all seeds at once; least and largest objective."""
    models = [
        DeepUFM(
            num_classes, per_class, depth, width, weight_decay=decay, feature_decay=own, seed=seed
        )
        for seed in range(seeds)
    ]
    start = time.perf_counter()
    losses = fit(models)
    seconds = time.perf_counter() - start
    value, _ = collapse_loss(num_classes, depth, models[0].decay_product)
    label = f"{num_classes}, {per_class}, {depth}, {width}, {decay:g}, {own:g}"
    found = f"{losses.min():.6f} … {losses.max():.6f}"
    below = int((losses < 0.999 * value).sum())
    return f"| {label} | {seeds} | {seconds:.1f} | {value:.6f} | {found} | {below} |"


def grid() -> list[DeepUFM]:
    """Two classes of 10 samples, width 32; the decay of every cell is a part of its threshold."""
    models = []
    for depth in DEPTHS:
        for part in PARTS:
            decay = (part * threshold(2, depth) / 10) ** (1 / (depth + 1))
            models.append(
                DeepUFM(2, 10, depth, 32, weight_decay=decay, feature_decay=decay, init=1.0)
            )
    return models


def compare(steps: int) -> None:
    """The grid in one call and one by one."""
    fit(grid(), steps=20)  # warm up
    models = grid()
    start = time.perf_counter()
    losses = fit(models, steps=steps).tolist()
    batched = time.perf_counter() - start
    start = time.perf_counter()
    single = [float(fit([model], steps=steps)) for model in grid()]
    one_by_one = time.perf_counter() - start
    pairs = zip(losses, models, strict=True)
    gaps = [loss - collapse_loss(2, len(m.weights), m.decay_product)[0] for loss, m in pairs]
    print(f"\n| objective - theory after {steps} steps; L, Λ/threshold | ", end="")
    print(f"{' | '.join(map(str, PARTS))} |")
    print("| --- " * (1 + len(PARTS)) + "|")
    for i, depth in enumerate(DEPTHS):
        of_depth = gaps[i * len(PARTS) : (i + 1) * len(PARTS)]
        print(f"| {depth} | {' | '.join(f'{gap:.0e}' for gap in of_depth)} |")
    apart = max(abs(a - b) for a, b in zip(losses, single, strict=True))
    print(
        f"\n{len(models)} models: {batched:.1f} s in one call, {one_by_one:.1f} s one by one, "
        f"{one_by_one / batched:.1f} times; largest difference of an objective {apart:.0e}"
    )


if __name__ == "__main__":
    main()
