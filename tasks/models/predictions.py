"""The answers of a fine-tuned model to new rows, made as an evaluation makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.contract import StageError
from tasks.data.pairs import FIRST, SECOND
from tasks.models.bodies import read_model
from tasks.models.files import (
    built_as,
    configuration_of,
    inputs_of,
    labels_of,
    longest_input,
    problem_of,
)
from tasks.models.inference import predict
from tasks.problems import PROBABILITIES, Problem, described, every, load

AT_ONCE = 2048  # rows between two reports of progress
# Columns of known rows alone, and the probabilities of all labels, which are a list without names.
LEFT_OUT = ("document", "gold", "loss", PROBABILITIES)


def require_problem(configuration: dict[str, Any], where: str) -> str:
    """The problem that a model was fine-tuned for.

    Raises:
        StageError: none; it may be an encoder.
    """
    found = problem_of(configuration)
    if not found:
        heads = dict.fromkeys(f"…{described(name).HEAD.architecture!s}" for name in every())
        raise StageError(
            f"{where} is {built_as(configuration)}, which answers no problem; accepted: a "
            f"fine-tuned model ({', '.join(heads)}). `temper finetune {where} EXPERIMENT` makes "
            "one of it"
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
        inputs: what the model reads: texts, pairs of texts as tuples (also of a question and the
            text with its answer), or lists of words.
        report: receives how many of how many rows are done.

    Returns:
        The input, `predicted`, and the further columns of the problem, such as `probability`; in
        `attrs`, as `cut`, how much did not fit into the model's input, and as `unit` what that
        counts, such as `texts_cut_short`.

    Raises:
        StageError: the model cannot be read.
    """
    kind = load(problem)
    configuration = configuration_of(folder, folder.name)
    labels, columns = labels_of(configuration), inputs_of(configuration, problem)
    model, tokenizer = read_model(kind.AUTO_MODEL, folder)
    # transformers does not write the names LABEL_0 and LABEL_1, which are its default.
    labels = labels or labels_of({"id2label": model.config.id2label})
    # The tokenizer of a published model may have no bound.
    if (longest := longest_input(configuration)) is not None:
        tokenizer.model_max_length = min(tokenizer.model_max_length, longest)

    def tables() -> Iterator[pd.DataFrame]:
        for begin in range(0, len(inputs), AT_ONCE):
            some = inputs[begin : begin + AT_ONCE]
            rows = as_rows(kind, some, columns, labels)
            examples = kind.encode(rows, tokenizer, labels)
            table = predict(kind, model, rows, examples, labels)
            table = table.drop(columns=[*LEFT_OUT], errors="ignore")
            table.attrs |= {"cut": sum(example.cut for example in examples), "unit": kind.CUT}
            if report is not None:
                report(begin + len(some), len(inputs))
            yield table

    return tables()


def as_rows(
    kind: Problem, inputs: Sequence[Any], columns: Sequence[str], labels: Sequence[str]
) -> pd.DataFrame:
    """Rows as stage `dataset` writes them; their truth is unknown, and any will do."""
    truths = [kind.any_truth(each, labels) for each in inputs]
    read: dict[str, list[Any]] = {kind.INPUT: list(inputs)}
    if isinstance(inputs[0], tuple):  # a published model of pairs does not name its columns
        names = columns if len(columns) > 1 else (FIRST, SECOND)
        read = dict(zip(names, map(list, zip(*inputs, strict=True)), strict=True))
    return pd.DataFrame({"document": "", **read, kind.TRUTH: truths})
