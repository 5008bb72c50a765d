"""The half of our Trainer that writes checkpoints and resumes from one.

Checkpoints are atomic. An interruption waits for the end of the step, writes a checkpoint, and is
then delivered.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from torch import nn
from transformers import PreTrainedModel, Trainer

from tasks.contract import StageError
from tasks.experiment.pretraining import Checkpoints
from tasks.machinery.host.full_disk import full_disk
from tasks.machinery.host.interruption import Interruption
from tasks.machinery.store.checkpoints import save_checkpoint, step_of
from tasks.training.meter import Losses, Meter, NotFiniteError
from tasks.training.resumption import METER_FILE, TRAINER_FILES, diverged
from tasks.training.weights.beside import Beside

CHECKPOINT_SHARE = 0.05  # largest share of the time for checkpoints: large ones are less frequent


class CheckpointingTrainer(Trainer):
    """Trainer whose checkpoints carry a meter and survive a kill.

    `beside`: what is kept beside the weights; checkpoints contain it.
    """

    def __init__(
        self,
        *,
        checkpoints: Path | None,
        interruption: Interruption,
        intervals: Checkpoints,
        precision: Literal["fp32", "bf16"],
        beside: Sequence[Beside] = (),
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self.beside = beside
        for each in beside:
            each.begin(self.model)
        self.checkpoints = checkpoints
        self.interruption = interruption
        self.intervals = intervals
        self.bf16 = precision == "bf16"
        self.meter, self.losses = Meter(), Losses()
        self.saved_at = time.perf_counter()
        self.saved_step, self.save_seconds = 0, 0.0

    def start_clock(self) -> None:
        """Count time of training, and time since the last checkpoint, from now on."""
        self.saved_at = self.meter.clock.start()

    def look_at_losses(self) -> None:
        """Add the losses of the steps since the last call to the meter; they must be finite."""
        try:
            for values in self.losses.take():
                self.meter.add(values)
        except NotFiniteError as found:
            what = f"the loss of step {found.step} of {self.args.max_steps} is {found.value}"
            raise self.diverged(what) from found

    def is_checkpoint_due(self) -> bool:
        """Whether a checkpoint is requested, or the last is old enough for the time it takes."""
        if self.interruption.asked is not None:
            return True
        steps = self.state.global_step - self.saved_step
        if self.intervals.every_steps and steps >= self.intervals.every_steps:
            return True
        if self.checkpoints is None:
            return False
        wait = max(60 * self.intervals.every_minutes, self.save_seconds / CHECKPOINT_SHARE)
        return time.perf_counter() - self.saved_at >= wait

    def _save_checkpoint(self, model: nn.Module, trial: object) -> None:
        """Write a checkpoint if there is a folder for it; then deliver an interruption."""
        # A full disk must not hide the interruption: the earlier checkpoint remains.
        asked = self.interruption.asked is not None
        if self.checkpoints is not None:
            try:
                self._write_checkpoint(self.checkpoints, model, trial)
            except Exception as problem:
                if not asked or full_disk(problem, self.checkpoints) is None:
                    raise
        self.interruption.hand_on()

    def _write_checkpoint(self, checkpoints: Path, model: nn.Module, trial: object) -> None:
        """Write Trainer's checkpoint and the sums of the meter, atomically."""
        self.look_at_losses()
        self.require_finite_weights()
        begun = self.meter.clock.tick()

        def fill(folder: Path) -> None:
            self.args.output_dir = str(folder)
            super(CheckpointingTrainer, self)._save_checkpoint(model, trial)
            (folder / f"checkpoint-{self.state.global_step}").rename(folder / TRAINER_FILES)
            (folder / METER_FILE).write_text(json.dumps(asdict(self.meter)))
            for each in self.beside:
                each.save(folder)

        save_checkpoint(checkpoints, self.state.global_step, fill)
        self.saved_at, self.saved_step = self.meter.clock.start(), self.state.global_step
        self.save_seconds = self.saved_at - begun

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Write the weights by the names that they have here, which `_load_from_checkpoint` needs.

        By default `save_pretrained` writes those of the published models, which differ for some
        families (ViT).
        """
        if not isinstance(self.model, PreTrainedModel):
            super()._save(output_dir, state_dict)
            return
        self.model.save_pretrained(
            output_dir or str(self.args.output_dir),
            state_dict=state_dict,
            save_original_format=False,
        )

    def require_finite_weights(self) -> None:
        """Check that weights are finite: gradients spoil them a step before the loss shows it."""
        for name, part in self.model.named_parameters():
            if not bool(part.isfinite().all()):
                step = f"{self.state.global_step} of {self.args.max_steps}"
                raise self.diverged(f"a weight after step {step} ({name}) is not finite")

    def diverged(self, what: str) -> StageError:
        """The error for a number that is not finite."""
        curve = [point["loss"] for point in self.state.log_history if "loss" in point]
        return diverged(what, curve, self.checkpoints, bf16=self.bf16)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Load the weights, what is beside them, and the sums of the meter."""
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        checkpoint = Path(resume_from_checkpoint).parent
        self.meter = Meter(**json.loads((checkpoint / METER_FILE).read_text()))
        self.saved_step = step_of(checkpoint)
        for each in self.beside:
            each.load(checkpoint)
