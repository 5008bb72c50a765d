"""Trainer by steps: what `tasks.training` overrides of `transformers.Trainer`.

A batch is asked for by the number of its step, the loss is a given function, logs go to a monitor,
and a checkpoint is whole or not there.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from tasks.machinery.checkpoints import save_checkpoint
from tasks.machinery.stage import Monitor, StageError

Batch = dict[str, Tensor]

TRAINER_FILES, METER_FILE = "trainer", "meter.json"  # in a checkpoint
CHECKPOINT_SECONDS = 30.0
CHECKPOINT_SHARE = 0.05  # of the time may go into checkpoints: large ones are written more seldom


class Batches(Protocol):
    """The batches of a training: as many as there are optimizer steps."""

    def __len__(self) -> int:
        """Steps in all."""

    def __getitem__(self, step: int) -> Batch:
        """The batch of optimizer step `step`, from 0: a pure function of the seed and the step."""


Loss = Callable[[nn.Module, Batch], Tensor | Mapping[str, Tensor]]
"""Computes the loss of a batch: a scalar, or named scalars: `loss` is minimized, all are logged.

It calls the model as `model(**inputs)`: autocast wraps the model's `forward` and nothing below it.
"""


@dataclass
class Meter:
    """Sums of what is logged, over the steps since the last point; `seen` over all steps."""

    sums: dict[str, float] = field(default_factory=dict)
    steps: int = 0
    tokens: int = 0
    slots: int = 0
    seconds: float = 0.0
    seen: int = 0

    def count(self, batch: Batch) -> None:
        """Count the tokens of a batch, and the slots that they and the padding fill."""
        slots = batch["input_ids"].numel()
        tokens = int(batch["attention_mask"].sum()) if "attention_mask" in batch else slots
        self.slots += slots
        self.tokens += tokens
        self.seen += tokens

    def add(self, values: Mapping[str, float]) -> None:
        """Add the losses of one step."""
        self.steps += 1
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def drain(self) -> dict[str, float]:
        """The means since the last call."""
        means = {name: total / self.steps for name, total in self.sums.items()}
        if self.slots and self.seconds:
            means["tokens_per_second"] = self.tokens / self.seconds
            means["padding_share"] = 1 - self.tokens / self.slots
        self.sums, self.steps, self.tokens, self.slots, self.seconds = {}, 0, 0, 0, 0.0
        return means


class StepTrainer(Trainer):
    """Trainer over `Batches`, with a given loss, that tells a monitor what it would log."""

    def __init__(
        self,
        *,
        batches: Batches,
        loss: Loss,
        monitor: Monitor,
        validate: Callable[[], dict[str, float]] | None,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self.remove_callback(PrinterCallback)
        self.batches = batches
        self.loss = loss
        self.monitor = monitor
        self.validate = validate
        self.checkpoints = monitor.checkpoints
        self.meter = Meter()
        self.clock = self.saved_at = time.perf_counter()
        self.save_seconds = 0.0

    def get_train_dataloader(self) -> StepLoader:
        """The batches in the order of steps; no sampler, no workers, nothing drawn."""
        return StepLoader(self)

    def compute_loss(self, model: nn.Module, inputs: Batch, *_: object, **__: object) -> Tensor:
        """The loss of a batch, which must be finite."""
        found = self.loss(model, inputs)
        parts = found if isinstance(found, Mapping) else {"loss": found}
        values = {name: float(part.detach()) for name, part in parts.items()}
        if not math.isfinite(values["loss"]):
            raise StageError(not_finite(values["loss"], self.state.global_step + 1, self.state))
        self.meter.add(values)
        return parts["loss"]

    def floating_point_ops(self, inputs: Batch) -> int:  # noqa: ARG002
        """Nobody reads the count, and it walks through all parameters at every step."""
        return 0

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:  # noqa: ARG002
        """Tell the monitor the means since the last time, and keep them for the history."""
        if "loss" not in logs:
            return  # the summary at the end
        now = time.perf_counter()
        self.meter.seconds += now - self.clock
        self.clock = now
        metrics = self.meter.drain()
        metrics["learning_rate"] = logs["learning_rate"]
        metrics["gradient_norm"] = logs["grad_norm"]
        self.keep(metrics)

    def evaluate(self, *_: object, **__: object) -> dict[str, float]:
        """Validate: what it takes is not counted in the throughput of the training."""
        assert self.validate is not None
        begun = time.perf_counter()
        self.model.eval()
        with torch.no_grad():
            metrics = self.validate()
        self.keep(metrics)
        self.control.should_evaluate = False
        self.clock += time.perf_counter() - begun
        return metrics

    def is_checkpoint_due(self) -> bool:
        """Whether the last one is long enough ago for what it takes to write one."""
        wait = max(CHECKPOINT_SECONDS, self.save_seconds / CHECKPOINT_SHARE)
        return self.checkpoints is not None and time.perf_counter() - self.saved_at >= wait

    def _save_checkpoint(self, model: nn.Module, trial: object) -> None:
        """Write Trainer's checkpoint and the sums of the meter, where a kill leaves no half one."""
        assert self.checkpoints is not None
        begun = time.perf_counter()
        # Gradients that are not finite spoil the weights one step before the loss shows it.
        if not all(bool(part.isfinite().all()) for part in model.parameters()):
            raise StageError(not_finite(math.nan, self.state.global_step + 1, self.state))

        def fill(folder: Path) -> None:
            self.args.output_dir = str(folder)
            super(StepTrainer, self)._save_checkpoint(model, trial)
            (folder / f"checkpoint-{self.state.global_step}").rename(folder / TRAINER_FILES)
            (folder / METER_FILE).write_text(json.dumps(asdict(self.meter)))

        save_checkpoint(self.checkpoints, self.state.global_step, fill)
        self.saved_at = time.perf_counter()
        self.save_seconds = self.saved_at - begun
        self.clock += self.save_seconds

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Load the weights, and the sums of the meter."""
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        saved = Path(resume_from_checkpoint).parent / METER_FILE
        self.meter = Meter(**json.loads(saved.read_text()))

    def keep(self, metrics: dict[str, float]) -> None:
        """Add a point to the history."""
        self.monitor.log(self.state.global_step, metrics)
        self.state.log_history.append({"step": self.state.global_step, **metrics})


class StepLoader:
    """Iterates over batches in the order of steps, from the step that the training is at."""

    def __init__(self, trainer: StepTrainer) -> None:
        self.trainer = trainer

    def __len__(self) -> int:
        return len(self.trainer.batches)

    def __iter__(self) -> Iterator[Batch]:
        for step in range(self.trainer.state.global_step, len(self)):
            batch = self.trainer.batches[step]
            self.trainer.meter.count(batch)
            yield batch


class Milestones(TrainerCallback):
    """Says after which steps to log, to validate and to save, and how far the training is."""

    def __init__(self, trainer: StepTrainer, validate_every: int | None) -> None:
        self.trainer = trainer
        self.validate_every = validate_every

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Decide for the step that has just been made."""
        last = state.global_step == args.max_steps
        control.should_log = control.should_log or last
        if self.validate_every is not None:
            due = self.validate_every and state.global_step % self.validate_every == 0
            control.should_evaluate = bool(due) or last
        control.should_save = self.trainer.is_checkpoint_due()
        self.trainer.monitor.progress(state.global_step, args.max_steps, "steps")


def not_finite(value: float, step: int, state: TrainerState) -> str:
    """What to say of a loss that is not a number."""
    curve = [point["loss"] for point in state.log_history if "loss" in point]
    before = f"the last mean logged was {curve[-1]:.3f}" if curve else "nothing was logged before"
    return (
        f"the loss of step {step} of {state.max_steps} is {value} ({before}): training has "
        "diverged. Lower learning_rate (halve it first), raise warmup_share, or set precision: fp32"
    )
