"""Resuming a training: whether a checkpoint belongs to it, and how much disk space it needs.

A folder of checkpoints belongs to one training, by its fingerprint. A checkpoint that was copied
there by hand is refused before the first step: it would fail while loading, or train a model that
no experiment describes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn

from tasks.contract import StageError
from tasks.machinery.host.space import require
from tasks.machinery.store.checkpoints import KEPT, newest_checkpoint, step_of

TRAINER_FILES, METER_FILE = "trainer", "meter.json"  # in a checkpoint
WEIGHTS, STATE = "model.safetensors", "trainer_state.json"  # of Trainer's files
COPIES = 3  # sizes of the weights in a checkpoint: the weights and Adam's two moments

Shapes = dict[str, tuple[int, ...]]


def require_room(model: nn.Module, folder: Path, beside: int = 0) -> None:
    """Check that the disk has room for the checkpoints and the model of a training.

    The two newest checkpoints are kept while the next is written; existing files count.

    Args:
        model: the model to train.
        folder: of the checkpoints.
        beside: copies of the weights in a checkpoint beside those of Trainer.

    Raises:
        StageError: with the folder, the bytes needed and the bytes free.
    """
    distinct = {id(part): part for part in (*model.parameters(), *model.buffers())}
    weights = sum(part.numel() * part.element_size() for part in distinct.values())
    there = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    needed = (KEPT + 1) * (COPIES + beside) * weights - there + weights
    require(folder, needed, "the checkpoints of this training and the model that it writes")


def require_fit(checkpoint: Path, model: nn.Module, steps: int) -> None:
    """Check that a checkpoint belongs to this training.

    Args:
        checkpoint: a complete checkpoint.
        model: the model to resume.
        steps: optimizer steps of the training.

    Raises:
        StageError: with the differences between the checkpoint and this training.
    """
    found, expected = _shapes_in(checkpoint / TRAINER_FILES / WEIGHTS), _shapes_of(model)
    state = json.loads((checkpoint / TRAINER_FILES / STATE).read_text())
    differences = _differences(found, expected, model)
    if not differences and state["max_steps"] != steps:
        differences = [
            f"it belongs to a training of {state['max_steps']:,} steps, this one has {steps:,}"
        ]
    if not differences and step_of(checkpoint) != state["global_step"]:
        differences = [f"its name does not match its step, {state['global_step']:,}"]
    if differences:
        more = len(differences) - 3
        listed = "; ".join(differences[:3]) + (f"; and {more} more" if more > 0 else "")
        raise StageError(
            f"the checkpoint {checkpoint} does not belong to this training: {listed}. Nothing was "
            f"computed. Delete the folder {checkpoint.parent}; the same command then restarts this "
            "training from the beginning"
        )


def diverged(
    what: str, losses: Sequence[float], checkpoints: Path | None, *, bf16: bool
) -> StageError:
    """The error for a training with a number that is not finite.

    Args:
        what: the number and its step.
        losses: the losses that were logged before.
        checkpoints: the folder of the checkpoints, if any.
        bf16: the training is in bf16.
    """
    before = f"the last mean logged was {losses[-1]:.3f}" if losses else "no loss was logged yet"
    good = newest_checkpoint(checkpoints) if checkpoints else None
    kept = f"is of step {step_of(good)}, in {good}" if good else "does not exist yet"
    fp32 = ", set precision: fp32" if bf16 else ""
    return StageError(
        f"{what} ({before}): training has diverged. The last good checkpoint {kept}. Lower "
        f"learning_rate (halve it first){fp32} or raise warmup_share; this restarts the training "
        "from the beginning"
    )


def _shapes_in(file: Path) -> Shapes:
    """The shapes in a file of weights, without reading the weights."""
    with safe_open(file, framework="pt") as weights:
        return {name: tuple(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118


def _shapes_of(model: nn.Module) -> Shapes:
    return {name: tuple(part.shape) for name, part in model.state_dict().items()}


def _differences(found: Shapes, expected: Shapes, model: nn.Module) -> list[str]:
    """Weights in only one of the two or of another shape, one phrase each; largest first."""
    lacking = expected.keys() - found.keys() - _tied(model, found)
    names = sorted(found.keys() | lacking, key=lambda name: (-_size(name, found, expected), name))
    return [
        f"{name} is {_shown(found.get(name))}, but {_shown(expected.get(name))} is expected"
        for name in names
        if found.get(name) != expected.get(name)
    ]


def _size(name: str, *places: Shapes) -> int:
    return max(int(torch.Size(shapes.get(name, (0,))).numel()) for shapes in places)


def _tied(model: nn.Module, found: Shapes) -> set[str]:
    """Names of weights that a file lacks because they are tied to others in it."""
    state = model.state_dict()
    written = {state[name].data_ptr() for name in found if name in state}
    return {name for name, part in state.items() if part.data_ptr() in written}


def _shown(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else ("×".join(map(str, shape)) or "a number")


def seconds_until(checkpoint: Path) -> float:
    """Seconds of training until the checkpoint was written."""
    return float(json.loads((checkpoint / METER_FILE).read_text())["elapsed"])
