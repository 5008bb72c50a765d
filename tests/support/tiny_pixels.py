"""Stored pictures as stage `pixels` writes them, and a pre-trained model: made in a second."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pandas as pd

from tasks.experiment.images.model import ImageModel
from tasks.experiment.images.pictures import Pixels
from tasks.families import images as families
from tasks.models.images.building import new_model
from tasks.models.images.reader_file import write_reader
from tests.support.tiny_images import KINDS, picture

SIZE = 16


def write_pixels(folder: Path, *, size: int = SIZE, train: int = 90) -> Path:
    """A folder with pictures of shapes, their kind as the label."""
    folder.mkdir(parents=True)
    draw = random.Random(5)
    for split, count in {"train": train, "validation": 30, "test": 60}.items():
        kinds = [KINDS[number % len(KINDS)] for number in range(count)]
        drawn = [np.asarray(picture(kind, draw).resize((size, size))) for kind in kinds]
        np.save(folder / f"{split}.npy", np.stack(drawn))
        names = [f"{split}-{number}.png" for number in range(count)]
        rows = {"document": names, "image": names, "label": kinds, "place": range(count)}
        pd.DataFrame(rows).to_parquet(folder / f"{split}.parquet")
    (folder / "labels.json").write_text(json.dumps(KINDS))
    return folder


def write_image_body(folder: Path, family: str = "resnet", *, size: int = SIZE, seed: int = 3):
    """A folder as stage `pretraining` writes `model/`."""
    from transformers import AutoModel

    config = families.load(family).configure(ImageModel(family=family), size, 0.0)
    new_model(AutoModel, config, seed).save_pretrained(folder)
    write_reader(Pixels(size=size), folder)
    return folder
