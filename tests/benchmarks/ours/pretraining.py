"""Masked language modelling by the stage `pretraining`, with its checkpoints."""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path
from typing import Any

from tasks import objectives
from tasks.architecture import configure, new_model
from tasks.ceiling import matmul_ceiling
from tasks.encoded import load_tokenizer
from tasks.machinery.stage import Silent
from tasks.objectives.masking import Vocabulary
from tasks.pretraining import computation, recipe, training_batches
from tasks.spec import Checkpoints, Model, Pretraining
from tasks.training import device_name, resolve_precision, train
from tests.benchmarks.evaluation import loss_of
from tests.benchmarks.setting import (
    BATCH,
    HEADS,
    LAYERS,
    LEARNING_RATE,
    LENGTH,
    POSITIONS,
    WARMUP_SHARE,
    WIDTH,
    Figures,
    throughput,
)

LOOKS = 25  # at the loss in a race


class Clock(Silent):
    """A monitor that notes when each step ended."""

    def __init__(self, checkpoints: Path | None = None) -> None:
        super().__init__(checkpoints)
        self.times: list[float] = []

    def progress(self, done: int, total: int, unit: str) -> None:
        """Note the time."""
        self.times.append(time.perf_counter())


class Race:
    """The seconds of training until a loss is reached; looking at it is not counted."""

    def __init__(self, evaluation: Path, goal: float) -> None:
        self.evaluation, self.goal = evaluation, goal
        self.begun = time.perf_counter()
        self.seconds = math.inf

    def look(self, model: Any) -> dict[str, float]:
        """Measure the model."""
        now = time.perf_counter()
        loss = loss_of(model, self.evaluation)
        if loss <= self.goal:
            self.seconds = min(self.seconds, now - self.begun)
        self.begun += time.perf_counter() - now
        return {"race_loss": loss}


def main() -> None:
    """Train for some steps; tell tokens a second, and keep the model where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with tokens and tokenizer")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluation", type=Path, help="measure the model on these")
    parser.add_argument("--until", type=float, help="tell the seconds to this loss on them")
    asked = parser.parse_args()
    model = Model(layers=LAYERS, hidden_size=WIDTH, heads=HEADS, max_positions=POSITIONS)
    pretraining = Pretraining(
        objective="mlm",
        steps=asked.steps,
        batch_size=BATCH,
        sequence_length=LENGTH,
        learning_rate=LEARNING_RATE,
        warmup_share=WARMUP_SHARE,
    )
    tokenizer = load_tokenizer(asked.data / "tokenizer")
    objective = objectives.load(pretraining.objective)
    batches = training_batches(
        objective, asked.data / "tokens", Vocabulary.of(tokenizer), pretraining, asked.seed
    )
    body = new_model(objective.AUTO_MODEL, configure(model, tokenizer, 0.0), asked.seed)
    how = computation(objective, body, batches[0], pretraining)
    precision = resolve_precision(pretraining.precision)
    ceiling = matmul_ceiling(device_name(), bf16=precision == "bf16")
    race = Race(asked.evaluation, asked.until) if asked.until else None
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(Path(folder))
        begun = time.perf_counter()
        history = train(
            body,
            batches,
            recipe(pretraining, asked.seed),
            objective.losses,
            clock,
            validate=(lambda: race.look(body)) if race else None,
            validate_every=max(1, asked.steps // LOOKS) if race else 0,
            checkpoints=Checkpoints(),
            computation=how,
        )
        seconds = time.perf_counter() - begun
    speed = throughput(clock.times, history.tokens / asked.steps)
    flops = how.flops(batches[0]) / (BATCH * LENGTH) if how.flops else 0.0  # a token, unpadded
    Figures(
        seconds=race.seconds if race else seconds,
        tokens_per_second=speed,
        ceiling_share=flops * speed / ceiling,
        validation_loss=loss_of(body, asked.evaluation) if asked.evaluation else 0.0,
    ).tell()


if __name__ == "__main__":
    main()
