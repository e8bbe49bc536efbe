"""Colours of classes and ink, shared by figures and player."""

from __future__ import annotations

import colorsys

# Classes: ten colours told apart by most people, colour-blind or not (Petroff 2021,
# arXiv 2107.02270), the grey ones last. Where they count, a label stands beside each.
PETROFF = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#a96b59"),
    *("#e76300", "#b9ac70", "#717581", "#92dadd", "#94a4a2"),
)
# Lines and dots: the first four differ for everybody and on white; each of the second four, which
# have the line styles of the first again, differs from its namesake (tests/test_palette.py).
RUN_COLORS = (
    *("#2563c9", "#bf3048", "#26a08a", "#4a2c6e"),
    *("#c98300", "#5c6b7f", "#8f4f3c", "#7d8fb3"),
)
INK, MUTED, FAINT = "#1c2330", "#626c7d", "#c9d0da"  # text and lines; asides; grids


def class_colors(num_classes: int) -> list[str]:
    """One "#rrggbb" a class: Petroff's ten; beyond ten, even hues, by turns light and dark."""
    if num_classes <= len(PETROFF):
        return list(PETROFF[:num_classes])
    steps = ((i / num_classes, (0.42, 0.6)[i % 2]) for i in range(num_classes))
    return [
        "#" + "".join(f"{round(255 * v):02x}" for v in colorsys.hls_to_rgb(hue, light, 0.65))
        for hue, light in steps
    ]


def ink_on(color: str) -> str:
    """Dark or white, whichever reads better on "#rrggbb" (by WCAG relative luminance)."""
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if luminance < 0.18 else INK
