"""Pictures read, checked, split and stored, by the stages `images` and `pixels`."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from tasks.contract import Silent
from tasks.experiment.images.pictures import Images, Pixels
from tasks.sources.images import resolve
from tasks.stages.images.images import prepare_images
from tasks.stages.images.pixels import store_pixels
from tests.benchmarks.clock import Laps
from tests.benchmarks.memory import peak
from tests.benchmarks.pictures import SIDE
from tests.benchmarks.setting import Figures


def prepare(folder: Path, out: Path) -> Laps:
    """Write `images` and `pixels` under a folder; the seconds of each."""
    laps = Laps()
    asked = Images(source=str(folder))
    source = resolve(asked.source, "images.source")
    for name in ("images", "pixels"):
        (out / name).mkdir(parents=True)
    prepare_images(asked, source, [], 0, out=out / "images", monitor=Silent())
    laps.end("images")
    store_pixels(
        Pixels(size=SIDE, fit="stretch"),
        asked.columns,
        source,
        images=out / "images",
        out=out / "pixels",
        monitor=Silent(),
    )
    laps.end("pixels")
    return laps


def main() -> None:
    """Prepare a folder of pictures; tell pictures a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, required=True, help="folders by class")
    parser.add_argument("--out", type=Path, required=True, help="for the pixels; written anew")
    asked = parser.parse_args()
    shutil.rmtree(asked.out, ignore_errors=True)
    count = sum(1 for _ in asked.pictures.glob("*/*.jpg"))
    laps = prepare(asked.pictures, asked.out)
    Figures(
        seconds=laps.seconds,
        samples_per_second=count / laps.seconds,
        megabytes_peak=peak(),
        parts=laps.parts,
    ).tell()


if __name__ == "__main__":
    main()
