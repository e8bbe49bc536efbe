"""Ending a training from outside: the front end's interrupt, or a Stop button."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from torch import nn
from torch.utils.hooks import RemovableHandle

T = TypeVar("T")


class Stopped(Exception):
    """The Stop button was pressed: not an error."""


def whole_steps(steps: Iterable[T]) -> Iterator[T]:
    """What ``steps`` yields; an interrupt never cuts the body of the loop over it in two.

    While a step is made, a front end's interrupt (or Ctrl-C) raises KeyboardInterrupt as always;
    one that comes while the loop's body records or draws it is raised when the body is done.
    Outside the main thread, where Python delivers no signals, the steps are passed on as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield from steps
        return
    busy = waiting = False

    def handle(*_: Any) -> None:
        nonlocal waiting
        if not busy:
            raise KeyboardInterrupt
        waiting = True

    before = signal.signal(signal.SIGINT, handle)
    try:
        for step in steps:
            busy = True
            yield step
            busy = False
            if waiting:
                raise KeyboardInterrupt
    finally:  # whoever listened before does again
        signal.signal(signal.SIGINT, before)


def stops_when(event: threading.Event, network: nn.Module) -> RemovableHandle:
    """In a ``with`` of it, the network's forward pass raises ``Stopped`` once the event is set."""

    def look(*_: Any) -> None:
        if event.is_set():
            raise Stopped

    return network.register_forward_pre_hook(look)
