"""One notebook, executed, as one HTML page that needs no network, no script and no kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from bs4 import BeautifulSoup, Tag
from cells import sources
from execute import run_all
from mathfont import add_font
from mathml import markdown_to_html
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter
from stamp import BADGES, notebook
from traitlets.config import Config

TEMPLATES = Path(__file__).with_name("templates")
WIDGET = "application/vnd.jupyter.widget-view+json"
SHOWN = "text/html image/svg+xml image/png image/jpeg text/markdown text/latex text/plain".split()  # noqa: SIM905
NO_KERNEL = "<p><em>A control that computes: open the notebook to use it.</em></p>"
NO_ALT = "No description has been provided for this image"  # what nbconvert writes
FROM_OUTSIDE = re.compile(
    r"""(?:@import\s*|\burl\()\s*["']?(?:https?:)?//[^\s"')]+"""
    r"""|(?:\bfrom|\bimport|\bimport\(|\bfetch\()\s*["'`](?:https?:)?//[^\s"'`)]+"""
)


class PageError(ValueError):
    """A page that would not stand by itself."""


def write_page(path: Path, out: Path, execute_to: Path | None = None) -> Path:
    """Execute a notebook with widgets as plain HTML and write its page; return where it is.

    Args:
        path: the notebook, ``.py`` or ``.ipynb``; the ``.py`` is what counts.
        out: folder for the page.
        execute_to: folder for the executed notebook, if that is wanted, too.

    Raises:
        CellFailed: a cell raised; FormulaError: a formula cannot be drawn;
        PageError: the page would load something from outside, or has a picture without words.
    """
    (source,) = sources([path])
    node = executed(source)
    if execute_to is not None:
        execute_to.mkdir(parents=True, exist_ok=True)
        nbformat.write(node, execute_to / f"{source.stem}.ipynb")
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{source.stem}.html"
    target.write_text(to_html(node, source.parent), encoding="utf-8")
    return target


def executed(source: Path, **env: str) -> nbformat.NotebookNode:
    """The notebook of a ``.py`` with what its cells show in a page: widgets are plain HTML."""
    made = notebook(source.read_text(encoding="utf-8"))
    with TemporaryDirectory() as scratch:  # a notebook needs no file beside it, and may write some
        return run_all(made, Path(scratch), NCLIB_WIDGETS="html", **env)


def to_html(node: nbformat.NotebookNode, folder: Path) -> str:
    """An executed notebook as a self-contained page; pictures of its text lie under ``folder``."""
    return standing(render(node, folder, "page"))


def render(
    node: nbformat.NotebookNode, folder: Path, template: str, **resources: Any
) -> BeautifulSoup:
    """An executed notebook in one of our templates: a page that needs no kernel and no network.

    Args:
        node: the notebook; it is not changed.
        folder: where the pictures of its text lie.
        template: a folder under ``tools/templates``.
        resources: what else the template asks for.
    """
    node = nbformat.from_dict(node)
    for number, cell in enumerate(node.cells):
        _prepare(cell, number)
    exporter = HTMLExporter(
        template_name=template,
        template_file=f"{template}.html.j2",
        extra_template_basedirs=[str(TEMPLATES)],
        filters={"markdown2html": lambda text: markdown_to_html(text, str(folder))},
        config=Config({"NbConvertBase": {"display_data_priority": SHOWN}}),
    )
    resources |= {"page_title": _title(node), "page_css": _style()}
    page = BeautifulSoup(exporter.from_notebook_node(node, resources)[0], "html.parser")
    _finish(page)
    return page


def standing(page: BeautifulSoup) -> str:
    """The text of a page that stands by itself, with a font for its formulas.

    Raises:
        PageError: names what it would load from outside, and pictures without words.
    """
    add_font(page)
    if problems := list(faults(page)):
        raise PageError("the page would not stand by itself:\n" + "\n".join(problems))
    return str(page)


def _prepare(cell: nbformat.NotebookNode, number: int) -> None:
    """Make a cell's content such as needs neither kernel nor network."""
    if cell.cell_type == "markdown":
        region = re.compile(re.escape(BADGES[0]) + "(.*?)" + re.escape(BADGES[1]), re.DOTALL)
        cell.source = region.sub(_links, cell.source)
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if data.pop(WIDGET, None) and not data.keys() & set(SHOWN[:4]):
            output["data"] = {"text/html": NO_KERNEL}
        for kind in data.keys() & set(SHOWN[1:4]):
            if not output.metadata.get(kind, {}).get("alt") and "text/html" not in data:
                raise PageError(
                    f"the picture that cell {number} shows has no alt text; "
                    f'set the output\'s metadata {{"{kind}": {{"alt": "…"}}}}\n\n{cell.source}'
                )


def _links(badges: re.Match[str]) -> str:
    """Badges are pictures from elsewhere: keep their links."""
    found = re.findall(r"\[!\[([^\]]*)\]\([^)]*\)\]\(([^)]*)\)", badges[1])
    return " · ".join(f"[{text}]({link})" for text, link in found)


def _title(node: nbformat.NotebookNode) -> str:
    first = next((cell.source for cell in node.cells if cell.cell_type == "markdown"), "")
    found = re.search(r"^# +(.+)$", first, re.MULTILINE)
    return re.sub(r"[*`_$]", "", found[1]) if found else "Notebook"


def _style() -> str:
    light = HtmlFormatter(style="default").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    own = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n{own}"


def _finish(page: BeautifulSoup) -> None:
    """What is easier said of the whole page than of its cells."""
    for link in page.select("a.anchor-link"):
        link.decompose()
    for link in page.select("a[href]"):
        if not re.match(r"\w+:|//|#", link["href"]):  # the next notebook is a page, too
            link["href"] = re.sub(r"\.ipynb(?=#|$)", ".html", link["href"])
    for frame in page.find_all("iframe"):
        frame["width"] = "100%"
    for cell in page.select("th"):
        if not cell.get_text(strip=True):  # a corner that heads nothing
            cell.name = "td"
    for table in page.select("main table"):
        table.wrap(page.new_tag("div", attrs={"class": "wide"}))


def faults(page: BeautifulSoup) -> Iterator[str]:
    """What a page would load from outside, and pictures without words; frames are searched, too."""
    for element in page.find_all(True):
        yield from _element_faults(element)
    for frame in page.select("iframe[srcdoc]"):
        yield from faults(BeautifulSoup(frame["srcdoc"], "html.parser"))


def _element_faults(element: Tag) -> Iterator[str]:
    loading: dict[str, Any] = {"src": "", "poster": "", "data": "", "srcset": ""}
    loading |= {"href": "", "xlink:href": ""} if element.name != "a" else {}
    for name in loading:
        value = str(element.get(name, ""))
        if re.match(r"\s*(https?:|//)", value):
            yield f"<{element.name} {name}={value[:120]!r}> comes from outside"
        elif element.name == "img" and name == "src" and not value.startswith("data:"):
            yield f"the picture {value!r} is not in the page: it is not beside the notebook"
    if element.name == "img" and element.get("alt", "").strip() in ("", NO_ALT):
        yield f"a picture without alt text: {str(element)[:80]}…"
    text = element.string or "" if element.name in ("style", "script") else element.get("style", "")
    if found := FROM_OUTSIDE.search(text):
        yield f"<{element.name}> loads {found[0]!r}"
