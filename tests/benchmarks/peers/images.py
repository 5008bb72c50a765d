"""Image classification as in transformers' `run_image_classification.py`.

`datasets` with the image processor in `set_transform`, `Trainer`. What is not said below is at its
default. Pictures are mirrored and cropped by Pillow as that script does by torchvision, which does
not stand beside a torch for processors alone.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import Any

import torch
from datasets import load_dataset
from PIL import Image, ImageOps
from transformers import (
    AutoModelForImageClassification,
    Trainer,
    TrainingArguments,
    ViTImageProcessor,
    set_seed,
)

from tasks.experiment.images.model import ImageModel
from tasks.families import images as families
from tests.benchmarks.clock import throughput
from tests.benchmarks.peers.pretraining import Clock
from tests.benchmarks.pictures import BATCH, LEARNING_RATE, SIDE, WARMUP_SHARE
from tests.benchmarks.pictures.measuring import loss_on
from tests.benchmarks.setting import Figures

SCALE = (0.08, 1.0)  # of the area of a crop, as in torchvision's RandomResizedCrop
RATIO = (3 / 4, 4 / 3)  # of its sides


def processor(**changes: Any) -> Any:
    """The processor of ViT, at the size of the benchmark."""
    return ViTImageProcessor(size={"height": SIDE, "width": SIDE}, **changes)


def varied(image: Image.Image) -> Image.Image:
    """A random crop, mirrored in half of the cases."""
    width, height = image.size
    area = width * height * random.uniform(*SCALE)
    ratio = random.uniform(*RATIO)
    wide = min(width, max(1, round((area * ratio) ** 0.5)))
    high = min(height, max(1, round((area / ratio) ** 0.5)))
    left, top = random.randint(0, width - wide), random.randint(0, height - high)
    cut = image.crop((left, top, left + wide, top + high))
    return ImageOps.mirror(cut) if random.random() < 0.5 else cut


def main() -> None:
    """Train for some steps; tell pictures a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, required=True, help="folders by class")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--family", required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--evaluation", type=Path, help="measure the trained model on these")
    asked = parser.parse_args()
    set_seed(asked.seed)
    rows = load_dataset(
        "imagefolder", data_dir=str(asked.pictures), split="train", cache_dir=str(asked.cache)
    )
    config = families.load(asked.family).configure(ImageModel(family=asked.family), SIDE, 0.0)
    config.num_labels = rows.features["label"].num_classes
    read = processor()

    def transform(some: dict[str, Any]) -> dict[str, Any]:
        pictures = [varied(image.convert("RGB")) for image in some["image"]]
        found = read(pictures, return_tensors="pt")["pixel_values"]
        return {"pixel_values": list(found), "labels": some["label"]}

    rows.set_transform(transform)
    clock = Clock()
    model = AutoModelForImageClassification.from_config(config)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(asked.cache / "trainer"),
            max_steps=asked.steps,
            per_device_train_batch_size=BATCH,
            learning_rate=LEARNING_RATE,
            warmup_steps=round(WARMUP_SHARE * asked.steps),
            bf16=asked.bf16,
            # Without a GPU, bf16 is refused unless this is said too.
            use_cpu=asked.bf16 and not torch.cuda.is_available(),
            remove_unused_columns=False,  # as that script has it: the transform reads `image`
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            seed=asked.seed,
        ),
        train_dataset=rows,
        callbacks=[clock],
    )
    begun = time.perf_counter()
    trainer.train()
    Figures(
        seconds=time.perf_counter() - begun,
        samples_per_second=throughput(clock.times, BATCH),
        validation_loss=loss_on(model, asked.evaluation) if asked.evaluation else 0.0,
    ).tell()


if __name__ == "__main__":
    main()
