"""Corpus, tokenizer and tokens, by the stages of those names."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import pandas as pd  # noqa: F401  (pyarrow loads it at its first array, `datasets` when imported)

from tasks.corpus import prepare_corpus
from tasks.inspection import text_source
from tasks.machinery.stage import Silent
from tasks.spec import Corpus, Tokenizer
from tasks.tokenizer import train_tokenizer
from tasks.tokens import encode_corpus
from tests.benchmarks.memory import peak
from tests.benchmarks.setting import Figures


def prepare(texts: Path, tokenizer: Tokenizer, out: Path) -> None:
    """Write `corpus`, `tokenizer` and `tokens` under a folder."""
    for name in ("corpus", "tokenizer", "tokens"):
        (out / name).mkdir(parents=True)
    corpus = Corpus(source=str(texts), min_characters=1)
    source = text_source(corpus)
    prepare_corpus(corpus, source, [], 0, out=out / "corpus", monitor=Silent())
    train_tokenizer(
        tokenizer=tokenizer,
        published=None,
        corpus=out / "corpus" / "train.parquet",
        out=out / "tokenizer",
        monitor=Silent(),
    )
    encode_corpus(
        train=out / "corpus" / "train.parquet",
        validation=out / "corpus" / "validation.parquet",
        tokenizer=out / "tokenizer",
        out=out / "tokens",
        monitor=Silent(),
    )


def main() -> None:
    """Prepare a corpus; tell megabytes of text a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, required=True, help="a file of JSON lines")
    parser.add_argument("--vocabulary", type=int, required=True)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        prepare(asked.texts, Tokenizer(vocab_size=asked.vocabulary), Path(folder))
        seconds = time.perf_counter() - begun
    size = asked.texts.stat().st_size / 1e6
    Figures(seconds=seconds, megabytes_per_second=size / seconds, megabytes_peak=peak()).tell()


if __name__ == "__main__":
    main()
