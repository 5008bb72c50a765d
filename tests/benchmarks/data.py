"""The data of the benchmark, made once from the docstrings of the installed packages."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from tasks.architecture import configure, new_model
from tasks.corpus import prepare_corpus
from tasks.encoded import load_tokenizer
from tasks.inspection import text_source
from tasks.machinery.stage import Silent
from tasks.objectives import mlm
from tasks.sentences import split_sentences
from tasks.sources import published
from tasks.spec import Corpus, Model, Tokenizer
from tasks.tokenizer import train_tokenizer
from tasks.tokens import encode_corpus
from tests.benchmarks.evaluation import write_evaluation
from tests.benchmarks.setting import HEADS, LAYERS, POSITIONS, WIDTH

LIBRARIES = 8
SENTENCES = {"train": 2000, "validation": 500}
WORDS = range(3, 81)  # of a sentence


def write_texts(file: Path) -> None:
    """Every document of the built-in corpus, a line of JSON each."""
    corpus = Corpus()
    with file.open("w", encoding="utf-8") as out:
        for document in text_source(corpus).documents(corpus, lambda *_: None):
            out.write(json.dumps({"document": document.name, "text": document.text}) + "\n")


def documents(file: Path) -> Iterator[tuple[str, str]]:
    """Names and texts of a file of JSON lines."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield row["document"], row["text"]


def write_grown(texts: Path, file: Path, megabytes: float) -> None:
    """A corpus of another size in the same language: its sentences, put together anew."""
    draw = random.Random(0)
    pool = [sentence for _, text in documents(texts) for sentence in split_sentences(text)]
    size = 0
    with file.open("w", encoding="utf-8") as out:
        for number in range(10**9):
            text = " ".join(draw.choices(pool, k=draw.randint(4, 12)))
            size += out.write(json.dumps({"document": str(number), "text": text}) + "\n")
            if size >= megabytes * 1e6:
                break


def write_sentences(texts: Path, folder: Path) -> None:
    """Sentences of natural length, labelled by the library that they describe."""
    draw = random.Random(0)
    rows = [
        {"document": name, "text": sentence, "label": name.partition("/")[0]}
        for name, text in documents(texts)
        for sentence in split_sentences(text)
        if len(sentence.split()) in WORDS
    ]
    common = {label for label, _ in Counter(row["label"] for row in rows).most_common(LIBRARIES)}
    rows = [row for row in rows if row["label"] in common]
    draw.shuffle(rows)
    begin = 0
    folder.mkdir()
    for split, count in SENTENCES.items():
        pd.DataFrame(rows[begin : begin + count]).to_parquet(folder / f"{split}.parquet")
        begin += count
    (folder / "labels.json").write_text(json.dumps(sorted(common)))


def write_corpus(texts: Path, out: Path) -> None:
    """The stage `corpus`: what both train on and validate on."""
    corpus = Corpus(source=str(texts))
    out.mkdir()
    prepare_corpus(corpus, text_source(corpus), [], 0, out=out, monitor=Silent())


def write_tokens(corpus: Path, vocabulary: int | Path, out: Path) -> None:
    """Tokenizer, tokens, the validation set and an untrained body, for a size or a vocab.txt."""
    (out / "tokens").mkdir(parents=True)
    (out / "tokenizer").mkdir()
    given = isinstance(vocabulary, Path)
    train_tokenizer(
        tokenizer=Tokenizer() if given else Tokenizer(vocab_size=vocabulary),
        published=published.resolve_published(str(vocabulary) if given else ""),
        corpus=corpus / "train.parquet",
        out=out / "tokenizer",
        monitor=Silent(),
    )
    encode_corpus(
        train=corpus / "train.parquet",
        validation=corpus / "validation.parquet",
        tokenizer=out / "tokenizer",
        out=out / "tokens",
        monitor=Silent(),
    )
    write_evaluation(corpus / "validation.parquet", out / "tokenizer", out / "evaluation.pt")
    tokenizer = load_tokenizer(out / "tokenizer")
    model = Model(layers=LAYERS, hidden_size=WIDTH, heads=HEADS, max_positions=POSITIONS)
    body = new_model(mlm.AUTO_MODEL, configure(model, tokenizer, 0.0), 0)
    body.save_pretrained(out / "body")
    tokenizer.save_pretrained(out / "body")
