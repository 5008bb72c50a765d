"""One training loop for pre-training and fine-tuning: `transformers.Trainer` with few overrides.

Trainer provides the optimizer, clipping and schedules; three things are ours. A batch is a function
of the number of its step (`Batches`), so it never depends on a global generator or on how the run
reached that step. The loss is a function that is passed in. Logs go to the monitor, not to files.

If the monitor names a folder for checkpoints, one is written every few steps or minutes and when
the training is interrupted; the training then resumes from the newest complete one. On a CPU it
ends with the same weights, to the bit, as without the interruption.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from transformers import PreTrainedModel, TrainingArguments

from tasks.contract import Monitor
from tasks.experiment.pretraining import Checkpoints
from tasks.machinery.host.interruption import deferred
from tasks.machinery.host.launcher_environment import hidden
from tasks.machinery.store.checkpoints import newest_checkpoint
from tasks.training.cadence import Cadence
from tasks.training.computation import Computation
from tasks.training.kernels.attention import quick_attention
from tasks.training.kernels.dropout import quick_dropout
from tasks.training.kernels.malloc import freed_memory_kept
from tasks.training.kernels.patched_forwards import replaced_forwards
from tasks.training.kernels.recomputing import recomputed
from tasks.training.microbatches import Batch
from tasks.training.optimization import Optimization, Precision
from tasks.training.resumption import TRAINER_FILES, require_fit, require_room, seconds_until
from tasks.training.schedule import Budget, Schedule, factor
from tasks.training.step_trainer import Batches, Loss, StepTrainer
from tasks.training.weights.averages import Averages
from tasks.training.weights.best import Best

__all__ = [
    "Batch",
    "Batches",
    "Computation",
    "Loss",
    "Optimization",
    "Precision",
    "TrainingHistory",
    "autocast",
    "device_name",
    "resolve_precision",
    "train",
]

SCHEDULERS: dict[Schedule, str] = {  # Trainer's; the others are ours
    "linear": "linear",
    "cosine": "cosine",
    "constant": "constant_with_warmup",
}


@dataclass(frozen=True)
class TrainingHistory:
    """What a training logged.

    Attributes:
        points: `step` (from 1) and metrics, in the order of steps.
        seen: places (such as tokens) seen, without padding.
        kept: the step whose weights the model has; 0 for the last one.
    """

    points: list[dict[str, float]]
    seen: int = 0
    kept: int = 0

    @property
    def steps(self) -> float:
        """Optimizer steps in all."""
        return self.points[-1]["step"]

    def curve(self, metric: str) -> tuple[list[float], list[float]]:
        """Steps and values of the points that have the metric."""
        points = [point for point in self.points if metric in point]
        return [point["step"] for point in points], [point[metric] for point in points]

    def validated(self, metric: str) -> float:
        """A metric of the validation of the weights that the model has."""
        steps, values = self.curve(metric)
        return values[steps.index(self.kept)] if self.kept else values[-1]

    def curves(self, *metrics: str) -> dict[str, list[tuple[float, float]]]:
        """Points (step, value) of each of these metrics."""
        return {metric: list(zip(*self.curve(metric), strict=True)) for metric in metrics}


def resolve_precision(precision: Precision) -> Literal["fp32", "bf16"]:
    """Resolve auto: bf16 on hardware that multiplies bf16 matrices natively, by its flags.

    Never by a timing, which could come out differently the next time and change the result.
    """
    if precision != "auto":
        return precision
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    capabilities = torch.cpu.get_capabilities()
    native = ("avx512_bf16", "amx_bf16", "bf16")
    return "bf16" if any(capabilities.get(flag, False) for flag in native) else "fp32"


def device_name() -> Literal["cuda", "cpu"]:
    """The device that training runs on."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def autocast(precision: Precision) -> AbstractContextManager[object]:
    """The context that gives a forward pass outside of `train` the precision of one inside."""
    if resolve_precision(precision) == "fp32":
        return nullcontext()
    return torch.autocast(device_name(), dtype=torch.bfloat16)


def mixed_precision(
    model: PreTrainedModel, precision: Literal["fp32", "bf16"], device: str
) -> AbstractContextManager[None]:
    """Run the model's `forward` in autocast while the block runs; its outputs stay in bf16.

    Trainer's own would copy them to fp32: with a large vocabulary that takes a tenth of a step, and
    the loss can convert them by itself.
    """
    if precision == "fp32":
        return nullcontext()
    cast = torch.autocast(device, dtype=torch.bfloat16)
    return replaced_forwards([model], lambda whole: cast(whole.forward))


def train(
    model: PreTrainedModel,
    batches: Batches,
    optimization: Optimization,
    loss: Loss,
    monitor: Monitor,
    *,
    computation: Computation,
    validate: Callable[[], dict[str, float]] | None = None,
    validate_every: int = 0,
    checkpoints: Checkpoints | None = None,
    rates: Mapping[str, float] | None = None,
    averages: Averages | None = None,
    best: Best | None = None,
) -> TrainingHistory:
    """Train the model in place, one optimizer step per batch, from the newest checkpoint if any.

    Args:
        model: starts from its weights; left in evaluation mode, on the device of training.
        batches: the batch of each step.
        optimization: learning rate, schedule, precision, ….
        loss: computes the loss of a batch.
        monitor: receives the metrics of every `optimization.log_every` steps and of every
            validation; its `checkpoints`, if any, is the folder for checkpoints of this training.
        computation: what a batch contains, and how to compute a step with it.
        validate: measures the model, in evaluation mode, without gradients, in the precision of
            the training.
        validate_every: steps between two validations; 0 validates only after the last step, which
            is always validated.
        checkpoints: how often to write a checkpoint; by default as in an experiment.
        rates: the share of the learning rate of weights, by name; 1 for others.
        averages: averages of the weights, which the model gets at the end.
        best: looks at the validations, ends the training, and gives the model the best weights.

    Returns:
        Everything that was logged, for loss curves.

    Raises:
        StageError: the loss or a weight is not finite, the newest checkpoint does not belong to
            this training, or the disk has no room for the next ones.
    """
    precision = resolve_precision(optimization.precision)
    monitor.note(precision=precision, device=device_name())
    newest = newest_checkpoint(monitor.checkpoints) if monitor.checkpoints else None
    if newest:
        require_fit(newest, model, len(batches))
        monitor.note(resumed_from=newest.name, seconds_before=seconds_until(newest))
    if monitor.checkpoints:
        require_room(model, monitor.checkpoints, (averages is not None) + (best is not None))
    attention: AbstractContextManager[None] = nullcontext()
    if computation.plain_attention:
        attention = quick_attention(model, precision, device_name())
    with (
        tempfile.TemporaryDirectory() as folder,
        hidden(monitor),
        recomputed(model) if optimization.gradient_checkpointing else nullcontext(),
        attention,
        quick_dropout(model),
        mixed_precision(model, precision, device_name()),
        deferred() as interruption,
        quiet_collector(),
        freed_memory_kept(),
    ):
        trainer = StepTrainer(
            model=model,
            args=training_arguments(optimization, len(batches), folder),
            precision=precision,
            batches=batches,
            loss=loss,
            monitor=monitor,
            validate=validate,
            interruption=interruption,
            intervals=checkpoints or Checkpoints(),
            computation=computation,
            budget=Budget(len(batches), 60 * optimization.minutes),
            rate=partial(factor, optimization.schedule, optimization.warmup_share)
            if optimization.minutes or optimization.schedule not in SCHEDULERS
            else None,
            rates=rates,
            averages=averages,
            best=best,
            muon=optimization.optimizer == "muon",
        )
        trainer.add_callback(Cadence(trainer, validate_every if validate else None))
        trainer.train(resume_from_checkpoint=str(newest / TRAINER_FILES) if newest else None)
        trainer.require_finite_weights()
        if chosen := best or averages:
            chosen.finish()
    model.eval()
    kept = 0 if best is None else best.step
    return TrainingHistory(trainer.state.log_history, trainer.meter.seen, kept)


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Hide all existing objects from the garbage collector while the block runs.

    A full collection visits every object of every library, a quarter of a second each time.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def training_arguments(optimization: Optimization, steps: int, folder: str) -> TrainingArguments:
    """The optimization as Trainer's arguments, without the precision."""
    arguments = TrainingArguments(
        output_dir=folder,
        max_steps=steps,
        learning_rate=optimization.learning_rate,
        warmup_steps=round(optimization.warmup_share * steps),
        lr_scheduler_type=SCHEDULERS.get(optimization.schedule, "constant_with_warmup"),
        weight_decay=optimization.weight_decay,
        adam_beta2=optimization.adam_beta2,
        max_grad_norm=optimization.max_gradient_norm,
        optim="adamw_torch_fused",
        use_cpu=device_name() == "cpu",
        seed=optimization.seed,
        logging_steps=optimization.log_every,
        logging_nan_inf_filter=False,  # it would replace a loss that is not finite by the average
        save_strategy="no",
        ignore_data_skip=True,  # a resumed training asks for the batch of its step, and skips none
        report_to=[],
        disable_tqdm=True,
    )
    arguments.mixed_precision = "no"  # whatever the environment says: `mixed_precision` does it
    # More GPUs would mean nn.DataParallel, which splits batches.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments
