"""The text of an experiment's file to begin with, with comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from flows.presets.guessed_parts import corpus_of, entry_of
from flows.presets.guessing import BUILT_IN, CORPUS, WRITTEN, Guess

_ENCODER = "{layers: 2, hidden_size: 128, heads: 2}"


@dataclass(frozen=True)
class Checked:
    """Labelled data that a run can read.

    Attributes:
        guess: the data.
        settings: the further fields with which they can be read.
        reason: why these are needed; empty without any.
        card: what is counted in them, as Markdown.
    """

    guess: Guess
    settings: Mapping[str, Any]
    reason: str
    card: str


def experiment_text(
    name: str, corpus: Guess | None, labelled: Sequence[Checked], folder: Path
) -> str:
    """An experiment on these data.

    Args:
        name: of the experiment.
        corpus: the text to pre-train on; None takes that of the labelled rows.
        labelled: the problems.
        folder: of the file, which paths are relative to.
    """
    text = corpus_of(corpus or labelled[0].guess, folder)
    lines = [f"name: {name}"]
    if text["source"] == BUILT_IN:
        lines.append("# Of this machine's Python packages; much text of your own kind is better.")
    elif corpus is None:
        lines.append("# The text of the labelled rows; more text of that kind is better.")
    lines.append(f"corpus: {_flow(text)}")
    writes = any(each.guess.problem == WRITTEN for each in labelled)
    model, objective = ("{family: gpt2, size: tiny}", "clm") if writes else (_ENCODER, "mlm+bow")
    lines += [
        "# Beyond this: tokenizer, model, pretraining, evaluation; `temper fields` lists all.",
        f"model: {model}",
        "# How long it takes: `temper plan FILE --time`.",
        f"pretraining: {{objective: {objective}, steps: 1000}}",
    ]
    if labelled:
        lines.append("downstream:")
        for each in labelled:
            lines += [f"  # {said}" for said in each.guess.said]
            if each.reason:
                lines.append(f"  # {_flow(each.settings)[1:-1]}, as {each.reason}")
            lines.append(f"  - {_flow(entry_of(each.guess, folder, each.settings))}")
    return "\n".join(lines) + "\n"


def is_corpus(guess: Guess) -> bool:
    """Whether data are text to pre-train on."""
    return guess.problem == CORPUS


def _flow(values: Mapping[str, Any]) -> str:
    """A mapping in one line of YAML."""
    return yaml.safe_dump(
        dict(values), default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6
    ).strip()
