"""tools/nb.py page: one file with formulas, pictures and frames in it, and nothing from outside."""

from __future__ import annotations

import base64
import io
import re
import struct
import sys
import zlib
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import mathfont
import nb
import page
from address import Address
from cells import read_cells, sources
from fontTools.ttLib import TTFont
from mathml import FormulaError, markdown_to_html, to_mathml
from stamp import notebook, refresh


def png() -> bytes:
    """One red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    size = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\x00\xff\x00\x00")
    head = b"\x89PNG\r\n\x1a\n"
    return head + chunk(b"IHDR", size) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


SAMPLE = """# %% [markdown] tags=["nc-badges"]
# # A *small* page
#
# Inline $\\frac{1}{C}$, code `$x$` and a link to [the next](01_next.ipynb#part).
#
# $$
# \\begin{aligned}
# a &= b \\\\
# c &= \\lVert d \\rVert
# \\end{aligned}
# $$
#
# ```python
# price = "$5" + "$$"
# ```
#
# ![a red dot](dot.png)

# %% tags=["nc-setup"]
hidden = "set-up code"

# %%
import base64
import os

from IPython.display import display

print("widgets:", os.environ["NCLIB_WIDGETS"])
print("\\x1b[31m<red>\\x1b[0m")

# %%
dot = base64.b64decode("@PNG@")
words = 'one "red" dot'
display({"image/png": dot}, raw=True, metadata={"image/png": {"alt": words, "width": 40}})

# %%
script = "<script>document.title = 1 &amp;&amp; 2 < 3 ? 'ran' : '';</script>"
inside = f"<p id='a'>&quot;x&quot;</p>{script}"
frame = f'<iframe sandbox="allow-scripts" srcdoc="{inside}" width="600" title="player"></iframe>'
display({"text/html": frame}, raw=True)

# %%
import ipywidgets

ipywidgets.IntSlider()

# %% tags=["solution"]
print("solved")

# %% [markdown] tags=["instructor"]
# Draw $x_1$.
""".replace("@PNG@", base64.b64encode(png()).decode())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The sample notebook, its picture, and its page."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "dot.png").write_bytes(png())
    published = Address("https://github.com/someone/collapse")
    text = refresh(SAMPLE, "notebooks/sample.ipynb", published)
    (folder / "sample.py").write_text(text, encoding="utf-8")
    out = ["--out", str(folder / "out"), "--execute-to", str(folder / "executed")]
    assert nb.main(["page", str(folder / "sample.py"), *out]) == 0
    return folder


@pytest.fixture(scope="module")
def html(folder) -> BeautifulSoup:
    text = (folder / "out" / "sample.html").read_text(encoding="utf-8")
    return BeautifulSoup(text, "html.parser")


def test_nothing_comes_from_outside(html):
    assert list(page.faults(html)) == []
    assert html.find("script") is None
    loading = [e for e in html.find_all(True) if e.name != "a" and (e.get("src") or e.get("href"))]
    assert all(re.match("data:", e.get("src") or e["href"]) for e in loading)


def test_formulas_are_mathml_and_code_is_not(html):
    assert [m["alttext"].split("\n")[0] for m in html.find_all("math")] == [
        r"\frac{1}{C}",
        r"\begin{aligned}",
        "x_1",
    ]
    assert len(html.select("mtable > mtr")) == 2
    assert html.find("code").text == "$x$"
    assert "$$" in html.select_one(".markdown pre").text
    outside = html.find("main")
    assert not re.search(r"\$\\|\\frac\{", outside.text)


def test_title_and_links(html):
    assert html.title.text == "A small page"
    links = [a["href"] for a in html.find_all("a")]
    assert "01_next.html#part" in links
    assert any(link.startswith("https://colab.research.google.com/") for link in links)
    assert not html.select("a img")


def test_pictures_are_embedded_and_described(html):
    assert [i["alt"] for i in html.find_all("img")] == ["a red dot", 'one "red" dot']
    assert all(i["src"].startswith("data:image/png;base64,") for i in html.find_all("img"))
    assert html.find_all("img")[1]["width"] == "40"


def test_frame_survives_at_full_width(html):
    (frame,) = html.find_all("iframe")
    assert frame["width"] == "100%"
    assert frame["sandbox"] in ("allow-scripts", ["allow-scripts"])
    assert "document.title = 1 && 2 < 3" in frame["srcdoc"]
    assert '"x"' not in BeautifulSoup(frame["srcdoc"], "html.parser").find("script").text


def test_folded_cells(html):
    folded = {d.summary.text: d.text for d in html.find_all("details")}
    assert set(folded) == {"Set-up", "Solution", "Teaching note"}
    assert "tempfile" in folded["Set-up"]
    assert "solved" in folded["Solution"]
    assert not html.select("details[open]")


def test_outputs(html):
    text = html.find("main").text
    assert "widgets: html" in text
    assert "<red>" in text
    assert "\x1b" not in text
    assert "open the notebook to use it" in text
    assert "IntSlider(" not in text.replace("ipywidgets.IntSlider()", "")


def test_executed_notebook_is_saved(folder):
    executed = nbformat.read(folder / "executed" / "sample.ipynb", as_version=4)
    nbformat.validate(executed)
    assert all(c.execution_count for c in executed.cells if c.cell_type == "code")


def test_a_cell_that_raises_is_shown(tmp_path, capsys):
    (tmp_path / "bad.py").write_text("# %%\na = 1\n\n# %%\nvalue = a / 0\n")
    assert nb.main(["page", str(tmp_path / "bad.py"), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "cell 1 raised" in said
    assert "value = a / 0" in said
    assert "ZeroDivisionError" in said
    assert not (tmp_path / "out").exists()


def page_of(text: str, tmp_path: Path, **output) -> str:
    made = nbformat.from_dict(notebook(text))
    if output:
        made.cells[0].outputs = [nbformat.v4.new_output("display_data", **output)]
    for cell in made.cells:
        cell.source = "".join(cell.source)
    return page.to_html(made, tmp_path)


def test_a_picture_without_words_is_refused(tmp_path):
    with pytest.raises(page.PageError, match="picture that cell 0 shows has no alt text"):
        page_of("# %%\nx\n", tmp_path, data={"image/png": "AAAA"})


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ('<script src="https://cdn.example.org/x.js"></script>', "<script src="),
        ('<link rel="stylesheet" href="//cdn.example.org/x.css">', "<link href="),
        ("<style>@import 'https://example.org/x.css';</style>", "<style> loads"),
        ("<script type=module>import x from 'https://example.org/x.js'</script>", "<script> loads"),
        ("<p style=\"background: url('https://example.org/x.png')\">", "<p> loads"),
        ("<iframe srcdoc=\"<img src='http://example.org/x.png' alt='a'>\"></iframe>", "<img src="),
        ('<img alt="somewhere" src="missing.png">', "is not in the page"),
        ('<img src="data:image/png;base64,AAAA">', "without alt text"),
    ],
)
def test_what_would_not_stand_by_itself_is_refused(tmp_path, html, words):
    with pytest.raises(page.PageError) as raised:
        page_of("# %%\nx\n", tmp_path, data={"text/html": html})
    assert words in str(raised.value)


def test_links_and_namespaces_are_not_loads(tmp_path):
    html = '<a href="https://example.org">x</a><svg xmlns="http://www.w3.org/2000/svg"></svg>'
    html += "<script>const a = 'http://www.w3.org/2000/svg'; // from there\n</script>"
    assert "w3.org" in page_of("# %%\nx\n", tmp_path, data={"text/html": html})


# --- formulas


@pytest.mark.parametrize(
    "latex",
    [
        r"\Sigma_W \Sigma_B^{\dagger}",
        r"\left\lVert \frac{M}{\lVert M\rVert_F} - \frac{W}{\lVert W\rVert_F} \right\rVert_F^2",
        r"\operatorname{tr}(A), \quad \arg\min_{W} \mathcal{L}, \operatorname*{arg\,max}_c x_c",
        r"\begin{cases} 1 & x < y \\ -\frac{1}{C-1} & c \neq c' \end{cases}",
        r"\begin{align} a &= b \\ &= \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} \end{align}",
        r"\mathrm{Ave}_{c}\,\{ |\cos| \}, \mathbb{R}^{p\times C}, \dot\omega, \hat{\mathbf W}",
        r"\underbrace{a}_{b} \tag{7}",
    ],
)
def test_formula_is_drawn(latex):
    drawn = to_mathml(latex, block=True)
    text = BeautifulSoup(drawn, "html.parser").find("math").text
    assert 'display="block"' in drawn
    assert "\\" not in text
    assert "&" not in text


@pytest.mark.parametrize(
    "latex", [r"\nonsense x", r"\frac{a}{", "a_{", "a }", r"a & b", r"a \\ b", "x^2^3"]
)
def test_formula_that_cannot_be_drawn_is_named(latex):
    with pytest.raises(FormulaError, match=r"formula") as raised:
        markdown_to_html(f"Text ${latex}$ text")
    assert repr(latex) in str(raised.value)


def test_styled_letters_are_characters():
    """Browsers draw no mathvariant but "normal"."""
    assert "\N{MATHEMATICAL BOLD CAPITAL W}" in to_mathml(r"\mathbf{W}")
    assert "\N{MATHEMATICAL BOLD ITALIC SMALL MU}" in to_mathml(r"\boldsymbol\mu")
    assert "\N{MATHEMATICAL BOLD DIGIT ONE}" in to_mathml(r"\mathbf{1}")
    assert "\N{SCRIPT CAPITAL L}" in to_mathml(r"\mathscr{L}")


def test_limits_stand_below_in_displayed_formulas():
    assert "munder" in to_mathml(r"\min_W f", block=True)
    assert "munder" not in to_mathml(r"\min_W f")


def test_equation_number_is_set_apart():
    drawn = BeautifulSoup(to_mathml(r"x = 1 \tag{7}", block=True), "html.parser")
    assert drawn.text.endswith("(7)")
    assert drawn.find("mspace")["width"] == "2em"


# The font of the formulas


def test_the_font_has_what_the_formulas_use_and_little_else():
    font = TTFont(io.BytesIO(mathfont.font_of("aλ∑(Γh")))
    has = set(map(chr, font.getBestCmap()))
    assert {*"aλ∑(Γh", "𝑎", "𝜆", "𝛤", "ℎ"} <= has
    assert len(has) < 20
    assert len(font.getGlyphOrder()) > len(has)  # larger sums and parentheses
    assert "MATH" in font


def test_every_character_of_every_formula_is_in_the_font():
    known = TTFont(mathfont.FONT).getBestCmap()
    cells = [cell for source in sources([]) for cell in read_cells(source.read_text("utf-8"))]
    texts = [cell.source for cell in cells if cell.kind == "markdown" and "$" in cell.source]
    page = BeautifulSoup("".join(map(markdown_to_html, texts)), "html.parser")
    formulas = page.find_all("math")
    assert len(formulas) > 100
    used = set("".join(formula.get_text() for formula in formulas))
    assert {one for one in used if ord(one) not in known} == set()


def test_roots_have_their_sign_in_the_font():
    for formula, there in ((r"\sqrt{1 + v^2}", True), ("1 + v^2", False)):
        page = BeautifulSoup(f"<head></head>{to_mathml(formula)}", "html.parser")
        mathfont.add_font(page)
        data = page.find("style").string.split("base64,")[1].split('"')[0]
        font = TTFont(io.BytesIO(base64.b64decode(data)))
        assert (ord("√") in font.getBestCmap()) is there


def test_a_page_without_formulas_has_no_font():
    page = BeautifulSoup("<html><head></head><body>text</body></html>", "html.parser")
    mathfont.add_font(page)
    assert page.find("style") is None
    page.body.append(BeautifulSoup(to_mathml("a^2"), "html.parser"))
    mathfont.add_font(page)
    assert page.find("style").string.startswith("@font-face")


def test_bars_are_a_pair_and_braces_a_line():
    formula = to_mathml(r"\underbrace{\lVert a \rVert^2}_{b}", block=True)
    assert formula.count('stretchy="false"') == 2
    assert "⏟" not in formula
    assert "border-bottom" in formula
