"""Pictures as `datasets` prepares them: `imagefolder`, and `map` with two processes.

The pixels are stored as bytes, as Temper stores them, and not as the numbers that a processor makes
of them: those take twelve times the room, and as much longer to write.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Array3D, ClassLabel, Features, load_dataset

from tests.benchmarks.clock import Laps
from tests.benchmarks.memory import peak
from tests.benchmarks.peers.images import processor
from tests.benchmarks.pictures import SIDE
from tests.benchmarks.setting import Figures

PROCESSES = 2


def main() -> None:
    """Prepare a folder of pictures; tell pictures a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, required=True, help="folders by class")
    parser.add_argument("--cache", type=Path, required=True)
    asked = parser.parse_args()
    laps = Laps()
    rows = load_dataset(
        "imagefolder", data_dir=str(asked.pictures), split="train", cache_dir=str(asked.cache)
    )
    laps.end("load_dataset")
    resize = processor(do_rescale=False, do_normalize=False)
    labels = rows.features["label"]
    assert isinstance(labels, ClassLabel)

    def stored(some: dict[str, Any]) -> dict[str, Any]:
        pictures = [image.convert("RGB") for image in some["image"]]
        found = resize(pictures, return_tensors="np", data_format="channels_last")
        return {"pixels": found["pixel_values"].astype(np.uint8), "label": some["label"]}

    rows.map(
        stored,
        batched=True,
        batch_size=64,
        num_proc=PROCESSES,
        remove_columns=rows.column_names,
        features=Features({"pixels": Array3D((SIDE, SIDE, 3), "uint8"), "label": labels}),
    )
    laps.end("map")
    Figures(
        seconds=laps.seconds,
        samples_per_second=len(rows) / laps.seconds,
        megabytes_peak=peak(),
        parts=laps.parts,
    ).tell()


if __name__ == "__main__":
    main()
