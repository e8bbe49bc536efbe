"""One self-contained page: style, state and script inside; no kernel, no network."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any


def page(*, title: str, style: str, body: str, state: Any, script: str) -> str:
    """HTML whose script finds ``state`` as JSON in the element of that id.

    Args:
        title: escaped, as ``body`` is HTML.
        style: CSS.
        body: what is there before the script runs.
        state: JSON values, without NaN.
        script: a JavaScript module.
    """
    safe = strict_json(state).replace("<", "\\u003c")  # cannot end the element it stands in
    parts = {"TITLE": title, "STYLE": style, "BODY": body, "STATE": safe, "SCRIPT": script}
    return re.sub(r"@([A-Z]+)@", lambda found: parts[found[1]], asset("page.html"))


def asset(name: str, beside: str = __file__) -> str:
    """The text of a file of this room, or of another one's beside a module of that."""
    return Path(beside).with_name(name).read_text(encoding="utf-8")


def module_of(*texts: str) -> str:
    """Scripts as one module: imports of one another and lines of comment fall away."""
    imported = r'^(import .* from "\.[\w./]*\.js";| *//.*| */\*\*.*\*/)\n'
    return re.sub(imported, "", "\n".join(texts), flags=re.MULTILINE)


def strict_json(value: Any) -> str:
    """Compact JSON; raises ValueError for NaN, which JSON has not."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
