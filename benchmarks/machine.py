"""Which machine a benchmark ran on, in one line."""

from __future__ import annotations

import torch

from nclib.runtime import environment


def machine() -> str:
    """Processor, cores, threads, Python, torch."""
    here = environment(torch.device("cpu"))
    return f"{here['processor']}, Python {here['python']}, torch {here['torch']}"
