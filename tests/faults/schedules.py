"""Learning rates for ``sweep`` that do something to the process that asks for them."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def dies_once(progress: float) -> float:
    """Kills the process, unless the file ``$NCLIB_TEST_DIED`` says that it did so before."""
    died = Path(os.environ["NCLIB_TEST_DIED"])
    if not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 1.0
