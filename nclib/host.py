"""Who shows the notebook: Colab, a built page, a kernel that answers a widget."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any


def in_colab() -> bool:
    """Whether the kernel is Google Colab's."""
    return "google.colab" in sys.modules


def shows_html() -> bool:
    """Whether widgets are shown as self-contained HTML, without widget manager and kernel.

    So in Colab, where anywidget is missing, and with ``NCLIB_WIDGETS=html`` (built pages).
    ValueError if ``NCLIB_WIDGETS`` is none of html, anywidget, auto.
    """
    choice = os.environ.get("NCLIB_WIDGETS", "auto")
    if choice not in ("auto", "html", "anywidget"):
        raise ValueError(f"NCLIB_WIDGETS is {choice!r}; set it to html, anywidget or auto")
    missing = importlib.util.find_spec("anywidget") is None
    return builds_page() or (choice == "auto" and (in_colab() or missing))


def builds_page() -> bool:
    """Whether the notebook is executed for a page that no kernel will answer."""
    return os.environ.get("NCLIB_WIDGETS") == "html"


def in_notebook() -> bool:
    """Whether an IPython kernel (not a terminal or a script) is running us."""
    return _kernel() is not None


def serves_browser() -> bool:
    """Whether the kernel is answering a widget's message, so that an error can be seen in the page.

    Otherwise (a cell, a script, a test) an error must be raised to be seen.
    """
    message = kernel.get_parent() if (kernel := _kernel()) else {}
    return message.get("header", {}).get("msg_type") == "comm_msg"


def _kernel() -> Any:
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return getattr(shell, "kernel", None)
