"""What a model in the store learnt from, as far as the store knows: followed from its artifact."""

from __future__ import annotations

from dataclasses import dataclass, field

from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.store import Store

TABLE = "train.parquet"  # of a corpus and of labelled data: what is learnt from
# What a training reads without learning from its text.
_SHAPES = ("architecture", "tokenizer", "validation")


@dataclass
class Lineage:
    """What a model learnt from.

    Attributes:
        trainings: that made it, the last one first; empty where it comes from elsewhere.
        corpora: that it was pre-trained on.
        rows: labelled data that it was fine-tuned on.
        gaps: whether there is more that is not known, or no longer in the store.
    """

    trainings: list[Artifact] = field(default_factory=list)
    corpora: list[Input] = field(default_factory=list)
    rows: list[Input] = field(default_factory=list)
    gaps: bool = False

    @classmethod
    def of(cls, model: Input, store: Store) -> Lineage:
        """Follow a model to what it learnt from."""
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
        if artifact.stage in ("pretraining", "finetuning"):
            self.trainings.append(artifact)
        elif artifact.stage != "tokens":
            self.gaps = True
        for role, name in artifact.reads.items():
            other = store.named(name)
            if role in _SHAPES:
                continue
            if other is None or other.damage():
                self.gaps = True
            else:
                self._follow(other, store)
