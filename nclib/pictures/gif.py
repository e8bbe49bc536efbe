"""A run as a moving picture in one file, for pages that run nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image

from nclib.files import atomic_write, place
from nclib.palette import FAINT, INK, MUTED, RUN_COLORS, class_colors
from nclib.pictures.scene import Geometry, moving_scene, view_of
from nclib.runs.trajectory import Trajectory
from nclib.shapes import Number


def save_gif(
    trajectory: Trajectory,
    path: str | Path,
    *,
    seconds: Number = 7,
    frames_per_second: int = 12,
    width: int = 720,
) -> Path:
    """Write the run as a moving picture that ends on its last epoch for two seconds.

    Args:
        trajectory: at least one measured epoch.
        path: of the ``.gif``.
        seconds: of one play, without the rest at the end.
        frames_per_second: at most 50.
        width: pixels; the height is half of it.

    Raises:
        ValueError: if nothing was recorded, a number is out of range, or the path is no place for
            a file.
    """
    if not (seconds > 0 and 1 <= frames_per_second <= 50 and 200 <= width <= 1800):
        raise ValueError(
            f"seconds is {seconds}, frames_per_second {frames_per_second}, width {width}; expected "
            "seconds > 0, frames_per_second from 1 to 50 and width from 200 to 1800"
        )
    place(path)  # before a minute of drawing
    recorded, metrics = trajectory.coordinates(), trajectory.metrics
    points = (recorded.features, recorded.class_means, recorded.weight)
    view = view_of(recorded.class_means[-1], trajectory.num_features)
    show = moving_scene(trajectory.class_names, int(trajectory.epochs[-1]))
    count = max(2, round(seconds * frames_per_second))
    images = []
    for time in np.linspace(0, 1, count):
        position = time * (len(trajectory) - 1)
        moment = Geometry(trajectory.labels, *(_between(x, position) for x in points))
        until = metrics.iloc[: int(position + 1e-9) + 1]
        shown = show(moment, view, until, yaw=-0.7 + 0.9 * time)
        images.append(shown.image().resize((width, width // 2)))
    palette = _palette(trajectory.num_classes)
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    durations = [round(1000 / frames_per_second)] * (count - 1) + [2000]
    moving = {"save_all": True, "append_images": images[1:], "duration": durations, "loop": 0}
    with atomic_write(path) as file:
        images[0].save(file, "GIF", optimize=True, **moving)
    return Path(path)


def _palette(num_classes: int) -> Image.Image:
    """The colours of the scene, each by steps towards white and towards ink (at most 256)."""
    colors = [*class_colors(min(num_classes, 24)), RUN_COLORS[0], MUTED, FAINT, INK]
    rgb = np.array([to_rgb(color) for color in colors])
    tints = [1 - step * (1 - rgb) for step in (0, 0.15, 0.3, 0.5, 0.75, 1)]
    levels = np.concatenate([*tints, (rgb + rgb[-1]) / 2, (3 * rgb + rgb[-1]) / 4])
    levels = np.unique(np.round(255 * levels).astype(np.uint8), axis=0)
    image = Image.new("P", (1, 1))
    image.putpalette(levels.tobytes())
    return image


def _between(points: np.ndarray, position: Number) -> np.ndarray:
    """(E, ·, ·) at a fractional index of the measured epochs."""
    i = int(position)
    j = min(i + 1, len(points) - 1)
    return points[i] + (position - i) * (points[j] - points[i])
