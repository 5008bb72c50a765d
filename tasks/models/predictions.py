"""The answers of a fine-tuned model to new rows, made as an evaluation makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.contract import StageError
from tasks.models.bodies import read_model
from tasks.models.files import built_as, configuration_of, labels_of, problem_of
from tasks.models.inference import predict
from tasks.problems import Problem, described, load, names

AT_ONCE = 2048  # rows between two reports of progress
_KNOWN = ("document", "gold", "loss")  # columns that say something of known rows alone


def require_problem(configuration: dict[str, Any], where: str) -> str:
    """The problem that a model was fine-tuned for.

    Raises:
        StageError: none; it may be an encoder.
    """
    found = problem_of(configuration)
    if not found:
        accepted = ", ".join(f"…{described(name).HEAD.architecture}" for name in names())
        raise StageError(
            f"{where} is {built_as(configuration)}, which answers no problem; accepted: a "
            f"fine-tuned model ({accepted}). `temper finetune {where} EXPERIMENT` makes one of it"
        )
    return found


def answer_rows(
    problem: str,
    folder: Path,
    inputs: Sequence[Any],
    report: Callable[[int, int], None] | None = None,
) -> Iterator[pd.DataFrame]:
    """The predictions for new rows, some at a time, in their order; the model is read at once.

    Args:
        problem: what is predicted.
        folder: of the fine-tuned model.
        inputs: what the model reads: texts, or lists of words.
        report: receives how many of how many rows are done.

    Returns:
        The input, `predicted`, and the further columns of the problem, such as `probability`; in
        `attrs`, as `cut`, how much did not fit into the model's input, in the unit of the problem.

    Raises:
        StageError: the model cannot be read.
    """
    kind = load(problem)
    labels = labels_of(configuration_of(folder, folder.name))
    model, tokenizer = read_model(kind.AUTO_MODEL, folder)

    def tables() -> Iterator[pd.DataFrame]:
        for begin in range(0, len(inputs), AT_ONCE):
            some = inputs[begin : begin + AT_ONCE]
            rows = _as_rows(kind, some, labels)
            examples = kind.encode(rows, tokenizer, labels)
            table = predict(kind, model, rows, examples, labels).drop(columns=[*_KNOWN])
            table.attrs["cut"] = sum(example.cut for example in examples)
            if report is not None:
                report(begin + len(some), len(inputs))
            yield table

    return tables()


def _as_rows(kind: Problem, inputs: Sequence[Any], labels: Sequence[str]) -> pd.DataFrame:
    """Rows as stage `dataset` writes them; their truth is unknown, and any will do."""
    any_truth = labels[0] if labels else 0.0
    truths = [[any_truth] * len(each) if isinstance(each, list) else any_truth for each in inputs]
    return pd.DataFrame({"document": "", kind.INPUT: list(inputs), kind.TRUTH: truths})
