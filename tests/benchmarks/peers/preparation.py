"""A corpus as `datasets` and `tokenizers` prepare it: train WordPiece, `map`, `group_texts`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from datasets import load_dataset
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from tests.benchmarks.clock import Laps
from tests.benchmarks.peers.chunks import group_texts
from tests.benchmarks.prepared import tell


def main() -> None:
    """Prepare a corpus; tell megabytes of text a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, required=True, help="a file of JSON lines")
    parser.add_argument("--vocabulary", type=int, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    asked = parser.parse_args()
    laps = Laps()
    rows = load_dataset(
        "json", data_files=str(asked.texts), split="train", cache_dir=str(asked.cache)
    )
    laps.end("load_dataset")

    def texts() -> Iterator[list[str]]:
        for start in range(0, len(rows), 1000):
            yield rows[start : start + 1000]["text"]

    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=asked.vocabulary, special_tokens=special)
    backend.train_from_iterator(texts(), trainer)
    laps.end("training the tokenizer")
    ids = [(token, backend.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ids
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    tokenized = rows.map(
        lambda some: tokenizer(some["text"], return_special_tokens_mask=True),
        batched=True,
        remove_columns=rows.column_names,
    )
    laps.end("map, tokenizing")
    tokenized.map(group_texts, batched=True)
    laps.end("map, group_texts")
    tell(asked.texts, laps)


if __name__ == "__main__":
    main()
