"""After which steps a training logs, validates and saves, and its progress."""

from __future__ import annotations

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tasks.training.step_trainer import StepTrainer
from tasks.training.throughput import Throughput


class Cadence(TrainerCallback):
    """Decides after each step; validates every `validate_every` steps, or share of the time."""

    def __init__(self, trainer: StepTrainer, validate_every: int | None) -> None:
        self.trainer = trainer
        self.validate_every = validate_every
        self.throughput = Throughput(trainer)
        self.validated = 0

    def on_train_begin(
        self, _args: TrainingArguments, _state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Start the clock; repeat a validation that was interrupted."""
        trainer = self.trainer
        trainer.note_rows()
        trainer.start_clock()
        self.validated = self._validations_due()
        while trainer.meter.owed:
            trainer.evaluate()
            if trainer.meter.owed:  # interrupted again: a checkpoint of this step exists
                trainer.interruption.hand_on()
        control.should_training_stop = trainer.meter.used >= 1

    def on_step_end(
        self, _args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Decide for the step that has just ended."""
        trainer = self.trainer
        if trainer.averages is not None:
            trainer.averages.step_made(state.global_step)
        trainer.count_step()  # the clock runs while this step is logged
        last = trainer.meter.used >= 1
        control.should_training_stop = control.should_training_stop or last
        control.should_log = control.should_log or last
        if self.validate_every is not None:
            due = self._validations_due()
            control.should_evaluate = due > self.validated or last
            self.validated = due
        control.should_save = trainer.is_checkpoint_due()
        total = trainer.budget.expected_steps(state.global_step, trainer.meter.elapsed)
        trainer.monitor.progress(state.global_step, total, "steps")
        self.throughput.step_made()

    def _validations_due(self) -> int:
        """How many validations the training so far should have had."""
        if not self.validate_every:
            return 0
        trainer = self.trainer
        if not trainer.budget.seconds:
            return int(trainer.state.global_step // self.validate_every)
        return int(trainer.meter.used * trainer.budget.steps / self.validate_every)
