"""Whether a training fits into the memory of this machine, before anything is computed."""

from __future__ import annotations

from pathlib import Path

from tasks.experiment import choices
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.images.training import ImagePretraining
from tasks.experiment.model import Model
from tasks.experiment.pretraining import Pretraining
from tasks.experiment.problem import FineTuning
from tasks.experiment.training import FULL
from tasks.machinery.host.space import human
from tasks.training import memory

NARROW = 128  # embeddings of the families that have narrow ones


def parameters_of(model: Model, vocabulary: int) -> int:
    """About how many parameters an encoder has, without norms, biases and heads.

    They are those of the matrices of its layers (Kaplan et al. 2020, "Scaling laws for neural
    language models", section 2.1) and of its embeddings.

    Args:
        model: the part `model` of an experiment.
        vocabulary: the tokens that have embeddings.
    """
    words = choices.words_of("families", model.family, "_LAYERS")
    inner = model.intermediate_size or (
        8 * model.hidden_size // 3 if "gated" in words else 4 * model.hidden_size
    )
    matrices = 3 if "gated" in words else 2
    width = model.hidden_size
    layer = 4 * width**2 + matrices * width * inner
    different = 1 if "shared" in words else model.layers
    rotary = "rotary" in choices.words_of("families", model.family, "POSITIONS")
    positions = 0 if rotary or "relative positions" in words else model.max_positions
    narrow = min(NARROW, width) if "narrow embeddings" in words else width
    widened = narrow * width if narrow < width else 0
    return different * layer + (vocabulary + positions) * narrow + widened


def copies_of(training: Pretraining | FineTuning | ImagePretraining | ImageTuning) -> int:
    """At least how many sizes of the weights a training keeps.

    Where parts of a model learn, gradients and moments are of these alone: then only the weights
    count. Muon keeps one moment, of all that it trains.
    """
    if isinstance(training, FineTuning | ImageTuning) and (
        training.tuning.method != FULL or training.freeze != "none"
    ):
        return 1
    return memory.COPIES - (training.optimizer == "muon")


def why_too_large(model: Model | Path, vocabulary: int, copies: int) -> str:
    """Why a model cannot be trained on this machine; empty if its weights have room.

    Of the memory the part counts that a training may use; its activations are not counted, since
    a batch that is too large is computed in parts.

    Args:
        model: the size of a model, or the folder of the one to start from.
        vocabulary: the tokens that have embeddings.
        copies: sizes of the weights that the training keeps, see `copies_of`.
    """
    from tasks.models.files import parameters_of as stored_parameters

    number = (
        stored_parameters(model) if isinstance(model, Path) else parameters_of(model, vocabulary)
    )
    return why_no_room(number, copies)


def why_no_room(weights: int, copies: int) -> str:
    """Why so many weights cannot be trained on this machine; empty if they have room.

    `copies` is as of `why_too_large`.
    """
    needed, (room, total) = 4 * copies * weights, room_here()
    if needed <= room:
        return ""
    kept = "" if copies == 1 else " with their gradients and the moments of the optimizer"
    return (
        f"does not fit: about {weights / 1e6:,.0f} M weights{kept} take {human(needed)}, and a "
        f"training may use {human(room)} of the {human(total)} here"
    )


def room_here() -> tuple[int, int]:
    """Bytes of the memory that a training may use, and of all of it."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    total = memory.total_memory()
    return int(memory.SHARE[device] * total), total
