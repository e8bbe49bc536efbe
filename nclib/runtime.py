"""Where and how large a run is: device, settings profile, seeds, and what its record says of it."""

from __future__ import annotations

import datetime
import os
import platform
import random
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from nclib import __version__
from nclib.texts import say

PROFILES = ("ci", "laptop", "gpu")
T = TypeVar("T")


def device() -> torch.device:
    """The first of CUDA, MPS, CPU that really computes.

    An accelerator may be there, but unusable with the installed build: one tiny kernel is tried,
    and where it fails a sentence says so.
    """
    for name, accelerator in (("cuda", torch.cuda), ("mps", torch.backends.mps)):
        if not accelerator.is_available():
            continue
        try:
            torch.ones(2, device=name).sum().item()
            return torch.device(name)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            say(f"{name} is present but does not compute ({reason}); using the CPU.")
    return torch.device("cpu")


def profile() -> str:
    """Settings profile ``"ci"``, ``"laptop"`` or ``"gpu"``; ``NCLIB_PROFILE`` overrides.

    Raises ValueError if ``NCLIB_PROFILE`` is none of the three.
    """
    chosen = os.environ.get("NCLIB_PROFILE")
    if chosen is None:
        return "laptop" if device().type == "cpu" else "gpu"
    if chosen not in PROFILES:
        raise ValueError(f"NCLIB_PROFILE is {chosen!r}; set it to one of {', '.join(PROFILES)}")
    return chosen


def choose(*, ci: T, laptop: T, gpu: T | None = None) -> T:
    """The value for the current profile; ``gpu`` defaults to ``laptop``'s."""
    return {"ci": ci, "laptop": laptop, "gpu": laptop if gpu is None else gpu}[profile()]


def start(seed: int = 0) -> str:
    """Begin a notebook: seed Python, numpy and torch, one torch thread on a CPU; the line to print.

    One thread because the small networks here run up to ten times slower when several threads wait
    for one another on shared cores.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries that read the global state
    torch.manual_seed(seed)
    if device().type == "cpu":
        torch.set_num_threads(1)
    return describe()


def _processor() -> str:
    """Name of the CPU, as the system gives it."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def environment(where: torch.device) -> dict[str, str]:
    """Date, versions and hardware of a run on a device: what its record keeps."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "nclib": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else where.type,
        "processor": f"{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} thread(s)",
    }


def describe() -> str:
    """One line for the top of a notebook: versions, device, profile."""
    where = device()
    name = torch.cuda.get_device_name(where) if where.type == "cuda" else where.type.upper()
    return f"nclib {__version__} · torch {torch.__version__} · device {name} · profile {profile()}"
