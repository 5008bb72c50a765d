"""The data of the benchmark, made once from the docstrings of the installed packages."""

from __future__ import annotations

import json
import random
import shutil
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from flows.recipes.inspection import text_source
from tasks.contract import Silent
from tasks.data.text.sentences import split_sentences
from tasks.data.text.token_arrays import load_tokenizer
from tasks.experiment.corpus import Corpus
from tasks.experiment.model import Model
from tasks.experiment.tokenizer import Tokenizer
from tasks.families import bert
from tasks.objectives import mlm
from tasks.sources import published_tokenizers as published
from tasks.stages.corpus import prepare_corpus
from tasks.stages.tokenizer import train_tokenizer
from tasks.stages.tokens import encode_corpus
from tests.benchmarks.evaluation import write_evaluation
from tests.benchmarks.setting import HEADS, LAYERS, POSITIONS, WIDTH

LIBRARIES = 8
SENTENCES = {"train": 2000, "validation": 500}
WORDS = range(3, 81)  # of a sentence

# Heaps' law, measured on the texts in a random order: distinct words between blanks are 84,000 at
# 9.6 MB and 157,000 at 27 MB, that is so many times the megabytes to this power.
DISTINCT_WORDS, HEAPS = 21_000, 0.61
# Of those that come after 10 MB, so many bring a part (as BERT splits words) that is new as well.
NEW_PARTS = 0.15


def write_texts(file: Path) -> None:
    """The documents of the built-in corpus, a line of JSON each.

    A text that comes again is left out, as Temper leaves it out: the peer is to have no more to do.
    """
    corpus = Corpus(source="builtin:pydocs")
    seen: set[str] = set()
    with file.open("w", encoding="utf-8") as out:
        for document in text_source(corpus).documents(corpus, lambda *_: None):
            text = document.text.strip()
            if text and text not in seen:
                seen.add(text)
                out.write(json.dumps({"document": document.name, "text": text}) + "\n")


def documents(file: Path) -> Iterator[tuple[str, str]]:
    """Names and texts of a file of JSON lines."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield row["document"], row["text"]


def write_grown(texts: Path, file: Path, megabytes: float) -> None:
    """A corpus of another size in the same language: its sentences in new combinations.

    They alone would run out of new words, which real text never does, and words are what memory
    grows with. So documents also get words that no other has, as many as real text would have.
    """
    draw = random.Random(0)
    pool = [sentence for _, text in documents(texts) for sentence in split_sentences(text)]
    words = list(dict.fromkeys(word for sentence in pool for word in sentence.split()))
    seen: set[str] = set()
    size = 0
    with file.open("w", encoding="utf-8") as out:
        for number in range(10**9):
            drawn = draw.choices(pool, k=draw.randint(4, 12))
            seen.update(word for sentence in drawn for word in sentence.split())
            expected = DISTINCT_WORDS * (size / 1e6) ** HEAPS
            rare = [new_word(draw, words) for _ in range(int(expected) - len(seen))]
            seen.update(rare)
            text = " ".join([*drawn, *rare])
            size += out.write(json.dumps({"document": str(number), "text": text}) + "\n")
            if size >= megabytes * 1e6:
                break


def new_word(draw: random.Random, words: Sequence[str]) -> str:
    """A word as rare ones are: mostly known parts put together, now and then a new part."""
    word = f"{draw.choice(words)}.{draw.choice(words)}"
    letters = draw.choices(string.ascii_lowercase, k=5) if draw.random() < NEW_PARTS else []
    return word + "".join(letters)


def distinct_words(file: Path) -> int:
    """How many different words a file of JSON lines has."""
    return len({word for _, text in documents(file) for word in text.split()})


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


def write_fewer(sentences: Path, rows: int, folder: Path) -> None:
    """The first rows of those to train on, for a quick look; the rest as it is."""
    shutil.copytree(sentences, folder)
    train = pd.read_parquet(sentences / "train.parquet")
    train.head(rows).to_parquet(folder / "train.parquet")


def write_corpus(texts: Path, out: Path) -> None:
    """The stage `corpus`: what both train on and validate on."""
    corpus = Corpus(source=str(texts))
    out.mkdir()
    prepare_corpus(corpus, text_source(corpus), [], 0, out=out, monitor=Silent())


def write_tokens(corpus: Path, vocabulary: int | Path, out: Path) -> None:
    """Tokenizer, tokens, the validation set and an untrained model, for a size or a vocab.txt."""
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
    body = mlm.new_model(bert.configure(model, tokenizer, 0.0), 0)
    body.save_pretrained(out / "body")
    tokenizer.save_pretrained(out / "body")
