"""The features of texts: the mean over the last states of their tokens.

So Reimers & Gurevych (2019, "Sentence-BERT", section 3) embed sentences; the first state, `[CLS]`,
is trained only by objectives that use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd
from transformers import AutoModel

from tasks.contract import StageError
from tasks.models.bodies import read_model
from tasks.models.embedding import FEATURES
from tasks.models.embedding.mean_states import mean_states
from tasks.models.files import configuration_of, longest_input

AT_ONCE = 2048  # texts between two reports of progress


def embed_texts(
    folder: Path,
    texts: Sequence[str],
    report: Callable[[int, int], None] | None = None,
) -> Iterator[pd.DataFrame]:
    """The features of texts, some at a time, in their order; the model is read at once.

    Args:
        folder: of a model with its tokenizer, with or without a head.
        texts: to read.
        report: receives how many of how many texts are done.

    Returns:
        `text` and FEATURES, an array of fp32 of the width of the model; in `attrs`, as `cut`, how
        many texts are longer than the model's input.

    Raises:
        StageError: the model cannot be read, or does not name a token to pad with.
    """
    model, tokenizer = read_model(AutoModel, folder)
    longest = longest_input(configuration_of(folder, folder.name))
    if tokenizer.pad_token_id is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token  # what is padded does not count
    if tokenizer.pad_token_id is None:
        raise StageError(
            f"the tokenizer in {folder.name} has no token to pad with, so texts of several lengths "
            "cannot be read at once: set its pad_token"
        )

    def tables() -> Iterator[pd.DataFrame]:
        for begin in range(0, len(texts), AT_ONCE):
            some = texts[begin : begin + AT_ONCE]
            encoded = tokenizer(list(some), add_special_tokens=True, verbose=False)["input_ids"]
            kept = encoded
            if longest is not None and max(map(len, encoded)) > longest:
                # By the tokenizer, so that a text that is cut ends with the token that ends a text.
                kept = tokenizer(list(some), truncation=True, max_length=longest)["input_ids"]
            found = list(mean_states(model, kept, tokenizer.pad_token_id).numpy())
            table = pd.DataFrame({"text": list(some), FEATURES: found})
            table.attrs["cut"] = sum(
                len(ids) > len(own) for ids, own in zip(encoded, kept, strict=True)
            )
            if report is not None:
                report(begin + len(some), len(texts))
            yield table

    return tables()
