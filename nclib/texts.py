"""Texts between the package and the world: names from outside, streams that lack a character."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from typing import Any

SIGNS = "×✓λ…"  # of what is printed here; a stream that has them has the rest


def readable(name: Any) -> str:
    """A name from outside as text that any screen, page or file takes.

    What cannot be printed is escaped as Python writes it (a file's name need not be UTF-8); a blank
    name is in quotes.
    """
    text = str(name)
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if shown.strip() else repr(shown)


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning with an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def text_of(value: Any) -> str:
    """A setting's value as it is read."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def title_of(settings: Mapping[str, Any]) -> str:
    """Data, network and loss of a run in one line."""
    words = [readable(settings[key]) for key in ("data", "network", "loss")]
    return " · ".join(words).replace("_", "-")


def spare(stream: Any) -> None:
    """Make a text stream escape what its encoding lacks, as standard error does, not raise.

    Output that goes into a file or a pipe is ASCII or cp1252 in many places, and ``×`` ended a
    training of hours there. A stream that has our signs, or an own way with others, stays as it is.
    """
    if not isinstance(stream, io.TextIOWrapper) or stream.errors != "strict":
        return
    try:
        SIGNS.encode(stream.encoding)
    except UnicodeEncodeError:
        stream.reconfigure(errors="backslashreplace")


spare(sys.stdout)  # on import, as a session's own print of a repr comes by no function of ours


def say(text: str) -> None:
    """Print a line, wherever standard output goes."""
    spare(sys.stdout)
    print(text)  # noqa: T201
