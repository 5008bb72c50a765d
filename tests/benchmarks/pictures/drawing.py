"""The pictures of the benchmark: photographs of nothing, as large as those that people have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from tests.benchmarks.pictures import KINDS

SMALLEST, LARGEST = 240, 480  # sides, in pixels


def picture(kind: int, draw: np.random.Generator) -> Image.Image:
    """A star with `kind` + 3 points, somewhere on a ground of smooth noise."""
    width, height = (int(draw.integers(SMALLEST, LARGEST + 1)) for _ in range(2))
    noise = draw.integers(0, 256, (height // 24, width // 24, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
    points = 2 * (kind + 3)
    turned = draw.uniform(0, 2 * np.pi) + np.arange(points) * 2 * np.pi / points
    radius = min(width, height) * draw.uniform(0.25, 0.4) * np.where(np.arange(points) % 2, 0.4, 1)
    middle = np.array([width, height]) * draw.uniform(0.4, 0.6, 2)
    corners = middle + radius[:, None] * np.stack([np.cos(turned), np.sin(turned)], axis=1)
    colour = tuple(int(each) for each in draw.integers(0, 256, 3))
    ImageDraw.Draw(image).polygon([tuple(corner) for corner in corners.tolist()], fill=colour)
    return image


def write_pictures(folder: Path, count: int, seed: int) -> None:
    """JPEG files in folders by kind, as `datasets` and Temper both read them."""
    draw = np.random.default_rng(seed)
    for number in range(count):
        kind = number % KINDS
        below = folder / f"points-{kind + 3:02}"
        below.mkdir(parents=True, exist_ok=True)
        picture(kind, draw).save(below / f"{number:05}.jpg", quality=90)
