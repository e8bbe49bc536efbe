"""Formulas as MathML, which every browser draws without a script."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from xml.etree import ElementTree

from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

SPACE = "http://www.w3.org/1998/Math/MathML"
LIMITS = {"min", "max", "inf", "sup", "lim"}
UPRIGHT = set("ΓΔΘΛΞΠΣΥΦΨΩ")  # as TeX sets them
ACCENTS = set("^~˙¨¯ˉ→ˇ˘´`")
BARS = {"|", "‖", "∥"}
STYLES = {
    "bold": "MATHEMATICAL BOLD",
    "bold-italic": "MATHEMATICAL BOLD ITALIC",
    "script": "MATHEMATICAL SCRIPT",
    "bold-script": "MATHEMATICAL BOLD SCRIPT",
}
REWRITTEN: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
    (r"\\(begin|end)\{aligned\}", r"\\\1{split}"),
    (r"\\(begin|end)\{align\}", r"\\\1{align*}"),
    (r"\\(begin|end)\{gathered\}", r"\\\1{matrix}"),
    (r"\\(begin|end)\{equation\*?\}", ""),
    (r"\\operatorname\*", r"\\operatorname"),
    (r"\\arg(?![A-Za-z])", r"\\operatorname{arg}"),
    (r"\\tag\{([^{}]*)\}", r"\\qquad\\text{(\1)}"),
]

ElementTree.register_namespace("", SPACE)


class FormulaError(ValueError):
    """A formula that cannot be drawn."""


def to_mathml(latex: str, *, block: bool = False) -> str:
    """A formula as a ``<math>`` element that browsers draw as TeX would.

    Raises:
        FormulaError: names the formula, and what in it is not understood.
    """
    text = latex.strip()
    if text.count("{") - text.count("}") != text.count(r"\{") - text.count(r"\}"):
        raise FormulaError(f"unbalanced braces in the formula {latex!r}")
    for pattern, replacement in REWRITTEN:
        text = re.sub(pattern, replacement, text)
    try:
        root = ElementTree.fromstring(convert(text, display="block" if block else "inline"))
    except ElementTree.ParseError:
        raise FormulaError(f"an & or environment not understood in the formula {latex!r}") from None
    except Exception as error:
        problem = type(error).__name__
        raise FormulaError(f"{problem} in the formula {latex!r}") from error
    root.set("alttext", latex.strip())
    for element in root.iter():
        _check(element, latex)
        _restyle(element, block)
    return ElementTree.tostring(root, encoding="unicode")


def _check(element: ElementTree.Element, latex: str) -> None:
    if "\\" in (element.text or "") and element.tag != f"{{{SPACE}}}mtext":
        raise FormulaError(f"{element.text} is not understood in the formula {latex!r}")
    if element.get("linebreak") == "newline":
        raise FormulaError(rf"\\ outside an aligned environment in the formula {latex!r}")


def _restyle(element: ElementTree.Element, block: bool) -> None:
    """Write what browsers leave out of MathML: letters' styles as characters, limits below.

    A brace below is a line, as Chromium paints but a part of a wide brace; bars do not stretch
    unless they are asked to, as it stretches the first of a pair only.
    """
    style = STYLES.get(element.get("mathvariant", ""))
    if style and element.text:
        element.text = "".join(_styled(letter, style) for letter in element.text)
        element.set("mathvariant", "normal")
    if element.tag == f"{{{SPACE}}}mi" and (element.text or "") in UPRIGHT:
        element.set("mathvariant", "normal")
    if element.tag == f"{{{SPACE}}}mover" and element[1].text in ACCENTS:
        element.set("accent", "true")
    if block and element.tag == f"{{{SPACE}}}msub" and element[0].text in LIMITS:
        element.tag = f"{{{SPACE}}}munder"
    if element.tag == f"{{{SPACE}}}munder" and element[1].text == "⏟":
        element.tag = f"{{{SPACE}}}mrow"
        element.remove(element[1])
        element.set("style", "border-bottom: 0.06em solid; padding-bottom: 0.25em")
    if element.tag == f"{{{SPACE}}}mo" and element.text in BARS:
        element.set("stretchy", element.get("stretchy", "false"))


def _styled(letter: str, style: str) -> str:
    name = re.sub(r"^(LATIN|GREEK) (\w+) LETTER", r"\2", unicodedata.name(letter, ""))
    for found in (f"{style} {name}", f"{style} {name}".removeprefix("MATHEMATICAL ")):
        try:
            return unicodedata.lookup(found)
        except KeyError:
            continue
    return letter


class MathRenderer(IPythonRenderer):
    """nbconvert's Markdown, with its formulas as MathML."""

    def block_math(self, body: str) -> str:
        """``$$ … $$``."""
        return to_mathml(body, block=True)

    def inline_math(self, body: str) -> str:
        """``$ … $``."""
        return to_mathml(body)

    def latex_environment(self, name: str, body: str) -> str:
        r"""``\begin{align} … \end{align}``."""
        return to_mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", block=True)


def markdown_to_html(source: str, folder: str = "") -> str:
    """A Markdown cell as HTML, with formulas drawn and local pictures embedded."""
    renderer = MathRenderer(escape=False, embed_images=True, path=folder, anchor_link_text="")
    return MarkdownWithMath(renderer=renderer).render(source)
