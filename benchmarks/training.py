"""Seconds per epoch, ours and of a plain DataLoader with transforms; and what measuring adds.

    python benchmarks/training.py [--root ../shared/data] [--repeats 3] [--compiled]

Same network, same images, same steps, same process. The plain loop makes a PIL image of each sample
and normalises it anew every epoch, in this process or in two workers. On the CPU narrow networks
on 500 MNIST images a class and on all, one thread; on a CUDA device, where there is one, ResNet-18
of full size on all, ours in bfloat16. The ways take turns; each number is the best of the repeats.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from machine import machine
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

import nclib
from nclib import runtime
from nclib.formulas.losses import LOSSES
from nclib.measuring.evaluator import Evaluator
from nclib.runs.presets import PAPER_EPOCHS
from nclib.torchvision_guard import import_torchvision


class Job(NamedTuple):
    """What is trained where; images a class, or all of them."""

    device: str
    network: str
    options: dict
    per_class: int | None
    compiled: bool = False


CPU = [Job("cpu", "mlp", {}, 500), Job("cpu", "convnet", {}, 500)]
CPU += [Job("cpu", name, {"width": 8}, 500) for name in ("vgg11", "resnet18")]
CPU += [Job("cpu", "mlp", {}, None), Job("cpu", "vgg11", {"width": 8}, None)]
CUDA = [Job("cuda", "resnet18", {}, None)]
WORKERS = (0, 2)
SETTINGS = {"weight_decay": 5e-4, "momentum": 0.9}
RATE, BATCH_SIZE, EPOCHS, BLOCK = 0.01, 128, 350, 256
_report = Evaluator.report


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=os.environ.get("NCLIB_DATA", "../shared/data"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--compiled", action="store_true", help="on CUDA, torch.compile, too")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    here = f"{machine()}; best of {asked.repeats}"
    jobs = list(CPU)
    if runtime.device().type == "cuda":
        here += f"; {torch.cuda.get_device_name()}"
        jobs += CUDA + [job._replace(compiled=True) for job in CUDA if asked.compiled]
    plain = " | ".join(f"plain, {workers} workers" for workers in WORKERS)
    print(f"{here}\n\n| seconds per epoch | ours | {plain} | faster |\n" + "| --- " * 5 + "|")
    rows = []
    for job in jobs:
        label, found = job_seconds(job, asked.root, asked.repeats)
        plain = [found[f"plain {workers}"] for workers in WORKERS]
        shown = " | ".join(f"{seconds:.2f}" for seconds in (found["epoch"], *plain))
        print(f"| {label} | {shown} | {min(plain) / found['epoch']:.1f}× |", flush=True)
        rows.append(adds(label, found))
    print(f"\nA run of {EPOCHS} epochs, {len(PAPER_EPOCHS)} times measured, as in the papers:\n")
    print("| | epoch, s | measuring, s | of it scores, s | share of the run | without scores |")
    print("| --- " * 6 + "|\n" + "\n".join(rows))


def job_seconds(job: Job, root: str, repeats: int) -> tuple[str, dict[str, float]]:
    """Name of a job, and the best seconds of each way."""
    data = nclib.load_data("mnist", root=root, per_class=job.per_class, device=job.device)
    network = nclib.build_network(job.network, data, **job.options)
    measurings: list[float] = []
    epochs = ours(network, data, job.compiled, measurings)
    precision = next(epochs).settings["precision"]

    def epoch() -> None:
        next(epochs)

    ways: dict[str, Callable[[], Any]] = {"epoch and measuring": epoch}
    ways |= {f"plain {workers}": plain_epochs(job, data, workers) for workers in WORKERS}
    ways["scores"] = lambda: scores(network, data)
    best = by_turns(ways, repeats)
    best["measuring"] = min(measurings[2:])
    best["epoch"] = best["epoch and measuring"] - best["measuring"]
    words = [job.device, job.network, *(f"{value} wide" for value in job.options.values())]
    words += [f"{len(data.train)} images", precision, *["compiled"] * job.compiled]
    return ", ".join(words), best


def by_turns(ways: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Seconds of the quickest call of each, after one that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats + 1):
        for name, act in ways.items():
            start = time.perf_counter()
            act()
            taken[name].append(time.perf_counter() - start)
    return {name: min(seconds[1:]) for name, seconds in taken.items()}


def adds(label: str, found: dict[str, float]) -> str:
    """A row of the second table."""
    epoch, measuring, alone = (found[name] for name in ("epoch", "measuring", "scores"))
    run, count = EPOCHS * epoch, len(PAPER_EPOCHS)
    whole = count * measuring / (run + count * measuring)
    more = count * max(0.0, measuring - alone) / (run + count * measuring)
    return f"| {label} | {epoch:.2f} | {measuring:.2f} | {alone:.2f} | {whole:.1%} | {more:.1%} |"


# Ours


def ours(
    network: nn.Module, data: nclib.DataSet, compiled: bool, measurings: list[float]
) -> Iterator[nclib.Epoch]:
    """Epochs without end, each measured; the seconds of measuring are appended."""

    def timed(self: Evaluator, *given: Any, **options: Any) -> Any:
        start = time.perf_counter()
        found = _report(self, *given, **options)
        measurings.append(time.perf_counter() - start)
        return found

    Evaluator.report = timed
    settings = SETTINGS | {"learning_rate": RATE, "batch_size": BATCH_SIZE, "compiled": compiled}
    yield from nclib.train(
        network, data, epochs=10**6, measure_at=lambda _: True, progress=False, **settings
    )


@torch.no_grad()
def scores(network: nn.Module, data: nclib.DataSet) -> None:
    """Loss and accuracy of training and test set, as any training would report them."""
    network.eval()
    for split in (data.train, data.test):
        logits = torch.cat([network(images) for images in split.images.split(BLOCK)])
        LOSSES["cross_entropy"](logits, split.labels).item()
        (logits.argmax(1) == split.labels).double().mean().item()


# Plain


class Pictures(Dataset):
    """Images as torchvision's MNIST gives them: a PIL image made and transformed for each."""

    def __init__(self, data: nclib.DataSet) -> None:
        transforms = import_torchvision().transforms
        steps = [transforms.ToTensor(), transforms.Normalize(data.mean.tolist(), data.std.tolist())]
        self.transform = transforms.Compose(steps)
        mean, std = (x.cpu()[:, None, None] for x in (data.mean, data.std))
        levels = (data.train.images.cpu() * std + mean) * 255
        self.pixels, self.labels = levels.round().byte()[:, 0].numpy(), data.train.labels.tolist()
        assert torch.allclose(self[0][0], data.train.images[0].cpu(), atol=1e-5)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def plain_epochs(job: Job, data: nclib.DataSet, workers: int) -> Callable[[], None]:
    """An epoch of the loop of the tutorials, at each call."""
    network = nclib.build_network(job.network, data, **job.options).to(data.device)
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE, **SETTINGS)
    loader = DataLoader(
        Pictures(data),
        batch_size=BATCH_SIZE,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        pin_memory=data.device.type == "cuda",
    )

    def epoch() -> None:
        network.train()
        total = 0.0
        for images, labels in loader:
            images = images.to(data.device, non_blocking=True)
            labels = labels.to(data.device, non_blocking=True)
            loss = LOSSES["cross_entropy"](network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()

    return epoch


if __name__ == "__main__":
    main()
