"""Learning rates for ``sweep`` that do something to the process that asks for them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path


def dies_once(progress: float) -> float:
    """Kills a worker, unless the file ``$NCLIB_TEST_DIED`` says that it did so before."""
    died = Path(os.environ["NCLIB_TEST_DIED"])
    if multiprocessing.parent_process() and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 1.0
