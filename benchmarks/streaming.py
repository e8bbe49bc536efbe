"""Class statistics of a stream: seconds and memory, beside reading the data once.

    python benchmarks/streaming.py [--threads 1]

A stream is read from batches that are made anew each time, buffered until 8192 rows, and given to
``ClassStatistics.update``. Memory is the peak beyond what reading alone takes.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import torch
from machine import machine

from nclib import ClassStatistics
from nclib.formulas.collapse import nc1
from nclib.shapes import Tensor

ROWS, BATCH = 8192, 256
STREAM = (128_000, 2048, 1000)
VOCABULARY = (50_257, 768)
WAYS = {
    "reading once": (None, False),
    "float32, without scatter": (torch.float32, False),
    "float32": (torch.float32, True),
    "float64": (torch.float64, True),
}


def batches(samples: int, num_features: int, num_classes: int) -> Iterator[tuple]:
    """Batches cut from one array, so that reading is a copy."""
    generator = torch.Generator().manual_seed(0)
    pool = torch.randn(ROWS + BATCH, num_features, generator=generator)
    labels = torch.randint(num_classes, (samples,), generator=generator)
    for start in range(0, samples, BATCH):
        place = start % ROWS
        yield pool[place : place + BATCH].clone(), labels[start : start + BATCH]


def buffered(stream: Iterator[tuple]) -> Iterator[tuple]:
    """The same in batches of 8192 rows."""
    kept: list[tuple] = []
    for pair in stream:
        kept.append(pair)
        if len(kept) == ROWS // BATCH:
            yield tuple(map(torch.cat, zip(*kept, strict=True)))
            kept.clear()
    if kept:
        yield tuple(map(torch.cat, zip(*kept, strict=True)))


def clocks() -> Tensor:
    """Seconds on the clock and of this process: they differ where neighbours use the cores."""
    return torch.tensor([time.perf_counter(), time.process_time()], dtype=torch.float64)


def stream(way: str) -> Tensor:
    """Both seconds of one way."""
    dtype, scatter = WAYS[way]
    samples, num_features, num_classes = STREAM
    begin = clocks()
    stats = ClassStatistics(num_classes, num_features, scatter=scatter)
    for features, labels in buffered(batches(samples, num_features, num_classes)):
        if dtype is not None:
            stats.update(features.to(dtype), labels)
    if scatter:
        nc1(stats)
    return clocks() - begin


def vocabulary() -> Tensor:
    """Both seconds of one update with as many classes as GPT-2 has tokens; best of five."""
    num_classes, num_features = VOCABULARY
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(ROWS, num_features, generator=generator)
    labels = torch.randint(num_classes, (ROWS,), generator=generator)
    stats, taken = ClassStatistics(num_classes, num_features, scatter=False), []
    for turn in range(5):
        begin = clocks()
        stats.update(features, labels.roll(turn))
        taken.append(clocks() - begin)
    return torch.stack(taken).min(0).values


def measure(way: str, threads: int) -> dict[str, float]:
    """Seconds and peak megabytes, of one way in this process."""
    torch.set_num_threads(threads)
    wall, own = (vocabulary() if way == "vocabulary" else stream(way)).tolist()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"s": wall, "own": own, "MB": peak}


def in_a_process_of_its_own(way: str, threads: int) -> dict[str, float]:
    """So that one way's memory is not another's."""
    command = [sys.executable, __file__, "--way", way, "--threads", str(threads)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def main() -> None:
    """Print the tables, or one measurement as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--way", choices=(*WAYS, "vocabulary"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure(options.way, options.threads)))
        return
    torch.set_num_threads(options.threads)
    print(machine(), end="\n\n")
    print(
        "| {} x {}, {} classes | seconds | of the process | memory beyond reading |".format(*STREAM)
    )
    print("| --- | --- | --- | --- |")
    found = {way: in_a_process_of_its_own(way, options.threads) for way in WAYS}
    for way, one in found.items():
        more = one["MB"] - found["reading once"]["MB"]
        print(f"| {way} | {one['s']:.1f} s | {one['own']:.1f} s | {more:.0f} MB |")
    update = in_a_process_of_its_own("vocabulary", options.threads)
    print("\nOne update of {} rows, {} classes x {}: ".format(ROWS, *VOCABULARY), end="")
    print(f"{update['s']:.2f} s, of the process {update['own']:.2f} s")


if __name__ == "__main__":
    main()
