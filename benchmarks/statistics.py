"""Time and memory of NC1-NC4 from features: ours, the naive way's, and one p×p product's.

    python benchmarks/statistics.py [--size 60000 512 10] [--threads 1]

The naive way is the one of the first public code: two passes over the samples with an outer product
for each; it is timed on a share of the samples and scaled up, as the table says.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from machine import machine

import nclib

SIZES = ((60_000, 512, 10), (50_000, 512, 100), (20_000, 2048, 1000))
WAYS = ("ours", "product", "naive")


def problem(samples: int, num_features: int, num_classes: int) -> tuple[torch.Tensor, ...]:
    """Features in clouds, labels, weight and bias, float32."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(num_classes, (samples,), generator=generator)
    labels[:num_classes] = torch.arange(num_classes)
    means = 2 * torch.randn(num_classes, num_features, generator=generator)
    features = torch.randn(samples, num_features, generator=generator)
    for h, y in zip(features.split(512), labels.split(512), strict=True):
        h += means[y]
    return features, labels, means.clone(), torch.zeros(num_classes)


def ours(features: torch.Tensor, labels: torch.Tensor, *classifier: torch.Tensor) -> float:
    """NC1-NC4 by the library."""
    stats = nclib.ClassStatistics.from_features(features, labels)
    return nclib.collapse_metrics(stats, *classifier, features=features, labels=labels).nc1


def product(features: torch.Tensor, *_: torch.Tensor) -> float:
    """One p×p product, for scale."""
    return float((features.T @ features)[0, 0])


def naive(features: torch.Tensor, labels: torch.Tensor, *classifier: torch.Tensor) -> float:
    """Means, then an outer product and a nearest mean for every sample; then a pseudo-inverse."""
    weight, bias = classifier
    sums, counts = torch.zeros_like(weight), torch.zeros(len(weight))
    for h, y in zip(features, labels, strict=True):
        sums[y] += h
        counts[y] += 1
    means = sums / counts.clamp(min=1)[:, None]
    within = torch.zeros(features.shape[1], features.shape[1])
    mismatches = 0
    for h, y in zip(features, labels, strict=True):
        residual = h - means[y]
        within += torch.outer(residual, residual)
        mismatches += (weight @ h + bias).argmax() != (h - means).norm(dim=1).argmin()
    centred = means - means.mean(0)
    between = (centred.T @ centred / len(means)).double()
    return float(torch.trace(within.double() @ torch.linalg.pinv(between)) / len(features))


def seconds(run: Callable[[], float], repeats: int) -> float:
    """Best of a few."""
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - begin)
    return best


def measure(way: str, size: tuple[int, int, int], threads: int) -> dict[str, float]:
    """Seconds and peak megabytes beyond the features, of one way in this process."""
    torch.set_num_threads(threads)
    parts = problem(*size)
    if way == "naive":  # of a share of the samples; the inverse at the end is not scaled
        share = min(1.0, 400 / size[0])
        few = [part[: int(size[0] * share)] for part in parts[:2]]
        return {"seconds": seconds(lambda: naive(*few, *parts[2:]), 1) / share, "share": share}
    function = {"ours": ours, "product": product}[way]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    function(*parts)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return {"seconds": seconds(lambda: function(*parts), 5), "megabytes": peak}


def in_a_process_of_its_own(way: str, size: tuple[int, int, int], threads: int) -> dict[str, float]:
    """So that one way's memory is not another's."""
    sizes = [str(n) for n in size]
    command = [sys.executable, __file__, "--way", way, "--threads", str(threads), "--size", *sizes]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def main() -> None:
    """Print the table, or one measurement as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", nargs=3, type=int, metavar=("N", "p", "C"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = [tuple(options.size)] if options.size else SIZES
    if options.way:
        print(json.dumps(measure(options.way, sizes[0], options.threads)))
        return
    torch.set_num_threads(options.threads)
    print(machine(), end="\n\n")
    print(
        "| N, p, C | ours | p×p product | naive (scaled up) | ours / product | naive / ours |",
        end="",
    )
    print(" memory, ours | memory, product |\n" + "| --- " * 8 + "|")
    for size in sizes:
        one, two, three = (in_a_process_of_its_own(w, size, options.threads) for w in WAYS)
        print(
            f"| {', '.join(map(str, size))} | {one['seconds']:.3f} s | {two['seconds']:.3f} s "
            f"| {three['seconds']:.0f} s (from {three['share']:.1%}) "
            f"| {one['seconds'] / two['seconds']:.2f} | {three['seconds'] / one['seconds']:.0f} "
            f"| {one['megabytes']:.0f} MB | {two['megabytes']:.0f} MB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
