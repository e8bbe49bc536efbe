"""The player's camera, for pictures that are drawn elsewhere."""

from __future__ import annotations

import re

import numpy as np

from nclib.player.page import asset
from nclib.shapes import Number

# distance of the camera in radii of the ETF
EYE = float(re.search(r"^export const EYE = ([\d.]+)", asset("player_scene.js"), re.MULTILINE)[1])


def rotation(yaw: Number, pitch: Number) -> np.ndarray:
    """(3, 3) rows right, up, near of a camera that turns by ``yaw`` and looks from ``pitch`` above.

    The ring of the ETF stands upright before it: height and depth have changed places.
    """
    c, s, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    return np.array([[c, 0, s], [-s * sp, cp, c * sp], [-s * cp, -sp, c * cp]])


def on_screen(points: np.ndarray, camera: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(·, 2) places of (·, 3) points, and how near each is; without a camera flat, as they are."""
    x, y, near = (points if camera is None else points @ camera.T).T
    scale = 1 if camera is None else EYE / (EYE - np.minimum(near, EYE - 0.5))
    return np.stack([x * scale, y * scale], axis=1), near
