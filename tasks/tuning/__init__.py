"""Ways of tuning: which weights of a model learn in fine-tuning; one module a method.

A method `a-b` is the module `tasks.tuning.a_b` with the names of `Method`. No other code depends on
which method it is.

To add one: write `NAME.py` with the names of `Method`. It is found by its file; fields of its own
are added to the part `tuning` (tasks/experiment/training.py). Import heavy libraries inside
functions, since plans read these files.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.contract import Monitor
from tasks.experiment import choices
from tasks.experiment.training import TuningMethod

if TYPE_CHECKING:
    from tasks.problems import Problem
    from tasks.training.optimization import Precision


class Way(Protocol):
    """The fields of a fine-tuning that say what learns."""

    @property
    def tuning(self) -> TuningMethod:
        """The method, and its own fields."""

    @property
    def freeze(self) -> str:
        """What keeps its weights, of the method `full`."""

    @property
    def layer_decay(self) -> float:
        """The rate of a layer as a share of that above it, of the method `full`."""


@dataclass
class Tuned:
    """A model of which the chosen weights learn.

    Attributes:
        model: of transformers, in fp32.
        rates: the share of the learning rate of weights, by name; 1 for others.
        computes: whether each step computes the encoder.
        varies: whether pictures may be augmented, so that each is read anew at each step.
        held: parts of the model that stay in evaluation mode until the training ends.
    """

    model: Any
    rates: Mapping[str, float] = field(default_factory=dict)
    computes: bool = True
    varies: bool = True
    held: Sequence[Any] = ()

    def solving(
        self,
        kind: Problem,
        examples: Sequence[Any],
        precision: Precision,
        monitor: Monitor,
        *,
        number: int,
        stored: Path | None = None,
    ) -> Problem | None:
        """The problem as the head reads it, if a frozen encoder has read the examples already.

        None if the model reads examples themselves.

        Args:
            kind: the problem.
            examples: those to train on, which all are read once.
            precision: in which the encoder reads them.
            monitor: receives the progress.
            number: of all examples that are read in the training, those of the validations too.
            stored: folder of stage `features`, if what the encoder gives was computed before.
        """

    def finish(self, out: Path, body: Path | None) -> None:
        """Make the trained model a plain one of transformers again, in place.

        Args:
            out: where a method writes what it keeps beside the model.
            body: the pre-trained model that the training began with, if there is one.
        """
        from tasks.models.depths import release

        self.write(out, body)
        self.restore()
        for part in self.held:
            release(part)

    def write(self, out: Path, body: Path | None) -> None:
        """Write what the method keeps beside the model, see `finish`: nothing by default."""

    def restore(self) -> None:
        """Undo what the method changed in the model: nothing by default."""


class Method(Protocol):
    """The names in the module of a method.

    Attributes:
        FIELDS: The fields of `tuning` that count only with some methods, including this. Plans read
            all of these from the source: tuples of words.
        OPTIMIZERS: The optimizers that suit what learns.
        LIBRARIES: Optional: distributions, beside those of training, that it computes with.
        READS: Optional: with "features" if a frozen encoder reads each example once, so that what
            it gives is a stage of its own, which several trainings share.
    """

    FIELDS: tuple[str, ...]
    OPTIMIZERS: tuple[str, ...]
    LIBRARIES: tuple[str, ...]

    def begin(self, model: Any, training: Way, seed: int) -> Tuned:
        """Have the weights learn that the method chooses, in place; all of the head does.

        Args:
            model: of transformers, with the weights that the training begins with.
            training: the fields of the method.
            seed: of weights that are added.

        Raises:
            StageError: the model has nothing that the method could train.
        """


def module_of(method: str) -> str:
    """The module of a method."""
    return f"{__name__}.{method.replace('-', '_')}"


def libraries_of(method: str) -> tuple[str, ...]:
    """The distributions that a method computes with, beside those of training."""
    return choices.words_of("tuning", method, "LIBRARIES")


def reads_features(method: str) -> bool:
    """Whether a method reads what a frozen encoder gives, see `Method.READS`."""
    return "features" in choices.words_of("tuning", method, "READS")


def load(method: str) -> Method:
    """Import a method by its name in the experiment, such as `lora`."""
    return cast(Method, importlib.import_module(module_of(method)))


def begin(model: Any, training: Way, seed: int) -> Tuned:
    """Have the weights learn that an experiment chooses: see `Method.begin`.

    With each method, a batch norm whose scale does not learn keeps its statistics too: they are
    part of the frozen layers, and pictures of the problem would move them.
    """
    from tasks.models.depths import hold_norms

    tuned = load(training.tuning.method).begin(model, training, seed)
    tuned.held = [*tuned.held, *hold_norms(model)]
    return tuned
