"""Language modelling, masked or of a decoder, by the stage `pretraining`, with its checkpoints."""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from tasks import families, objectives
from tasks.contract import Silent
from tasks.data.text.token_arrays import EncodedCorpus, load_tokenizer
from tasks.data.text.vocabulary import Vocabulary
from tasks.experiment import choices
from tasks.experiment.pretraining import Checkpoints, Pretraining
from tasks.stages.pretraining import computation, optimization, training_batches
from tasks.training.computation import Computation
from tasks.training.loop import TrainingHistory, device_name, resolve_precision, train
from tasks.training.throughput import matmul_ceiling
from tests.benchmarks.clock import moment, throughput
from tests.benchmarks.evaluation import loss_of
from tests.benchmarks.setting import BATCH, LEARNING_RATE, WARMUP_SHARE, Figures, Shape

LOOKS = 25  # at the loss in a race

Look = Callable[[], dict[str, float]]


class Clock(Silent):
    """A monitor that notes when each step ended."""

    def __init__(self, checkpoints: Path | None = None) -> None:
        super().__init__(checkpoints)
        self.times: list[float] = []

    def progress(self, done: int, total: int, unit: str) -> None:
        """Note the time."""
        self.times.append(moment(done, total))


@dataclass
class Work:
    """A pre-training that can begin."""

    pretraining: Pretraining
    objective: Any
    body: Any
    batches: Any
    how: Computation
    seed: int

    @classmethod
    def of(cls, data: Path, steps: int, seed: int, shape: Shape) -> Work:
        """On a folder with `tokens` and `tokenizer`."""
        pretraining = Pretraining(
            objective="clm" if choices.is_decoder(shape.family) else "mlm",
            steps=steps,
            batch_size=BATCH,
            sequence_length=shape.length,
            learning_rate=LEARNING_RATE,
            warmup_share=WARMUP_SHARE,
        )
        tokenizer = load_tokenizer(data / "tokenizer")
        objective = objectives.load(pretraining.objective)
        vocabulary = Vocabulary.of(tokenizer)
        batches = training_batches(objective, data / "tokens", vocabulary, pretraining, seed)
        family = families.load(shape.family)
        body = objective.new_model(family.configure(shape.size, tokenizer, 0.0), seed)
        objective.begin(body, EncodedCorpus.open(data / "tokens", "train"), vocabulary)
        how = computation(objective, body, batches[0], pretraining)
        return cls(pretraining, objective, body, batches, how, seed)

    def train(self, clock: Clock, look: Look | None = None, every: int = 0) -> TrainingHistory:
        """Train it as the stage does, with its checkpoints; look at it now and then."""
        return train(
            self.body,
            self.batches,
            optimization(self.pretraining, self.seed),
            self.objective.losses,
            clock,
            validate=look,
            validate_every=every,
            checkpoints=Checkpoints(),
            computation=self.how,
        )

    @property
    def flops_of_token(self) -> float:
        """Floating-point operations of the products for a token, forwards and backwards."""
        tokens = self.pretraining.batch_size * self.pretraining.sequence_length
        return self.how.flops(self.batches[0]) / tokens if self.how.flops else 0.0


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


def ceiling() -> float:
    """GFLOP/s of large products, now; a machine that others use too is not always as fast."""
    return matmul_ceiling(device_name(), bf16=resolve_precision("auto") == "bf16") / 1e9


def main() -> None:
    """Train for some steps; tell tokens a second, and keep the model where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with tokens and tokenizer")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluation", type=Path, help="measure the model on these")
    parser.add_argument("--until", type=float, help="tell the seconds to this loss on them")
    Shape.ask(parser)
    asked = parser.parse_args()
    ceilings = [ceiling()]
    # Its clock runs while the frequencies are counted that the model begins with.
    race = Race(asked.evaluation, asked.until) if asked.until else None
    work = Work.of(asked.data, asked.steps, asked.seed, Shape.asked(asked))
    look = (lambda: race.look(work.body)) if race else None
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(Path(folder))
        begun = time.perf_counter()
        history = work.train(clock, look, max(1, asked.steps // LOOKS) if race else 0)
        seconds = time.perf_counter() - begun
    speed = throughput(clock.times, history.seen / asked.steps)
    ceilings.append(ceiling())
    Figures(
        seconds=race.seconds if race else seconds,
        tokens_per_second=speed,
        gigaflops_per_second=work.flops_of_token * speed / 1e9,
        ceiling=mean(ceilings),
        validation_loss=loss_of(work.body, asked.evaluation) if asked.evaluation else 0.0,
    ).tell()


if __name__ == "__main__":
    main()
