"""How colours are seen: distances for every kind of colour vision, and contrast.

Colour-vision deficiencies as in Machado, Oliveira, Fernandes 2009 at severity 1; distances in
CAM02-UCS (Luo, Cui, Li 2006), where 1 is about what is just seen; contrast as in WCAG 2.1.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from colorspacious import cspace_convert
from matplotlib.colors import to_rgb

SIGHTS = (None, "protanomaly", "deuteranomaly", "tritanomaly")
APART = 15
TEXT, SHAPE = 4.5, 3.0  # contrast ratios


def seen(colors, sight):
    """(n, 3) colours in CAM02-UCS, as somebody sees them."""
    rgb = np.array([to_rgb(color) for color in colors])
    if sight is not None:
        space = {"name": "sRGB1+CVD", "cvd_type": sight, "severity": 100}
        rgb = cspace_convert(rgb, space, "sRGB1").clip(0, 1)
    return cspace_convert(rgb, "sRGB1", "CAM02-UCS")


def least_distance(colors) -> float:
    """Between any two of them, for anybody."""
    pairs = list(combinations(range(len(colors)), 2))
    return min(
        float(np.linalg.norm(points[a] - points[b]))
        for points in (seen(colors, sight) for sight in SIGHTS)
        for a, b in pairs
    )


def contrast(one, other="#ffffff") -> float:
    rgb = np.array([to_rgb(one), to_rgb(other)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    dark, light = sorted(linear @ [0.2126, 0.7152, 0.0722])
    return (light + 0.05) / (dark + 0.05)
