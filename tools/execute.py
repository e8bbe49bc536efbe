"""Execute notebooks, and find what went wrong where nobody looks."""

from __future__ import annotations

import json
import math
import os
import queue
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from cells import ROOT
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
WIDGETS = "application/vnd.jupyter.widget-state+json"


class CellFailed(ValueError):
    """A cell raised, or its kernel died or ran out of time."""


def run_all(
    notebook: dict[str, Any],
    folder: Path,
    *,
    times: int = 1,
    timeout: int = 600,
    checkout: bool = True,
    kernel: str = "python3",
    **env: str,
) -> nbformat.NotebookNode:
    """Execute a notebook from top to bottom in one kernel; return it with outputs and widgets.

    The kernel finds this checkout's library, wherever its working directory is, unless told not to.

    Args:
        notebook: nbformat 4; it is not changed.
        folder: working directory of the kernel.
        times: how often "Run all" is pressed.
        timeout: seconds a cell may take.
        checkout: put this checkout on the kernel's path.
        kernel: name of a kernel that Jupyter finds.
        env: environment variables of the kernel, beside ours.

    Raises:
        CellFailed: names the cell and shows its source and the error.
    """
    node = nbformat.reads(json.dumps(notebook), as_version=4)
    client = NotebookClient(
        node,
        timeout=timeout,
        kernel_name=kernel,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    paths = (str(ROOT) if checkout else None, os.environ.get("PYTHONPATH"))
    path = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with client.setup_kernel(env={**os.environ, **path, **env}):
        _look_often(client.kc.shell_channel)
        for _ in range(times):
            for number, cell in enumerate(node.cells):
                _run_cell(client, cell, number)
        client.set_widgets_metadata()
    return node


def _look_often(channel: Any) -> None:
    """Wait for messages a second at a time.

    A reply that arrives while a message is being sent, as Output widgets make nbclient do, is not
    noticed by a wait already begun (jupyter/nbclient#312).
    """
    get = channel.get_msg

    async def get_msg(timeout: float | None = None) -> dict[str, Any]:
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return await get(timeout=max(0, min(1, end - time.monotonic())))
            except queue.Empty:
                if time.monotonic() >= end:
                    raise

    channel.get_msg = get_msg


def _run_cell(client: NotebookClient, cell: nbformat.NotebookNode, number: int) -> None:
    try:
        client.execute_cell(cell, number)
    except CellExecutionError as error:
        shown = ANSI.sub("", error.traceback).strip()
        raise CellFailed(f"cell {number} raised\n\n{cell.source}\n\n{shown}") from None
    except (CellTimeoutError, DeadKernelError) as error:
        raise CellFailed(f"cell {number}: {error}\n\n{cell.source}") from None


def unexecuted(notebook: nbformat.NotebookNode) -> list[int]:
    """Numbers of the code cells that hold code and were not executed."""
    return [
        number
        for number, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None
    ]


def hidden_errors(notebook: nbformat.NotebookNode) -> list[str]:
    """Errors that do not stop a notebook: in callbacks, threads, and widgets' captured outputs."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    models = notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    for model in models.values():
        state = model.get("state", {})
        outputs += state.get("outputs") or []
        if isinstance(state.get("value"), str):
            outputs.append({"data": {"text/html": state["value"]}})
    return [found for output in outputs for found in _errors(output)]


def _errors(output: dict[str, Any]) -> Iterator[str]:
    if output.get("output_type") == "error":
        yield f"{output['ename']}: {output['evalue']}"
    if "Traceback (most recent call last)" in output.get("text", ""):
        yield ANSI.sub("", output["text"]).strip().splitlines()[-1]
    html = BeautifulSoup("".join(output.get("data", {}).get("text/html", "")), "html.parser")
    said = [alert.get_text(" ", strip=True) for alert in html.select("[role=alert]")]
    yield from filter(None, said)
