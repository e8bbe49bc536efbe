"""README's snippets run, in order, and print what it says they print."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```\n```text\n(.*?)```", README, re.DOTALL)
NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?")


def test_every_snippet_has_its_output():
    assert len(SNIPPETS) == README.count("```python") > 0


@pytest.mark.usefixtures(
    "without_shape_checks"
)  # as a reader runs them, in three quarters of the time
def test_snippets_print_what_readme_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for code, said in SNIPPETS:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), names)
        assert NUMBER.sub("#", printed.getvalue()) == NUMBER.sub("#", said)
        found = [float(n) for n in NUMBER.findall(printed.getvalue())]
        # other processors round differently, and a hundred epochs amplify it
        assert found == pytest.approx([float(n) for n in NUMBER.findall(said)], rel=0.5, abs=0.02)
    assert (tmp_path / "collapse.html").stat().st_size > 100_000


ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_notebook_is_in_the_readme_and_in_the_guide():
    guide = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"notebooks/{path.name}" in README
        assert f"notebooks/{path.name}" in guide
