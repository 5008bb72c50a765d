"""Image classification by the stages of an experiment on images, with their checkpoints."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tasks.data.images.examples import ImageBatches
from tasks.data.images.pixel_arrays import Pictures
from tasks.experiment.images.model import ImageModel
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.images.training import ImagePretraining
from tasks.experiment.pretraining import Checkpoints
from tasks.families import images as families
from tasks.models.answering import read_labels
from tasks.models.images.building import in_layout
from tasks.models.images.computation import image_computation
from tasks.models.images.reader_file import write_reader
from tasks.objectives.images import classification
from tasks.stages.images.finetuning import finetune_on_images
from tasks.training.loop import Optimization, train
from tests.benchmarks.clock import throughput
from tests.benchmarks.ours.pretraining import Clock
from tests.benchmarks.pictures import BATCH, LEARNING_RATE, SIDE, WARMUP_SHARE
from tests.benchmarks.pictures.measuring import loss_on
from tests.benchmarks.setting import Figures

KIND = "image-classification"


def pretrain(asked: argparse.Namespace, clock: Clock) -> float:
    """As stage `pretraining` trains, without its validations; the loss on `--evaluation`."""
    pretraining = ImagePretraining(
        steps=asked.steps,
        batch_size=BATCH,
        learning_rate=LEARNING_RATE,
        warmup_share=WARMUP_SHARE,
    )
    labels = read_labels(asked.data)
    config = families.load(asked.family).configure(ImageModel(family=asked.family), SIDE, 0.0)
    network = in_layout(classification.new_model(config, asked.seed, labels))
    learnt = Pictures.open(asked.data, "train", labels)
    examples = classification.examples(learnt, pretraining, asked.seed, varied=True)
    batches = ImageBatches(examples, asked.steps, BATCH, asked.seed)
    train(
        network,
        batches,
        Optimization.of(pretraining, log_every=pretraining.log_every, seed=asked.seed),
        classification.losses,
        clock,
        checkpoints=Checkpoints(),
        computation=image_computation(
            network, batches[0], counts=classification.counts, micro_batch_size=0
        ),
    )
    return loss_on(network, asked.evaluation) if asked.evaluation else 0.0


def finetune(asked: argparse.Namespace, clock: Clock, folder: Path) -> None:
    """As stage `finetuning` trains from random weights, for an epoch."""
    architecture, out = folder / "architecture", folder / "out"
    out.mkdir()
    family = families.load(asked.family)
    family.configure(ImageModel(family=asked.family), SIDE, 0.0).save_pretrained(architecture)
    write_reader(Pixels(size=SIDE, fit="stretch"), architecture)
    finetune_on_images(
        KIND,
        ImageTuning(epochs=1, batch_size=BATCH),
        asked.seed,
        data=asked.data,
        body=None,
        architecture=architecture,
        out=out,
        monitor=clock,
    )


def main() -> None:
    """Train; tell pictures a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of stage `pixels`")
    parser.add_argument("--family", required=True)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--finetune", action="store_true", help="an epoch of stage `finetuning`")
    parser.add_argument("--evaluation", type=Path, help="measure the trained model on these")
    asked = parser.parse_args()
    loss = 0.0
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(Path(folder) / "checkpoints")
        begun = time.perf_counter()
        if asked.finetune:
            finetune(asked, clock, Path(folder))
        else:
            loss = pretrain(asked, clock)
        seconds = time.perf_counter() - begun
    Figures(
        seconds=seconds,
        samples_per_second=throughput(clock.times, BATCH),
        validation_loss=loss,
    ).tell()


if __name__ == "__main__":
    main()
