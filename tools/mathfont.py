"""A font for a page's formulas, with only the characters they use: few systems have one."""

from __future__ import annotations

import base64
import io
import unicodedata
from pathlib import Path

from bs4 import BeautifulSoup
from fontTools import subset
from fontTools.ttLib import TTFont

FONT = Path(__file__).with_name("vendor") / "stix-two-math" / "STIXTwoMath.woff"
ITALICS = [*map(chr, range(0x1D434, 0x1D468)), *map(chr, range(0x1D6E2, 0x1D71C)), "ℎ"]
SLANTED = {unicodedata.normalize("NFKC", one): one for one in ITALICS}  # as <mi> shows one letter


def add_font(page: BeautifulSoup) -> None:
    """Put the font into the page's head, if there are formulas."""
    used = "".join(formula.get_text() for formula in page.find_all("math"))
    used += "√" if page.find(["msqrt", "mroot"]) else ""  # the sign is in no text
    if not used:
        return
    data = base64.b64encode(font_of(used)).decode()
    style = page.new_tag("style")
    style.string = (
        f'@font-face {{ font-family: "Formulas"; src: url("data:font/woff;base64,{data}"); }}\n'
        'math { font-family: "Formulas", math; font-size: 1.1em; }'  # its letters are small
    )
    page.head.append(style)


def font_of(text: str) -> bytes:
    """STIX Two Math as WOFF, with the characters of ``text``, also slanted and in larger forms."""
    font = TTFont(FONT, recalcTimestamp=False)
    options = subset.Options(flavor="woff", layout_features=["ssty", "dtls", "flac"])
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=text + "".join(SLANTED.get(one, "") for one in text))
    subsetter.subset(font)
    font.flavor = "woff"
    buffer = io.BytesIO()
    font.save(buffer)
    return buffer.getvalue()
