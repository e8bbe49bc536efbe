"""Rules about the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lint.core import Complaint, Notebook, rule

NAMES = {  # said elsewhere -> said here
    "activation collapse": "variability collapse (nc1)",
    "Sw_invSb": "nc1",
    "NCC_match": "ncc_mismatch",
    "W_M_dist": "self_duality",
    "norm_M_CoV": "equinorm_means",
    "norm_W_CoV": "equinorm_weights",
    "V_intra": "within_covariance",
    "class centroid": "class mean",
    "between/within ratio": "nc1, which is within over between",
}
IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\(|<img\b(?P<tag>[^>]*)>", re.IGNORECASE)
ALT = re.compile(r"""\balt\s*=\s*(["'])\s*\S.*?\1""", re.IGNORECASE)
FENCED = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
DETAILS = re.compile(r"<details.*?</details>", re.DOTALL | re.IGNORECASE)


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, re.Match[str]]]:
    """Matches outside code fences, with their lines."""
    plain = FENCED.sub(lambda m: "\n" * m[0].count("\n"), text)
    for match in pattern.finditer(plain):
        yield plain.count("\n", 0, match.start()) + 1, match


@rule
def image_alt(notebook: Notebook) -> Iterator[Complaint]:
    """Every picture says in words what it shows."""
    for cell in notebook.of_kind("markdown"):
        for line, match in _matches(IMAGE, cell.source):
            described = (match["alt"] or "").strip() or ALT.search(match["tag"] or "")
            if not described:
                yield cell, line, "a picture without words: ![what it shows](…)"


@rule
def names(notebook: Notebook) -> Iterator[Complaint]:
    """One word for one thing."""
    for other, ours in NAMES.items():
        pattern = re.compile(rf"(?<!\w){re.escape(other)}", re.IGNORECASE)
        for cell in notebook.of_kind("markdown"):
            for line, match in _matches(pattern, cell.source):
                yield cell, line, f"{match[0]!r} is called {ours} here"


@rule
def math_shown(notebook: Notebook) -> Iterator[Complaint]:
    r"""Mathematics stands where every front end draws it: not in details, no | in a table's."""
    for cell in notebook.of_kind("markdown"):
        for line, match in _matches(DETAILS, cell.source):
            if "$" in match[0]:
                yield cell, line, "mathematics inside <details> is not drawn everywhere"
        yield from ((cell, n, TABLE) for n, row in enumerate(cell.lines, 1) if _splits(row))


TABLE = r"a | inside $…$ splits the table's cell: write \lvert, \lVert or \mid"


def _splits(row: str) -> bool:
    inside = re.split(r"(?<!\\)\$", re.sub(r"`[^`]*`", "", row))[1::2]
    return row.lstrip().startswith("|") and any("|" in one for one in inside)
