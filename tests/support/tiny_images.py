"""An experiment on images so tiny that the whole chain runs in seconds; its pictures are drawn."""

from __future__ import annotations

import random
from pathlib import Path

import yaml
from PIL import Image, ImageDraw

SIDE = 20
KINDS = ("bar", "disc", "frame")
STAGES = 10  # of this experiment


def picture(kind: str, draw: random.Random) -> Image.Image:
    """A shape somewhere on a noisy ground."""
    image = Image.new("RGB", (SIDE, SIDE))
    image.putdata([(draw.randint(0, 60),) * 3 for _ in range(SIDE * SIDE)])
    left, top = draw.randint(1, 7), draw.randint(1, 7)
    box = (left, top, left + draw.randint(8, 11), top + draw.randint(8, 11))
    colour = (draw.randint(150, 255), draw.randint(100, 255), draw.randint(100, 255))
    pen = ImageDraw.Draw(image)
    if kind == "bar":
        pen.rectangle((box[0], box[1], box[0] + 3, box[3]), fill=colour)
    elif kind == "disc":
        pen.ellipse(box, fill=colour)
    else:
        pen.rectangle(box, outline=colour, width=2)
    return image


def write_pictures(folder: Path, count: int, seed: int) -> Path:
    """Pictures in folders by kind."""
    draw = random.Random(seed)
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        (folder / kind).mkdir(parents=True, exist_ok=True)
        picture(kind, draw).save(folder / kind / f"{number:03}.png")
    return folder


def write_image_experiment(folder: Path) -> Path:
    """The files of a tiny experiment on images; the YAML file."""
    folder.mkdir(parents=True, exist_ok=True)
    write_pictures(folder / "many", 120, 1)
    write_pictures(folder / "few", 90, 2)
    values = {
        "name": "tiny-images",
        "images": {"source": "many", "validation_share": 0.2},
        "pixels": {"size": 16},
        "model": {"family": "resnet", "size": "tiny"},
        "pretraining": {"steps": 8, "batch_size": 16, "log_every": 2, "precision": "fp32"},
        "downstream": [
            {
                "name": "kinds",
                "problem": "image-classification",
                "source": "few",
                "epochs": 2,
                "batch_size": 16,
                "precision": "fp32",
            }
        ],
        "evaluation": {"bootstrap_samples": 200},
    }
    file = folder / "images.yaml"
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return file
