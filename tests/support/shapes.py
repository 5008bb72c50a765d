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
KINDS = (
    "bert mlm",
    "roberta mlm",
    "bert mlm+nsp",
    "bert mlm+bow",
    "roberta mlm+bow",
    "electra rtd",
    "bert text-classification",
    "roberta text-classification",
    "bert token-classification",
    "bert regression",
    "bert question-answering",
    "gpt2 clm+apart",
    *(f"{name} mlm" for name in families.names() if name not in ("bert", "roberta", *DECODERS)),
    "roberta token-classification",
    *(
        f"{name} {task}"
        for name in DECODERS
        for task in (
            *("clm", "text-classification", "regression", "token-classification"),
            "question-answering",
        )
    ),
)


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
    config = families.load(size.family).configure(size, tokenizer, dropout)
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
    config.num_labels = LABELS if problems.shape_of(task).LABELS else problem.HEAD.outputs
    generator = np.random.default_rng(1)
    found = [problem.made_up(int(generator.integers(4, length + 1))) for _ in range(rows)]
    batch = problem.collate(found, 0)
    ids, labels = batch["input_ids"], batch["labels"]
    ids[:] = torch.from_numpy(generator.integers(4, VOCABULARY, ids.shape))
    drawn = torch.from_numpy(generator.integers(0, LABELS, labels.shape)).to(labels.dtype)
    unlabelled = torch.from_numpy(generator.random(labels.shape) < 0.4)
    if task == "token-classification":
        drawn[unlabelled | (labels == NO_LABEL)] = NO_LABEL
    if task == "question-answering":
        drawn.clamp_(max=3)  # the shortest has four tokens
    model = new_model(problem.AUTO_MODEL, config, seed=1)
    how = _computation(model, problem, split_rows, labels_in, batch)
    return Case(model, batch | {"labels": drawn}, problem.loss, how, problem.head)


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
