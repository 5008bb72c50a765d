"""The features of a frozen encoder as a stage: fine-tunings of the head alone share one pass."""

from __future__ import annotations

from dataclasses import dataclass, field

from flows.recipes.stages import Table
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.problem import FineTuning
from tasks.experiment.training import TuningMethod
from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.call import StageCaller
from tasks.tuning import reads_features

READ = ("max_length", "stride", "precision", "train_examples")


def as_read(training: FineTuning | ImageTuning) -> FineTuning | ImageTuning:
    """What of a training decides which features its examples have; all else as by default."""
    stated = {name: getattr(training, name) for name in READ if name in type(training).model_fields}
    return type(training)(**stated, tuning=TuningMethod(method=training.tuning.method))


@dataclass
class SharedFeatures:
    """The stages `features` of a problem.

    Attributes:
        problem: what is solved with them.
        family: of the encoders.
        data: the rows that fine-tuning reads; shares of their labels are among them.
        table: the stages of text, or of images.
        run: calls a stage.
    """

    problem: str
    family: str
    data: Input
    table: Table
    run: StageCaller
    _found: dict[tuple[str, int], Artifact] = field(default_factory=dict)

    def read(
        self,
        label: str,
        training: FineTuning | ImageTuning,
        seed: int,
        body: Input,
        architecture: Input,
    ) -> dict[str, Input]:
        """The features that a fine-tuning reads, as its argument; none where it computes them.

        Args:
            label: of the fine-tuning.
            training: how the head learns.
            seed: of the training, which chooses rows where it does not train on all.
            body: the encoder.
            architecture: the files that say how it is built.
        """
        if not reads_features(training.tuning.method):
            return {}
        chosen_by = seed if training.train_examples else 0
        if (body.digest, chosen_by) not in self._found:
            self._found[body.digest, chosen_by] = self.run(
                self.table.features(self.problem, self.family, training.tuning.method),
                label,
                problem=self.problem,
                training=as_read(training),
                chosen_by=chosen_by,
                data=self.data,
                body=body,
                architecture=architecture,
            )
        return {"features": self._found[body.digest, chosen_by].whole}
