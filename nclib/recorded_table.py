"""Tables that were recorded beforehand: CSV below one line that says where and when."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd


def read_table(file: Path) -> pd.DataFrame:
    """The rows; ``attrs["environment"]`` is what ``runtime.environment`` said."""
    with file.open(encoding="utf-8") as lines:
        environment = json.loads(lines.readline().lstrip("# "))
        table = pd.read_csv(lines)
    table.attrs["environment"] = environment
    return table


def write_table(file: Path, table: pd.DataFrame, environment: dict[str, Any], digits: int) -> None:
    """The file that ``read_table`` reads, with so many digits a number."""
    rows = table.to_csv(index=False, float_format=f"%.{digits}g")
    file.write_text(f"# {json.dumps(environment)}\n{rows}", encoding="utf-8")
