"""Ending a training from outside: the front end's interrupt, or a Stop button."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

from torch import nn


class Stopped(Exception):
    """The Stop button was pressed: not an error."""


class Interrupts:
    """Holds the interrupt back while something must not be cut in two.

    Inside ``watched()`` a front end's interrupt (or Ctrl-C) raises KeyboardInterrupt as always,
    but for one that comes inside ``whole()``: it is raised when that ends. Outside the main
    thread, where Python delivers no signals, both do nothing.
    """

    def __init__(self) -> None:
        self._busy = self._waiting = False

    def _handle(self, *_: Any) -> None:
        if not self._busy:
            raise KeyboardInterrupt
        self._waiting = True

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Listen to interrupts until the block ends; then whoever listened before does again."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @contextlib.contextmanager
    def whole(self) -> Iterator[None]:
        """Finish the block before an interrupt is raised."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
        if self._waiting:
            self._waiting = False
            raise KeyboardInterrupt


@contextlib.contextmanager
def stops_when(event: threading.Event, network: nn.Module) -> Iterator[None]:
    """While the block runs, raise ``Stopped`` at the network's next forward pass once it is set."""

    def look(*_: Any) -> None:
        if event.is_set():
            raise Stopped

    handle = network.register_forward_pre_hook(look)
    try:
        yield
    finally:
        handle.remove()
