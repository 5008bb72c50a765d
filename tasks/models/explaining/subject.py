"""What is explained: a model, and rows that are made of parts, each of which can be blank."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasks.models.explaining.explained import Explained
from tasks.problems import Problem

AT_ONCE = 64  # rows in a forward pass
WORDS = "words"  # what parts are, of texts
Batch = dict[str, Tensor]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """A part that is a word of a text: where it is.

    Attributes:
        text: the word as it is written.
        column: the column of the rows that it is in.
        start: its first character there.
        end: behind its last character.
    """

    text: str
    column: str
    start: int
    end: int


@dataclass(frozen=True)
class RowInParts:
    """A row in parts, and which answer to it is explained.

    Attributes:
        inputs: as a batch of one row without labels, on the device of the model.
        blank: the input that is varied, without content; of the same shape.
        part_of: the number of the part at each place of that input, -1 where it is never blank:
            shape (tokens,) or (height, width).
        parts: how many there are.
        answer: which of the model's outputs is explained.
        direction: 1, or -1 where the answer is that the score is low.
        pieces: the words, of a text.
        own: the parts that the answer is of; none if it is of the whole row.
        about: the words that the answer is of, for people; empty for the whole row.
    """

    inputs: Batch
    blank: Tensor
    part_of: NDArray[np.int64]
    parts: int
    answer: int = 0
    direction: int = 1
    pieces: tuple[Piece, ...] = ()
    own: tuple[int, ...] = ()
    about: str = ""


class Subject(ABC):
    """A model for a problem, whose rows are made of parts.

    Args:
        kind: the problem.
        explained: what is explained of its answers.
        model: fine-tuned, in fp32, in evaluation mode.
        reader: its tokenizer, or image processor.

    Attributes:
        VARIED: The input whose places become blank.
        PARTS: What a part is, for people, in the plural.
    """

    VARIED: ClassVar[str]
    PARTS: ClassVar[str]

    def __init__(self, kind: Problem, explained: Explained, model: Any, reader: Any) -> None:
        self.kind, self.explained, self.model, self.reader = kind, explained, model, reader
        for weight in model.parameters():
            weight.requires_grad_(requires_grad=False)

    @abstractmethod
    def rows(self, table: pd.DataFrame, labels: Sequence[str]) -> list[RowInParts]:
        """The rows of a table in parts; which answers are explained is not chosen yet."""

    @property
    @abstractmethod
    def blank(self) -> str:
        """What a blank part is, in words."""

    @property
    @abstractmethod
    def embeddings(self) -> Any:
        """The layer whose outputs gradients are taken of; None for the input itself."""

    @abstractmethod
    def over_features(self, found: Tensor) -> Tensor:
        """Attributions of one row, summed over the features of each place."""

    @abstractmethod
    def as_read(self, row: RowInParts, through: Tensor) -> Tensor:
        """Of a matrix over places, the row of the place that the head reads.

        Args:
            row: with its answer.
            through: of shape (passes, places, places).

        Returns:
            Shape (passes x places,); of several passes, the mean.
        """

    def named(self, row: RowInParts) -> RowInParts:
        """The row, with the parts that its answer is of; as it is where that is the whole row."""
        return row

    def passes(self, _row: RowInParts) -> int:
        """How many inputs the model reads of a row: one."""
        return 1

    def of_places(self, _row: RowInParts, values: Tensor) -> Tensor:
        """Values of the places of the layers as values of the places of the input: the same."""
        return values

    def scores(self, batch: Batch) -> Tensor:
        """What is explained, of each answer: shape (rows, answers)."""
        return self.explained.scores(self.kind.logits(self.model, batch).float())

    def chosen(self, row: RowInParts, gold: Any = None, labels: Sequence[str] = ()) -> RowInParts:
        """The row, with the answer that is explained."""
        full, blank = self.ends(row)
        answer = self.explained.answer(full, gold, labels)
        direction = self.explained.direction(float(full[answer]), float(blank[answer]))
        return self.named(replace(row, answer=answer, direction=direction))

    @torch.no_grad()
    def ends(self, row: RowInParts) -> tuple[Floats, Floats]:
        """The scores of all answers to the row, and to it without content."""
        both = torch.cat([row.inputs[self.VARIED], row.blank])
        batch = {name: tensor.expand(2, *tensor.shape[1:]) for name, tensor in row.inputs.items()}
        found = self.scores(batch | {self.VARIED: both}).cpu().numpy().astype(np.float64)
        return found[0], found[1]

    @torch.no_grad()
    def score(self, row: RowInParts, kept: NDArray[np.bool_]) -> Floats:
        """The score that is explained, where some parts are blank.

        Args:
            row: with its answer.
            kept: which parts are not blank: shape (variants, parts).

        Returns:
            Shape (variants,).
        """
        given, found = row.inputs[self.VARIED], []
        always = np.ones((len(kept), 1), dtype=bool)
        places = np.concatenate([kept, always], axis=1)[:, row.part_of]
        for at in range(0, len(kept), AT_ONCE):
            some = torch.from_numpy(places[at : at + AT_ONCE]).to(given.device)
            if given.ndim == 4:  # channels
                some = some.unsqueeze(1)
            number = len(some)
            batch = {n: t.expand(number, *t.shape[1:]) for n, t in row.inputs.items()}
            batch[self.VARIED] = torch.where(some, given, row.blank)
            found.append(self.scores(batch)[:, row.answer].cpu().numpy())
        return np.concatenate(found).astype(np.float64)

    def in_parts(self, row: RowInParts, values: Tensor) -> Floats:
        """Values of the places of the input, summed over those of each part."""
        inside = row.part_of >= 0
        given = values.detach().double().cpu().numpy()[inside]
        found = np.zeros(row.parts)
        np.add.at(found, row.part_of[inside], given)
        return found

    @torch.no_grad()
    def attentions(self, inputs: Batch) -> tuple[Tensor, ...]:
        """The attention of each layer, shape (1, heads, places, places); none without attention.

        Of a row that the model reads in several inputs, the first axis is these.
        """
        if not hasattr(self.model.config, "num_attention_heads"):
            return ()
        with _eager(self.model):
            found = self.model(**inputs, output_attentions=True).attentions
        return tuple(each for each in found or () if each is not None)


@contextmanager
def _eager(model: Any) -> Iterator[None]:
    """Have a model compute attention as a matrix, which the fast ways never have in memory."""
    usual = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(usual)
