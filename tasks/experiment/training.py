"""How a model is trained: what pre-training and fine-tuning share, and how much of it learns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from tasks.experiment import choices
from tasks.experiment.fields import Part, field

Schedule = Literal["linear", "cosine", "constant", "flat"]
FULL = "full"  # the method of tuning in which all weights learn

T = TypeVar("T", bound="Training")


class Training(Part):
    """How a model is trained."""

    batch_size: int = field(32, "Batch size", "Examples in a step", ge=1, le=65_536)
    micro_batch_size: int = field(
        0,
        "Micro-batch size",
        "Examples computed at once; gradients add up over the batch; dropout draws other numbers; "
        "0 chooses as many as fit into the machine's memory",
        ge=0,
        le=65_536,
    )
    gradient_checkpointing: bool = field(
        False,
        "Gradient checkpointing",
        "Compute the layers again in the backward pass instead of keeping what they computed: less "
        "memory, a third more time; the same losses and weights where a batch is computed in the "
        "same parts",
        absent=False,
    )
    offload: Literal["none", "activations"] = field(
        "none",
        "Offload",
        "activations: of a training on a GPU, what layers keep for the backward pass waits in the "
        "memory of the host: room for longer rows and a larger micro_batch_size, more time; the "
        "same losses and weights; a processor alone has no other memory",
        in_key=False,
    )
    optimizer: Literal["adamw", "muon"] = field(
        "adamw",
        "Optimizer",
        "adamw, or muon: it orthogonalizes the updates of the layers' matrices and scales them to "
        "the size of AdamW's, so the learning rate and the weight decay mean the same; embeddings, "
        "heads, norms and biases stay with AdamW",
        absent="adamw",
    )
    learning_rate: float = field(1e-3, "Learning rate", "Peak learning rate of AdamW", gt=0, le=1)
    warmup_share: float = field(
        0.1, "Warm-up share", "Share of the steps in which the learning rate rises", ge=0, le=1
    )
    schedule: Schedule = field(
        "linear",
        "Schedule",
        "How the learning rate falls after the warm-up; flat stays at the peak, and falls to 0 in "
        "the last fifth of the training",
    )
    weight_decay: float = field(0.01, "Weight decay", "Decoupled weight decay of AdamW", ge=0, le=1)
    adam_beta2: float = field(
        0.999, "Adam beta 2", "Decay of the second moment of AdamW", gt=0, lt=1
    )
    max_gradient_norm: float = field(
        1.0, "Gradient norm", "Gradients are scaled down to this norm", gt=0, le=10**6
    )
    dropout: float = field(0.0, "Dropout", "Dropout during training", ge=0, lt=1)
    precision: Literal["auto", "fp32", "bf16"] = field(
        "auto", "Precision", "auto is bf16 where the hardware is fast at it, else fp32"
    )


def of_some(name: str, default: Any, title: str, description: str, **bounds: Any) -> Any:
    """A field that counts with the methods that state it in their FIELDS."""
    only_with = choices.only_with("method", "tuning", "FIELDS", name)
    return field(default, title, description, only_with=only_with, **bounds)


class TuningMethod(Part):
    """How much of a model learns; a model from random weights always learns in full."""

    method: str = field(
        FULL,
        "Method",
        "How much of the model learns: full all weights; probe the head alone, on features that "
        "are computed once (saves most of the time); bias the biases and the head; gradual the top "
        "layers, lower ones more slowly; lora, dora and ia3 few new weights beside frozen ones, "
        "which saves memory and space, but hardly time",
        choices=choices.names("tuning"),
        absent=FULL,
    )
    learning_rate: float = of_some(
        "learning_rate",
        0.0,
        "Learning rate",
        "Peak learning rate with this method, such as four to ten times that of full; 0: that of "
        "the problem, which the model from scratch has in any case",
        ge=0,
        le=1,
    )
    rank: int = of_some("rank", 8, "Rank", "Rank of the new matrices", ge=1, le=4096)
    alpha: float = of_some(
        "alpha",
        16.0,
        "Alpha",
        "Scale of the new matrices: their product counts alpha / rank times",
        gt=0,
        le=10**6,
    )
    dropout: float = of_some(
        "dropout", 0.0, "Adapter dropout", "Dropout before the new matrices", ge=0, lt=1
    )
    layers: int = of_some(
        "layers",
        0,
        "Layers",
        "How many of the top layers learn, with the head; 0: all; of ResNet and ConvNeXt, stages",
        ge=0,
        le=1000,
    )
    decay: float = of_some(
        "decay",
        0.8,
        "Decay",
        "Learning rate of a layer as a share of that of the layer above it",
        gt=0,
        le=1,
    )


def at_own_rate(training: T, how: TuningMethod) -> T:
    """The fields of a fine-tuning, at the rate of its method, if that has one of its own.

    So the rate of the problem is in no key where it does not count.
    """
    if not how.learning_rate:
        return training
    plain = how.model_copy(update={"learning_rate": 0.0})
    return training.model_copy(update={"learning_rate": how.learning_rate, "tuning": plain})


class Optimized(Protocol):
    """The fields of a problem that say what learns, and by which optimizer."""

    @property
    def name(self) -> str:
        """Of the problem."""

    @property
    def optimizer(self) -> str:
        """The name of the optimizer."""

    @property
    def freeze(self) -> str:
        """What keeps its weights."""

    @property
    def gradient_checkpointing(self) -> bool:
        """Whether layers are computed again in the backward pass."""

    @property
    def tuning(self) -> TuningMethod:
        """The method."""


def optimizer_mistakes(problems: Iterable[Optimized]) -> list[tuple[str, str]]:
    """Problems whose optimizer does not suit what learns: Muon is for matrices of the layers."""
    found = []
    for problem in problems:
        suitable, choice = _optimizers(problem)
        if problem.optimizer not in suitable:
            message = f"found {problem.optimizer}, but with {choice} no matrix of a layer learns"
            accepted = ", ".join(suitable)
            found.append(
                (f"downstream.{problem.name}.optimizer", f"{message}; accepted: {accepted}")
            )
    return found


def _optimizers(problem: Optimized) -> tuple[tuple[str, ...], str]:
    """The optimizers that suit what learns, and the choice by which they do."""
    if problem.freeze == "encoder":
        return ("adamw",), "freeze: encoder"
    method = problem.tuning.method
    return choices.words_of("tuning", method, "OPTIMIZERS"), f"tuning.method: {method}"


@dataclass(frozen=True)
class Layers:
    """What methods of tuning need to know of a model before it exists.

    Attributes:
        name: the model in words: `model.family llama`.
        words: the `_LAYERS` of its family.
        count: how many layers it has; 0 if that is not known.
        width: the largest rank of their matrices; 0 if that is not known.
    """

    name: str
    words: tuple[str, ...]
    count: int = 0
    width: int = 0


def layer_mistakes(problems: Iterable[Optimized], layers: Layers) -> list[tuple[str, str]]:
    """Methods and optimizers that need what the layers of a model do not have."""
    found = []
    for problem in problems:
        path, how = f"downstream.{problem.name}", problem.tuning
        if how.method == "bias" and "no biases" in layers.words:
            accepted = ", ".join(each for each in choices.names("tuning") if each != "bias")
            message = f"found bias, but the layers of {layers.name} have no biases"
            found.append((f"{path}.tuning.method", f"{message}; accepted: {accepted}"))
        if layers.count and how.layers > layers.count:
            message = f"found {how.layers}, but the layers of the model are {layers.count}"
            accepted = f"accepted: 0 (all) to {layers.count}"
            found.append((f"{path}.tuning.layers", f"{message}; {accepted}"))
        ranked = "rank" in choices.words_of("tuning", how.method, "FIELDS")
        if ranked and layers.width and how.rank > layers.width:
            message = f"found {how.rank}, but the rank of the layers' matrices is {layers.width}"
            found.append((f"{path}.tuning.rank", f"{message}; accepted: 1 to {layers.width}"))
        convolutional = "no matrices" in layers.words and "muon" in _optimizers(problem)[0]
        if problem.optimizer == "muon" and convolutional:
            found.append((f"{path}.optimizer", without_matrices(layers.name)))
        found += recomputing_mistakes(path, layers, asked=problem.gradient_checkpointing)
    return found


def recomputing_mistakes(path: str, layers: Layers, *, asked: bool) -> list[tuple[str, str]]:
    """Gradient checkpointing of layers that transformers does not recompute.

    Args:
        path: of the part with the field.
        layers: of the model.
        asked: the field.
    """
    if not asked or "no checkpointing" not in layers.words:
        return []
    said = f"found true, but the layers of {layers.name} are not recomputed; accepted: false"
    return [(f"{path}.gradient_checkpointing", said)]


def without_matrices(name: str) -> str:
    """What is wrong with Muon for a model whose layers are convolutions."""
    return f"found muon, but the layers of {name} have no matrices; accepted with it: adamw"
