"""Tiny models with batches of made-up tokens, for everything that can be pre-trained or tuned."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tasks import families, objectives, problems
from tasks.data.text.drawing import Drawing, tensors
from tasks.experiment.model import Model
from tasks.models.building import new_model
from tasks.models.text_computation import text_computation
from tasks.problems.token_classification.model import NO_LABEL
from tasks.stages.finetuning import labels_in
from tasks.timing.synthetic import MadeUpTokenizer, made_up_corpus
from tasks.training.computation import Computation
from tasks.training.microbatches import Splitting, split_rows

ROWS, LENGTH, VOCABULARY, LABELS = 10, 24, 90, 5
DECODERS = tuple(name for name in families.names() if "next tokens" in families.load(name).HEADS)
ENCODERS = ("bert", *(name for name in families.names() if name not in (*DECODERS, "bert")))
TEXTS = "text-classification"
DECODED = ("generation",)  # by decoders alone
SMALLEST = 4  # tokens of the shortest row, and answers that are drawn


def _kinds() -> list[str]:
    """What is trained, as `family task`: found by name, so that what is added is tested too.

    Every family has its objectives and the head of the commonest problem; the first encoder and
    the decoders have all problems of texts that they can solve.
    """
    found = []
    for family in families.names():
        heads = set(families.load(family).HEADS)
        decodes = family in DECODERS
        tasks = [name for name in objectives.names() if set(objectives.load(name).HEADS) <= heads]
        solved = [name for name in problems.names() if decodes or name not in DECODED]
        everything = decodes or family == ENCODERS[0]
        tasks += solved if everything else [TEXTS]
        found += [f"{family} {task}" for task in tasks]
    return found


KINDS = tuple(_kinds())


@dataclass
class Case:
    """A model, a batch, and how its loss is computed, in parts too."""

    model: Any
    batch: dict[str, Tensor]
    loss: Callable[..., Any]
    computation: Computation
    head: Callable[..., Any]

    @property
    def splitting(self) -> Splitting:
        """How the batch is computed in parts: as it is all at once."""
        assert self.computation.splitting is not None
        return self.computation.splitting


def case(
    kind: str,
    rows: int = ROWS,
    length: int = LENGTH,
    size: Model | None = None,
    dropout: float = 0.0,
) -> Case:
    """One of `KINDS`, small or of a given size."""
    family, task = kind.split()
    size = size or Model(family=family, layers=2, hidden_size=16, heads=2, max_positions=length)
    tokenizer = MadeUpTokenizer(VOCABULARY)
    family_module = families.load(size.family)
    config = family_module.configure(size, tokenizer, dropout)
    config.update(family_module.dropout(dropout))
    if task in objectives.names():
        objective = objectives.load(task)
        vocabulary = tokenizer.vocabulary()
        corpus = made_up_corpus(4 * rows * length, vocabulary)
        drawing = Drawing(length=length, masking_share=0.15, seed=1)
        examples = objective.examples(corpus, vocabulary, drawing)
        batch = tensors(examples.draw(np.arange(rows), np.zeros(rows, np.int64)))
        model = objective.new_model(config, seed=1)
        how = _computation(
            model, objective, objective.split, objective.counts, batch, objective.encoders(config)
        )
        return Case(model, batch, objective.losses, how, objective.head)
    problem = problems.load(task)
    config.problem_type = problem.HEAD.problem_type or None
    generator = np.random.default_rng(1)
    found = [problem.made_up(int(generator.integers(SMALLEST, length + 1))) for _ in range(rows)]
    batch = problem.collate(found, 0)
    ids, labels = batch["input_ids"], batch["labels"]
    ids[:] = torch.from_numpy(generator.integers(4, VOCABULARY, ids.shape))
    config.num_labels = LABELS if problems.shape_of(task).LABELS else problem.HEAD.outputs
    if labels.is_floating_point() and labels.ndim == 2:
        config.num_labels = labels.shape[1]  # a share or a number for each
    model = new_model(problem.AUTO_MODEL, config, seed=1)
    how = _computation(model, problem, split_rows, labels_in, batch)
    return Case(
        model, batch | {"labels": drawn(labels, generator)}, problem.loss, how, problem.head
    )


def drawn(labels: Tensor, generator: np.random.Generator) -> Tensor:
    """Other answers in place of made-up ones; where tokens have answers, some lose theirs."""
    answers = SMALLEST if not labels.is_floating_point() else 2  # classes, places; shares, numbers
    made = torch.from_numpy(generator.integers(0, answers, labels.shape)).to(labels.dtype)
    if labels.ndim == 2 and labels.shape[1] > LABELS:
        unlabelled = torch.from_numpy(generator.random(labels.shape) < 0.4)
        made[unlabelled | (labels == NO_LABEL)] = NO_LABEL
    return made


def _computation(
    model: Any, part: Any, split: Any, counts: Any, batch: dict[str, Tensor], encoders: Any = ()
) -> Any:
    rows, length = batch["input_ids"].shape
    return text_computation(
        model,
        head=part.head,
        split=split,
        counts=counts,
        micro_batch_size=0,
        batch_size=rows,
        length=length,
        row=[],
        precision="fp32",
        encoders=encoders,
    )
