"""A fine-tuned model to be explained, beside the same with random weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tasks.models.bodies import read_model
from tasks.models.explaining.checks import with_random_weights
from tasks.models.explaining.explained import load_explained, subject_of
from tasks.models.explaining.subject import Subject
from tasks.models.files import labels_of
from tasks.problems import load


@dataclass(frozen=True)
class Subjects:
    """What is explained, and what its explanations are compared with.

    Attributes:
        own: the model.
        random: the same with random weights.
        labels: of the model, in the order of its outputs; none where answers are no labels.
    """

    own: Subject
    random: Subject
    labels: list[str]

    @classmethod
    def read(cls, problem: str, folder: Path, seed: int) -> Subjects:
        """Read a model.

        Args:
            problem: that it was fine-tuned for.
            folder: of the model.
            seed: of the random weights.

        Raises:
            StageError: it cannot be read, or its answers cannot be explained.
        """
        kind, explained = load(problem), load_explained(problem)
        model, reader = read_model(kind.AUTO_MODEL, folder, kind.READER)
        other = with_random_weights(model, kind.AUTO_MODEL, seed)
        own, random = (subject_of(kind, explained, each, reader) for each in (model, other))
        # transformers does not write the names LABEL_0 and LABEL_1, which are its default.
        return cls(own, random, labels_of(model.config.to_dict()) if kind.PARTS else [])
