"""Compare what two states of the suite draw and print: for changes that must change neither.

python tools/compare.py execute FOLDER     in each of two checkouts; a copy of this file will do
python tools/compare.py BEFORE AFTER       the two folders
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from cells import sources
from execute import WIDGETS, run_all
from stamp import notebook

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
PNG = b"\x89PNG"
RELATIVE = 1e-12


def main(arguments: list[str]) -> int:
    """Print what differs; return how many notebooks do."""
    if arguments[0] == "execute":
        return execute(Path(arguments[1]))
    before, after = map(Path, arguments)
    differing = 0
    for path in sorted(before.glob("*.ipynb")):
        found = list(differences(*(nbformat.read(one / path.name, 4) for one in (before, after))))
        print(f"{path.stem}: {'; '.join(found) or 'the same'}")
        differing += bool(found)
    return differing


def execute(folder: Path) -> int:
    """Keep every notebook of this checkout, executed on reduced settings."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources([]):
        with tempfile.TemporaryDirectory() as empty:
            settings = {"NCLIB_PROFILE": "ci", "OMP_NUM_THREADS": "1"}
            made = run_all(notebook(source.read_text("utf-8")), Path(empty), **settings)
        nbformat.write(made, folder / f"{source.stem}.ipynb")
    return 0


def differences(old: Any, new: Any) -> Iterator[str]:
    """In words: pictures that are in one only, players' arrays, numbers that moved."""
    was, now = pictures(old), pictures(new)
    if was != now:
        yield f"{(was - now).total()} of {was.total()} pictures gone, {(now - was).total()} new"
    if recorded(old) != recorded(new):
        yield "other recorded arrays in a player"
    pairs = zip_longest(numbers(old), numbers(new), fillvalue=float("nan"))
    moved = [(a, b) for a, b in pairs if not abs(a - b) <= RELATIVE * abs(a)]
    if moved:
        yield f"{len(moved)} numbers moved, the first from {moved[0][0]} to {moved[0][1]}"


def pictures(made: Any) -> Counter[str]:
    """SHA-256 of every PNG, of outputs and of widgets."""
    shown = ("".join(data.get("image/png", "")) for data in _shown(made))
    found = [base64.b64decode(text) for text in shown]
    for model in _widgets(made):
        found += [base64.b64decode(buffer["data"]) for buffer in model.get("buffers", ())]
    return Counter(hashlib.sha256(png).hexdigest() for png in found if png.startswith(PNG))


def recorded(made: Any) -> list[str]:
    """The packed arrays of every player, in order."""
    payloads = [json.loads(text) for text in _states(made, "payload")]
    names = ("labels", "features", "feature_scale", "means", "weights", "metrics")
    return sorted(json.dumps([r[n] for n in names]) for p in payloads for r in p["runs"])


def numbers(made: Any) -> list[float]:
    """What outputs print and tables show, but for self-checks, whose words may change."""
    texts = []
    for cell in made.cells:
        if "self-check" not in cell.metadata.get("tags", ()):
            texts += ["".join(output.get("text", "")) for output in cell.get("outputs", ())]
    for data in _shown(made):
        if "<table" in (html := "".join(data.get("text/html", ""))):
            texts += [cell.get_text() for cell in BeautifulSoup(html, "html.parser").select("td")]
    return [float(number) for text in texts for number in NUMBER.findall(text)]


def _shown(made: Any) -> Iterator[dict]:
    for cell in made.cells:
        yield from (output["data"] for output in cell.get("outputs", ()) if "data" in output)


def _widgets(made: Any) -> list[dict]:
    return list(made.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {}).values())


def _states(made: Any, name: str) -> list[str]:
    states = [model.get("state", {}) for model in _widgets(made)]
    return [state[name] for state in states if name in state]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
