"""Corpus, tokenizer and tokens, by the stages of those names."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas  # noqa: F401  (pyarrow loads it at its first array, `datasets` when imported)

from flows.recipes.inspection import text_source
from tasks.contract import Silent
from tasks.experiment.corpus import Corpus
from tasks.experiment.tokenizer import Tokenizer
from tasks.stages.corpus import prepare_corpus
from tasks.stages.tokenizer import train_tokenizer
from tasks.stages.tokens import encode_corpus
from tests.benchmarks.clock import Laps
from tests.benchmarks.prepared import tell


def prepare(texts: Path, tokenizer: Tokenizer, out: Path) -> Laps:
    """Write `corpus`, `tokenizer` and `tokens` under a folder; the seconds of each."""
    laps = Laps()
    for name in ("corpus", "tokenizer", "tokens"):
        (out / name).mkdir(parents=True)
    corpus = Corpus(source=str(texts), min_characters=1)
    source = text_source(corpus)
    prepare_corpus(corpus, source, [], 0, out=out / "corpus", monitor=Silent())
    laps.end("corpus")
    train_tokenizer(
        tokenizer=tokenizer,
        published=None,
        corpus=out / "corpus" / "train.parquet",
        out=out / "tokenizer",
        monitor=Silent(),
    )
    laps.end("tokenizer")
    encode_corpus(
        train=out / "corpus" / "train.parquet",
        validation=out / "corpus" / "validation.parquet",
        tokenizer=out / "tokenizer",
        out=out / "tokens",
        monitor=Silent(),
    )
    laps.end("tokens")
    return laps


def main() -> None:
    """Prepare a corpus; tell megabytes of text a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, required=True, help="a file of JSON lines")
    parser.add_argument("--vocabulary", type=int, required=True)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        laps = prepare(asked.texts, Tokenizer(vocab_size=asked.vocabulary), Path(folder))
    tell(asked.texts, laps)


if __name__ == "__main__":
    main()
