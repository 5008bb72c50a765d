"""Trainer by steps: what `tasks.training.loop` overrides of `transformers.Trainer`.

A batch is requested by the number of its step and computed at once or in parts, the loss is a given
function, and logs go to a monitor. An interrupted validation is repeated when the training resumes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from transformers import PrinterCallback

from tasks.contract import Monitor, StageError
from tasks.training.checkpointing import CheckpointingTrainer
from tasks.training.computation import Computation
from tasks.training.microbatches import Batch, Weights, weighed
from tasks.training.optimization import MuonWithAdamW, matrices_of_layers
from tasks.training.out_of_memory import RandomState, too_large
from tasks.training.schedule import Budget
from tasks.training.weights.averages import Averages
from tasks.training.weights.best import Best
from tasks.training.weights.rates import set_rates


class Batches(Protocol):
    """The batches of a training: as many as there are optimizer steps."""

    def __len__(self) -> int:
        """Steps in all."""

    def __getitem__(self, step: int) -> Batch:
        """The batch of optimizer step `step`, from 0: a pure function of the seed and the step."""


Loss = Callable[[nn.Module, Batch], Tensor | Mapping[str, Tensor]]
"""Computes the loss of a batch: a scalar, or named scalars: `loss` is minimized, all are logged.

It calls the model as `model(**inputs)`: autocast wraps the model's `forward` and nothing below it.
The model's outputs may be in bf16; the losses are in fp32.
"""


class _ValidationStoppedError(Exception):
    """A validation was interrupted."""


class StepTrainer(CheckpointingTrainer):
    """Trainer over `Batches`, with a given loss, that logs to a monitor.

    `rate`: the learning rate as a share of its peak, by the used share of the training; None for
    Trainer's own schedule, by steps. `rates`: the share of that rate of each weight, by its name.
    `averages` are validated in place of the weights; `best` may end the training. `muon`: the
    matrices of the layers are optimized by Muon.
    """

    optimizer: Any  # None until `create_optimizer`

    def __init__(
        self,
        *,
        batches: Batches,
        loss: Loss,
        monitor: Monitor,
        validate: Callable[[], dict[str, float]] | None,
        computation: Computation,
        budget: Budget | None = None,
        rate: Callable[[float], float] | None = None,
        rates: Mapping[str, float] | None = None,
        averages: Averages | None = None,
        best: Best | None = None,
        muon: bool = False,
        **arguments: Any,
    ) -> None:
        beside = [each for each in (averages, best) if each is not None]
        super().__init__(checkpoints=monitor.checkpoints, beside=beside, **arguments)
        self.remove_callback(PrinterCallback)
        self.batches = batches
        self.loss = loss
        self.monitor = monitor
        self.validate = validate
        self.computation = computation
        self.splitting = self.computation.splitting
        self.budget = budget or Budget(len(batches))
        self.rate, self.rates = rate, rates
        self.averages, self.best = averages, best
        self.muon = muon
        self.optimizer_flops = 0.0  # of a step of the optimizer: matrix products alone
        self.ceiling = 0.0  # FLOP/s that this machine can do at most; 0: not measured
        self.weights: Weights | None = None  # of the losses of the part that is computed
        self.begun_at = 0  # the step that this process began with
        self.trained = [part for part in self.model.parameters() if part.requires_grad]

    def get_train_dataloader(self) -> StepLoader:
        """The batches in the order of steps; no sampler, no workers, nothing drawn."""
        return StepLoader(self)

    def count_step(self) -> None:
        """Count the time of the step that has just ended, and the used share of the training.

        That is a share of its steps, or of its time if that is more.
        """
        self.meter.clock.tick()
        self.meter.used = self.budget.used(self.state.global_step, self.meter.elapsed)

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """Trainer's AdamW, with a learning rate for each weight if there are some.

        It leaves the matrices of the layers to Muon if that is asked for.
        """
        before = self.optimizer
        made: torch.optim.Optimizer = super().create_optimizer(model)
        if before is not None:
            return made
        if self.rates:
            set_rates(made, self.model, self.rates)
        if self.muon:
            made = self.optimizer = MuonWithAdamW(made, matrices_of_layers(self.model))
            self.optimizer_flops = made.flops()
        return made

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> LRScheduler:
        """Trainer's schedule, or one that follows the time too."""
        if self.rate is None:
            return super().create_scheduler(num_training_steps, optimizer)
        rate = self.rate

        def by_share(step: int) -> float:  # called when a step is made, before the state counts it
            if step:
                self.meter.clock.tick()
            return rate(self.budget.used(step, self.meter.elapsed))

        self.lr_scheduler = LambdaLR(optimizer or self.optimizer, by_share)
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def training_step(self, model: nn.Module, inputs: Batch, *_: object, **__: object) -> Tensor:
        """Forward and backward of a batch, at once or in parts; its loss.

        In the first step, a GPU that runs out of memory gets half the rows at once.

        Raises:
            StageError: the loss is not finite, or the memory is not sufficient.
        """
        first = self.splitting is not None and self.state.global_step == self.begun_at
        while True:
            before = RandomState.now() if first else None
            try:
                return self._in_parts(model, inputs)
            except torch.OutOfMemoryError as problem:
                rows = self.computation.rows(inputs)
                rows = min(rows, self.splitting.rows) if self.splitting else rows
                if before is None or rows == 1:
                    raise StageError(too_large(rows)) from problem
            self._halve(model, rows)
            before.restore()

    def _in_parts(self, model: nn.Module, inputs: Batch) -> Tensor:
        rows = self.computation.rows(inputs)
        parts = self.splitting.parts(inputs, rows) if self.splitting else [(inputs, None)]
        losses = []
        # At the start, where a part of a model may be in another mode than the whole, and after a
        # validation; not each time, since it walks through all modules.
        if self.state.global_step == self.begun_at or not model.training:
            model.train()
        for part, self.weights in parts:
            loss = self.compute_loss(model, self._prepare_inputs(part))
            loss.backward()
            losses.append(loss.detach())
        if self.args.device.type == "cpu":  # where a look costs nothing
            self.look_at_losses()
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum()

    def _halve(self, model: nn.Module, rows: int) -> None:
        """Compute half as many rows at once from now on; the step is repeated."""
        assert self.splitting is not None
        half = -(-rows // 2)
        self.monitor.say(f"out of memory with {rows} rows at once: continues with {half}")
        self.splitting = self.splitting.keeping(half)
        self.note_rows()
        self.losses.forget(self.state.global_step + 1)
        model.zero_grad()
        torch.cuda.empty_cache()

    def note_rows(self) -> None:
        """Store and report how many rows are computed at once."""
        if self.splitting is not None:
            self.meter.rows = self.splitting.rows
            self.monitor.note(micro_batch_size=self.splitting.rows)

    def compute_loss(self, model: nn.Module, inputs: Batch, *_: object, **__: object) -> Tensor:
        """The loss of a batch, or the addend of a part of one."""
        found = self.loss(model, inputs)
        losses = found if isinstance(found, Mapping) else {"loss": found}
        if self.weights is not None:
            losses = weighed(losses, self.weights)
        self.losses.add(self.state.global_step + 1, losses)
        return losses["loss"]

    def _clip_grad_norm(self, _model: nn.Module) -> Tensor:
        """The norm of the gradients before they are scaled down to the limit."""
        return nn.utils.clip_grad_norm_(self.trained, self.args.max_grad_norm)

    def _get_num_items_in_batch(self, *_: object) -> None:
        """Not used: the loss is already a mean."""

    def floating_point_ops(self, inputs: Batch) -> int:  # noqa: ARG002
        """Not used, and Trainer's own visits all parameters at every step."""
        return 0

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:  # noqa: ARG002
        """Report the means since the last call to the monitor, and store them for the history."""
        if "loss" not in logs:
            return  # the summary at the end
        self.look_at_losses()
        self.meter.clock.tick()
        metrics = self.meter.drain(self.computation.unit, self.ceiling)
        metrics["learning_rate"] = logs["learning_rate"]
        metrics["gradient_norm"] = logs["grad_norm"]
        self.keep(metrics)

    def evaluate(self, *_: object, **__: object) -> dict[str, float]:
        """Validate; its time does not count in the throughput of the training."""
        assert self.validate is not None
        self.model.eval()
        self.control.should_evaluate = False
        looked_at = self.averages.used() if self.averages else nullcontext()
        with self.meter.clock.pause():
            try:
                with (
                    torch.no_grad(),
                    looked_at,
                    self.model.register_forward_pre_hook(self._stop_if_asked),
                ):
                    metrics = self.validate()
                    ends = self.best and self.best.validated(self.state.global_step, metrics)
                self.keep(metrics)
                if ends:
                    self._end_early()
            except _ValidationStoppedError:
                metrics, self.control.should_save = {}, True
            self.meter.owed = not metrics
        return metrics

    def _end_early(self) -> None:
        """End the training after this step: its share of the training is all that is used."""
        self.meter.used, self.control.should_training_stop = 1.0, True
        step, steps = self.state.global_step, self.args.max_steps
        if self.best is not None and step < steps:
            self.monitor.say(
                f"stopped after step {step:,} of {steps:,}: {self.best.patience} validations in a "
                f"row are no better than that of step {self.best.step:,}, whose weights are used"
            )
            self.monitor.progress(step, step, "steps")

    def _stop_if_asked(self, *_: object) -> None:
        if self.interruption.asked is not None:
            raise _ValidationStoppedError

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Load the weights and the meter; continue with the same number of rows at once."""
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        self.begun_at = self.saved_step
        if self.splitting is not None and self.splitting.automatic and self.meter.rows:
            self.splitting = self.splitting.keeping(self.meter.rows)

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
        computation = self.trainer.computation
        for step in range(self.trainer.state.global_step, len(self)):
            if self.trainer.meter.used >= 1:
                return  # a resumed training may have no time left
            batch = self.trainer.batches[step]
            self.trainer.meter.count(
                computation.filled(batch),
                computation.slots(batch),
                computation.flops(batch) + self.trainer.optimizer_flops
                if computation.flops
                else 0.0,
            )
            yield batch
