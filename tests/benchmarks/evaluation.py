"""One validation set for both: the peer's own kind of chunks, masked once by its collator.

Temper's windows differ a little at document boundaries, so this set favours the peer if anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional
from transformers import AutoTokenizer, DataCollatorForLanguageModeling

from tasks.data.text.token_arrays import EncodedCorpus, load_tokenizer
from tasks.data.text.token_frequencies import frequencies
from tasks.data.text.vocabulary import Vocabulary
from tests.benchmarks.peers.chunks import group_texts

CHUNKS = 512
AT_ONCE = 32


def write_evaluation(rows: Path, tokenizer: Path, file: Path) -> None:
    """Write chunks [chunks, length], masked, with their labels (-100: not hidden)."""
    loaded = AutoTokenizer.from_pretrained(tokenizer)
    texts = pd.read_parquet(rows, columns=["text"])["text"].tolist()
    encoded = loaded(texts, return_special_tokens_mask=True)
    chunks = group_texts({name: encoded[name] for name in encoded})
    examples = [
        {name: chunks[name][i] for name in ("input_ids", "special_tokens_mask")}
        for i in range(min(CHUNKS, len(chunks["input_ids"])))
    ]
    torch.manual_seed(0)
    masked = DataCollatorForLanguageModeling(loaded)(examples)
    torch.save({name: masked[name] for name in ("input_ids", "labels")}, file)


def frequency_loss(folder: Path) -> float:
    """The loss, in nats, of a model that knows how frequent each token is and nothing else.

    Args:
        folder: has the tokenizer, the tokens to train on, and the validation set.
    """
    labels = torch.load(folder / "evaluation.pt")["labels"]
    vocabulary = Vocabulary.of(load_tokenizer(folder / "tokenizer"))
    known = frequencies(EncodedCorpus.open(folder / "tokens", "train"), vocabulary)
    return float(-np.log(known)[labels[labels != -100].numpy()].mean())


@torch.no_grad()
def loss_of(model: Any, file: Path) -> float:
    """Mean cross-entropy of the hidden tokens, in nats, in fp32."""
    chunks = torch.load(file, map_location=model.device)
    was_training = model.training
    model.eval()
    total, count = 0.0, 0
    for begin in range(0, len(chunks["input_ids"]), AT_ONCE):
        ids, labels = (chunks[name][begin : begin + AT_ONCE] for name in ("input_ids", "labels"))
        states = model.bert(input_ids=ids).last_hidden_state[labels != -100]
        logits = model.cls(states)
        total += float(functional.cross_entropy(logits, labels[labels != -100], reduction="sum"))
        count += len(logits)
    model.train(was_training)
    return total / count
