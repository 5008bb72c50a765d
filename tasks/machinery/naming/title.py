"""Titles of stages, such as `finetuning library from scratch`: written and read here."""

from __future__ import annotations

from dataclasses import dataclass

_SCRATCH, _START = " from scratch", " from start"


def from_scratch(problem: str) -> str:
    """The label of a stage about the model of a problem that begins from random weights."""
    return f"{problem}{_SCRATCH}"


def from_start(problem: str) -> str:
    """The label of a stage about the model of a problem that skips the pre-training here."""
    return f"{problem}{_START}"


def with_seed(label: str, seed: int) -> str:
    """The label of a stage about the same model, fine-tuned again with another seed."""
    return f"{label} seed {seed}"


def with_share(label: str, share: float) -> str:
    """The label of a stage about a model that is fine-tuned with a share of the labels.

    In words that a tag of MLflow may be named after: it accepts no percent sign.
    """
    return f"{label} with {100 * share:g} percent of the labels"


def on_further_test(problem: str, name: str) -> str:
    """The label of a stage about a further test set of a problem."""
    return f"{problem} on {name}"


@dataclass(frozen=True, order=True)
class Title:
    """What people read for a stage of a run.

    Attributes:
        stage: the name of the stage.
        label: what it is about, where a run has several of the stage: a downstream problem.
    """

    stage: str
    label: str = ""

    @classmethod
    def parse(cls, text: str) -> Title:
        """The parts of a title: neither names of stages nor of problems contain a blank."""
        stage, _, label = text.partition(" ")
        return cls(stage, label)

    def __str__(self) -> str:
        return f"{self.stage} {self.label}".strip()

    @property
    def problem(self) -> str:
        """The downstream problem that it is about; empty if it is about none."""
        return self.label.partition(" ")[0]

    @property
    def is_of_reference(self) -> bool:
        """Whether it is about a model beside that of the run: to compare with, or of a seed."""
        return " " in self.label
