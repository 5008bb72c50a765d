"""The training data of a model in the store, found by following its artifact."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.store import Store

TABLE = "train.parquet"  # the training split of a corpus or of labelled data
PICTURES = "keys.parquet"  # the hashes of the pictures of either, with their splits
# Inputs of a training whose text it does not train on.
_SHAPES = ("architecture", "tokenizer", "validation")


def evaluations_of(model: Input, store: Store) -> list[Artifact]:
    """The undamaged evaluations of a model, for each data set the one that compares most models.

    Of those that compare equally many, it is the newest.
    """
    found: dict[str, Artifact] = {}
    for artifact in store.artifacts("evaluation"):
        data = artifact.reads.get("data", "")
        if artifact.reads.get("model") != model.artifact.name or artifact.damage():
            continue
        if data not in found or len(artifact.reads) > len(found[data].reads):
            found[data] = artifact
    return [found[data] for data in sorted(found)]


def tested_on(evaluation: Artifact, store: Store) -> str:
    """The rows that an evaluation is of, in words; those of a further test set by its source."""
    data = store.named(evaluation.reads.get("data", ""))
    described = None if data is None else data.path / "dataset.json"
    if data is None or described is None or not described.is_file():
        return "the test split"
    name = json.loads(described.read_text(encoding="utf-8"))["name"]
    if data.stage.startswith("further"):
        return f"the further test set {name}"
    return f"the test split of {name}"


@dataclass
class Lineage:
    """What a model was trained on.

    Attributes:
        trainings: the trainings that made it, the last one first; empty if made elsewhere.
        corpora: the corpora that it was pre-trained on.
        rows: the labelled data that it was fine-tuned on.
        gaps: whether some of its data are unknown, or no longer in the store.
    """

    trainings: list[Artifact] = field(default_factory=list)
    corpora: list[Input] = field(default_factory=list)
    rows: list[Input] = field(default_factory=list)
    gaps: bool = False

    @classmethod
    def of(cls, model: Input, store: Store) -> Lineage:
        """Follow a model to its training data."""
        found = cls()
        found._follow(model.artifact, store)
        for tables in (found.corpora, found.rows):
            tables.sort(key=lambda table: table.digest)
        return found

    def _follow(self, artifact: Artifact, store: Store) -> None:
        if artifact.stage == "corpus":
            self.corpora.append(artifact / TABLE)
            return
        if artifact.stage == "dataset":
            self.rows.append(artifact / TABLE)
            return
        if artifact.stage == "images":
            labelled = "test_pictures" in artifact.metrics
            if PICTURES in artifact.files:
                (self.rows if labelled else self.corpora).append(artifact / PICTURES)
            else:  # it was made before there was such a file
                self.gaps = True
            return
        if artifact.stage in ("pretraining", "finetuning"):
            self.trainings.append(artifact)
        elif artifact.stage not in ("tokens", "pixels", "start"):
            self.gaps = True
        for role, name in artifact.reads.items():
            other = store.named(name)
            if role in _SHAPES:
                continue
            if other is None or other.damage():
                self.gaps = True
            else:
                self._follow(other, store)
