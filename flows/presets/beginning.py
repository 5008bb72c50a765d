"""The text of an experiment's file to begin with, with comments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from flows.presets.guessing import CORPUS, Guess, corpus_of, entry_of

Checked = tuple[Guess, Mapping[str, Any]]  # data, and the settings with which they can be read


def experiment_text(
    name: str, corpus: Guess | None, labelled: Sequence[Checked], folder: Path
) -> str:
    """An experiment on these data.

    Args:
        name: of the experiment.
        corpus: the text to pre-train on; None takes that of the labelled rows.
        labelled: the problems, each with further settings of it.
        folder: of the file, which paths are relative to.
    """
    source = corpus or next((guess for guess, _ in labelled), None)
    text = {"source": "builtin:pydocs"} if source is None else corpus_of(source, folder)
    lines = [f"name: {name}"]
    if corpus is None:
        own = text["source"] != "builtin:pydocs"
        told = "the labelled rows' own text" if own else "text of this machine's Python packages"
        lines.append(f"# The text to pre-train on: {told}. More text of your kind is better.")
    lines.append(f"corpus: {_flow(text)}")
    lines += [
        "# Beyond this: tokenizer, model, pretraining, evaluation; `temper fields` lists all.",
        "model: {layers: 2, hidden_size: 128, heads: 2}",
        "# How long it takes: `temper plan FILE --time`.",
        "pretraining: {objective: mlm+bow, steps: 1000}",
    ]
    if labelled:
        lines.append("downstream:")
        for guess, settings in labelled:
            lines += [f"  # {said}" for said in guess.said]
            lines.append(f"  - {_flow(entry_of(guess, folder, settings))}")
    return "\n".join(lines) + "\n"


def is_corpus(guess: Guess) -> bool:
    """Whether data are text to pre-train on."""
    return guess.problem == CORPUS


def _flow(values: Mapping[str, Any]) -> str:
    """A mapping in one line of YAML."""
    return yaml.safe_dump(
        dict(values), default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6
    ).strip()
