"""Trainer by steps: what `tasks.training` overrides of `transformers.Trainer`.

A batch is asked for by the number of its step, the loss is a given function, logs go to a monitor,
and a checkpoint is whole or not there. An interruption waits for the end of the step, writes a
checkpoint and goes on its way; a validation that it cut short is made up for by who goes on.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
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

from tasks.machinery.checkpoints import save_checkpoint, step_of
from tasks.machinery.full_disk import full_disk
from tasks.machinery.interruption import Interruption
from tasks.machinery.stage import Monitor, StageError
from tasks.meter import Meter
from tasks.resumption import METER_FILE, TRAINER_FILES, diverged
from tasks.spec import Checkpoints

Batch = dict[str, Tensor]

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


class _ValidationStoppedError(Exception):
    """A validation was interrupted."""


class StepTrainer(Trainer):
    """Trainer over `Batches`, with a given loss, that tells a monitor what it would log."""

    def __init__(
        self,
        *,
        batches: Batches,
        loss: Loss,
        monitor: Monitor,
        validate: Callable[[], dict[str, float]] | None,
        interruption: Interruption,
        cadence: Checkpoints,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self.remove_callback(PrinterCallback)
        self.batches = batches
        self.loss = loss
        self.monitor = monitor
        self.validate = validate
        self.interruption = interruption
        self.cadence = cadence
        self.checkpoints = monitor.checkpoints
        self.meter = Meter()
        self.clock = self.saved_at = time.perf_counter()
        self.saved_step, self.save_seconds = 0, 0.0

    def get_train_dataloader(self) -> StepLoader:
        """The batches in the order of steps; no sampler, no workers, nothing drawn."""
        return StepLoader(self)

    def compute_loss(self, model: nn.Module, inputs: Batch, *_: object, **__: object) -> Tensor:
        """The loss of a batch, which must be finite."""
        found = self.loss(model, inputs)
        parts = found if isinstance(found, Mapping) else {"loss": found}
        values = {name: float(part.detach()) for name, part in parts.items()}
        if not math.isfinite(values["loss"]):
            step = self.state.global_step + 1
            what = f"the loss of step {step} of {len(self.batches)} is {values['loss']}"
            raise self.diverged(what)
        self.meter.add(values)
        return parts["loss"]

    def floating_point_ops(self, inputs: Batch) -> int:  # noqa: ARG002
        """Nobody reads the count, and it walks through all parameters at every step."""
        return 0

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:  # noqa: ARG002
        """Tell the monitor the means since the last time, and keep them for the history."""
        if "loss" not in logs:
            return  # the summary at the end
        self.tick()
        metrics = self.meter.drain()
        metrics["learning_rate"] = logs["learning_rate"]
        metrics["gradient_norm"] = logs["grad_norm"]
        self.keep(metrics)

    def tick(self) -> None:
        """Count the time since the last tick as time of training."""
        now = time.perf_counter()
        self.meter.seconds += now - self.clock
        self.clock = now

    def evaluate(self, *_: object, **__: object) -> dict[str, float]:
        """Validate: what it takes is not counted in the throughput of the training."""
        assert self.validate is not None
        begun = time.perf_counter()
        self.model.eval()
        self.control.should_evaluate = False
        try:
            with torch.no_grad(), self.model.register_forward_pre_hook(self._stop_if_asked):
                metrics = self.validate()
            self.keep(metrics)
        except _ValidationStoppedError:
            metrics, self.control.should_save = {}, True
        self.meter.owed = not metrics
        self.clock += time.perf_counter() - begun
        return metrics

    def _stop_if_asked(self, *_: object) -> None:
        if self.interruption.asked is not None:
            raise _ValidationStoppedError

    def is_checkpoint_due(self) -> bool:
        """Whether one is asked for, or the last is long enough ago for what it takes to write."""
        if self.interruption.asked is not None:
            return True
        steps = self.state.global_step - self.saved_step
        if self.cadence.every_steps and steps >= self.cadence.every_steps:
            return True
        if self.checkpoints is None:
            return False
        wait = max(60 * self.cadence.every_minutes, self.save_seconds / CHECKPOINT_SHARE)
        return time.perf_counter() - self.saved_at >= wait

    def _save_checkpoint(self, model: nn.Module, trial: object) -> None:
        """Write a checkpoint where there is a folder for it; then pass on an interruption."""
        # What stops us must not be hidden by a disk that is full: the earlier checkpoint counts.
        asked = self.interruption.asked is not None
        if self.checkpoints is not None:
            try:
                self._write_checkpoint(self.checkpoints, model, trial)
            except Exception as problem:
                if not asked or full_disk(problem, self.checkpoints) is None:
                    raise
        self.interruption.hand_on()

    def _write_checkpoint(self, checkpoints: Path, model: nn.Module, trial: object) -> None:
        """Write Trainer's checkpoint and the sums of the meter, where a kill leaves no half one."""
        self.require_finite_weights()
        self.tick()

        def fill(folder: Path) -> None:
            self.args.output_dir = str(folder)
            super(StepTrainer, self)._save_checkpoint(model, trial)
            (folder / f"checkpoint-{self.state.global_step}").rename(folder / TRAINER_FILES)
            (folder / METER_FILE).write_text(json.dumps(asdict(self.meter)))

        save_checkpoint(checkpoints, self.state.global_step, fill)
        self.saved_at, self.saved_step = time.perf_counter(), self.state.global_step
        self.save_seconds = self.saved_at - self.clock
        self.clock = self.saved_at

    def require_finite_weights(self) -> None:
        """Refuse weights that are not finite: gradients spoil them a step before the loss shows."""
        for name, part in self.model.named_parameters():
            if not bool(part.isfinite().all()):
                step = f"{self.state.global_step} of {len(self.batches)}"
                raise self.diverged(f"a weight after step {step} ({name}) is not finite")

    def diverged(self, what: str) -> StageError:
        """What to say of a number that is none."""
        curve = [point["loss"] for point in self.state.log_history if "loss" in point]
        return diverged(what, curve, self.checkpoints, bf16=self.args.bf16)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Load the weights, and the sums of the meter."""
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        checkpoint = Path(resume_from_checkpoint).parent
        self.meter = Meter(**json.loads((checkpoint / METER_FILE).read_text()))
        self.saved_step = step_of(checkpoint)

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

    def on_train_begin(self, *_: object, **__: object) -> None:
        """Start the clock; make the validation that an interruption cut short."""
        trainer = self.trainer
        trainer.clock = trainer.saved_at = time.perf_counter()
        while trainer.meter.owed:
            trainer.evaluate()
            if trainer.meter.owed:  # cut short again: there is a checkpoint of this step already
                trainer.interruption.hand_on()

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
