"""Colours are told apart with every kind of colour vision, and stand out from what is behind."""

from __future__ import annotations

import re
from pathlib import Path

from matplotlib.colors import to_hex
from pygments.styles import get_style_by_name
from pygments.token import Whitespace
from sight import APART, SHAPE, TEXT, contrast, least_distance

from nclib.lessons.decomposition.sliders import TERMS
from nclib.palette import INK, MUTED, PETROFF, RUN_COLORS
from nclib.pictures.curves import RUN_LINES, run_style

ROOT = Path(__file__).parents[1]


def variables(css: str) -> list[dict[str, str]]:
    """Colours that a style sheet names: in light, and in dark where it differs."""
    text = (ROOT / css).read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--(?:nc-)?([\w-]+): (#[0-9a-f]{6})\b", block))
        for block in re.findall(r"\{([^{}]*--[^{}]*)\}", text)[:2]
    )
    return [light, light | dark]


# ---- Told apart ------------------------------------------------------------------------------


def test_the_measure_knows_red_and_green_from_black_and_white():
    assert least_distance(["#000000", "#ffffff"]) > 90
    assert least_distance(["#d62728", "#2ca02c"]) < APART  # the usual pair, for deuteranopes


def test_runs_are_told_apart_by_colour():
    assert least_distance(RUN_COLORS[: len(RUN_LINES)]) >= APART
    assert all(contrast(color) >= SHAPE for color in RUN_COLORS)


def test_runs_with_one_line_style_are_told_apart_by_colour():
    styles = [run_style(index) for index in range(len(RUN_COLORS))]
    assert len(set(styles)) == 8
    for line in RUN_LINES:
        assert least_distance([color for color, own in styles if own == line]) >= APART


def test_terms_of_the_squared_error_are_told_apart():
    colors = [color for _, color in TERMS.values()]
    assert least_distance(colors) >= APART
    assert all(contrast(color) >= SHAPE for color in colors)


def test_class_colours_are_as_far_apart_as_the_documentation_says():
    """Ten cannot all be far apart; so each mean has its label (below and in test_keyboard.py)."""
    said = (ROOT / "docs" / "accessibility.md").read_text(encoding="utf-8")
    assert f"| ten classes | {least_distance(PETROFF):.1f} |" in said
    assert f"| four runs | {least_distance(RUN_COLORS[:4]):.1f} |" in said
    terms = [color for _, color in TERMS.values()]
    assert f"| three terms of the squared error | {least_distance(terms):.1f} |" in said
    light, dark = variables("nclib/player/player.css")
    two = [least_distance([theme["accent"], theme["second"]]) for theme in (light, dark)]
    assert f"| two runs in the player, light, dark | {two[0]:.1f}, {two[1]:.1f} |" in said


def test_a_map_of_cosines_has_two_ends_for_everybody():
    from matplotlib import colormaps

    low, middle, high = (to_hex(colormaps["RdBu_r"](x)) for x in (0.1, 0.5, 0.9))
    assert least_distance([low, middle, high]) >= 2 * APART


# ---- In pages --------------------------------------------------------------------------------


def test_pages_can_be_read():
    for theme, style in zip(
        variables("tools/templates/page.css"), ("default", "github-dark"), strict=True
    ):
        for behind in (theme["paper"], theme["shade"]):
            for name in ("ink", "link", "mark"):
                assert contrast(theme[name], behind) >= TEXT, (style, name)
        tokens = {f"#{look['color']}" for token, look in get_style_by_name(style)
                  if look["color"] and token is not Whitespace}  # fmt: skip
        assert len(tokens) > 8
        assert {t: c for t in tokens if (c := contrast(t, theme["shade"])) < TEXT} == {}


def test_the_player_can_be_read():
    for theme in variables("nclib/player/player.css"):
        for behind in (theme["surface"], theme["panel"]):
            for name in ("ink", "muted", "accent", "second"):
                assert contrast(theme[name], behind) >= TEXT, name
        assert contrast(theme["accent"], theme["accent-ink"]) >= TEXT


def test_ink_can_be_read():
    assert contrast(INK) >= TEXT
    assert contrast(MUTED) >= TEXT
