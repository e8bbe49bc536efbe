"""A notebook as lecture slides: one HTML page, with reveal.js in it, that needs no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup, Tag
from cells import ROOT, sources
from page import TEMPLATES, executed, render, standing

REVEAL = ROOT / "tools" / "vendor" / "reveal"
OWN = TEMPLATES / "slides"
LEFT_OUT = {"nc-setup", "parameters", "self-check", "exercise", "check", "solution"}
PICTURES = {"text/html", "image/png", "image/jpeg", "image/svg+xml"}
OPTION = re.compile(r"\s*\([a-e]\)")


def write_slides(path: Path, out: Path) -> Path:
    """Execute a notebook, write its slides and return where they are.

    Args:
        path: the notebook, ``.py`` or ``.ipynb``; the ``.py`` is what counts.
        out: folder for the page.

    Raises:
        ValueError: if no cell begins a slide; else as for ``page.write_page``.
    """
    (source,) = sources([path])
    if not has_slides(source):
        wanted = '# %% [markdown] slideshow={"slide_type": "slide"}'
        raise ValueError(f"{source.name} has no slides: begin each with a cell {wanted}")
    html = to_slides(executed(source, NCLIB_DPI="200"), source.parent)
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{source.stem}.slides.html"
    target.write_text(html, encoding="utf-8")
    return target


def has_slides(source: Path) -> bool:
    """Whether a notebook's ``.py`` says where slides begin."""
    return '"slide_type": "slide"' in source.read_text(encoding="utf-8")


def to_slides(node: nbformat.NotebookNode, folder: Path) -> str:
    """An executed notebook as slides: its cells as their ``slideshow`` metadata and tags say."""
    node = deepcopy(node)
    node.cells = list(_arranged(node.cells))
    texts = {path.name.replace(".", "_"): _read(path) for path in REVEAL.glob("*.*s")}
    texts |= {f"slides_{kind}": _read(OWN / f"slides.{kind}") for kind in ("css", "js")}
    page = render(node, folder, "slides", **texts)
    _name_sections(page)
    for slide in page.select(".slide"):
        _lay_out(slide)
    for frame in page.select("iframe[srcdoc]"):
        _fit(frame)
    return standing(page)


def _read(path: Path) -> str:
    """A script or a style, so written that it can stand in the page."""
    text = path.read_text(encoding="utf-8")
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


# Which cells


def slide_type(cell: nbformat.NotebookNode) -> str:
    """What the cell's metadata say, else what its tags mean, else "-": goes on the slide before."""
    tags = set(cell.metadata.get("tags", ()))
    usual = "notes" if "instructor" in tags else "skip" if tags & LEFT_OUT else "-"
    return cell.metadata.get("slideshow", {}).get("slide_type", usual)


def _arranged(cells: list[nbformat.NotebookNode]) -> Iterator[nbformat.NotebookNode]:
    """The cells that are used, with what they show; the teacher's note goes to the first slide."""
    used = [cell for cell in cells if slide_type(cell) != "skip"]
    for cell in used:
        cell.metadata.slideshow = {"slide_type": slide_type(cell)}
        pictures = [o for o in cell.get("outputs", []) if PICTURES & o.get("data", {}).keys()]
        if pictures:
            cell.outputs = pictures
    title, *others = used
    yield title
    yield from sorted(others, key=lambda cell: "instructor" not in cell.metadata.get("tags", ()))


# What is easier said of the whole page


def _name_sections(page: BeautifulSoup) -> None:
    """A slide that continues a section of the notebook says which one, in small type."""
    section = ""
    for slide in page.select("section.slide"):
        heading = slide.select_one("h1, h2")
        if heading is None and section:
            name = page.new_tag("p", attrs={"class": "section-name"})
            name.string = section
            slide.insert(0, name)
        elif heading is not None and heading.name == "h2":
            section = heading.get_text()


def _lay_out(slide: Tag) -> None:
    """Options to vote on are seen as such; a tall table has the words beside it."""
    for listed in slide.select("ul"):
        if all(OPTION.match(item.get_text()) for item in listed.select("li")):
            listed["class"] = "options"
    for table in slide.select("table"):
        if len(table.select("tbody tr")) > 2 * len(table.select_one("tr").select("th, td")):
            slide["class"] = "slide beside"


def _fit(frame: Tag) -> None:
    """A player or sliders as large as the slide; its keys, and the way back from it."""
    inside = f"<style>{_read(OWN / 'frame.css')}</style><script>{_read(OWN / 'frame.js')}</script>"
    frame["srcdoc"] = str(frame["srcdoc"]).replace("</html>", f"{inside}</html>")
    frame["style"] = "border: 0"
