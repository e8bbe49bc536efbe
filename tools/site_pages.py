"""All notebooks, executed, as static pages with an index: ready for any host of files."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Iterator
from pathlib import Path

from address import Address, read_address
from bs4 import BeautifulSoup
from cells import read_cells
from copies import portable, student
from page import write_page
from PIL import Image
from slides import has_slides, write_slides
from stamp import notebook, to_bytes

from nclib.runs.recorded import load_run

TEMPLATES = Path(__file__).with_name("templates")
SHOWN = "digits-mlp-ce-0"  # the recorded run that the index plays
SMALL = 420  # pixels across, of the pictures in the index


def write_site(sources: list[Path], out: Path) -> list[Path]:
    """Execute the notebooks, write a page for each and ``index.html``; return where they are.

    Raises:
        CellFailed, PageError, FormulaError: as ``write_page``.
    """
    out.mkdir(parents=True, exist_ok=True)
    pages = [write_page(source, out) for source in sources]
    load_run(SHOWN).to_html(out / "collapse.html")
    for source in sources:
        _write_downloads(source, out)
        if has_slides(source):
            write_slides(source, out)
    index = out / "index.html"
    index.write_text(index_page(sources, pages, read_address()), encoding="utf-8")
    return [index, *pages]


def _write_downloads(source: Path, out: Path) -> None:
    """The notebook and its student's copy, each in one file that carries the library."""
    text = source.read_text(encoding="utf-8")
    for folder, made in (("notebooks", notebook(text)), ("student", student(text))):
        (out / folder).mkdir(exist_ok=True)
        (out / folder / f"{source.stem}.ipynb").write_bytes(to_bytes(portable(text, made)))


def index_page(sources: list[Path], pages: list[Path], address: Address) -> str:
    """The index: each notebook with its claim and a picture out of it."""
    entries = "\n".join(_entry(source, page) for source, page in zip(sources, pages, strict=True))
    source = f'<a href="{address.repository}">Source, and how to run it</a>'
    text = (TEMPLATES / "site.html").read_text(encoding="utf-8")
    text = text.replace("@STYLE@", (TEMPLATES / "page.css").read_text(encoding="utf-8"))
    text = text.replace("@SOURCE@", source if address.repository else "")
    return text.replace("@ENTRIES@", entries)


def _entry(source: Path, page: Path) -> str:
    title, claim = title_and_claim(source.read_text(encoding="utf-8"))
    number = source.stem.split("_")[0]
    picture, alt = first_picture(page)
    image = f'<img src="{picture}" alt="{html.escape(alt)}">' if picture else ""
    files = " · ".join(
        f'<a href="{folder}/{source.stem}.ipynb" download>{words}</a>'
        for folder, words in (("notebooks", "with solutions"), ("student", "without"))
    )
    if has_slides(source):
        files += f'<br><a href="{source.stem}.slides.html">Slides</a>'
    return (
        f'<li><a href="{page.name}">{image}<h2>{number} · {html.escape(title)}</h2></a>'
        f'<p>{html.escape(claim)}</p><p class="files">Notebook to run: {files}</p></li>'
    )


def title_and_claim(text: str) -> tuple[str, str]:
    """A notebook's title, and the paragraph under it without markup."""
    title, *rest = read_cells(text)[0].source.splitlines()
    paragraphs = [
        line for line in rest if line.strip() and not re.match(r"\s*(<!--|\*|\[|the )", line)
    ]
    claim = re.sub(r"\[([^\]]*)\]\([^)]*\)|[*`_$]", r"\1", paragraphs[0])
    return title.removeprefix("# "), claim


def first_picture(page: Path) -> tuple[str, str]:
    """A small copy of the first picture in a page, frames included, and its words; or nothing."""
    for element in _images(BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")):
        kind, _, data = element["src"].partition(";base64,")
        if kind in ("data:image/png", "data:image/webp") and data:
            image = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
            image.thumbnail((SMALL, SMALL))
            buffer = io.BytesIO()
            image.save(buffer, "webp", quality=85)
            encoded = base64.b64encode(buffer.getvalue()).decode()
            return f"data:image/webp;base64,{encoded}", element.get("alt", "")
    return "", ""


def _images(page: BeautifulSoup) -> Iterator:
    for element in page.find_all(["img", "iframe"]):
        if element.name == "img" and element.get("src"):
            yield element
        elif element.get("srcdoc"):
            yield from _images(BeautifulSoup(element["srcdoc"], "html.parser"))
