"""A small corpus that all stages of pre-training can run on within seconds."""

from pathlib import Path

from tasks.contract import Silent
from tasks.data.corpus_splits import COLUMNS
from tasks.data.tables import TableWriter
from tasks.experiment.tokenizer import Tokenizer
from tasks.stages.tokenizer import train_tokenizer
from tasks.stages.tokens import encode_corpus

SUBJECTS = [
    "matrix",
    "array",
    "vector",
    "kernel",
    "graph",
    "tensor",
    "series",
    "index",
    "model",
    "query",
]
VERBS = ["holds", "returns", "stores", "needs", "ignores"]
OBJECTS = ["values", "names", "rows", "nodes", "weights", "labels", "keys"]


def document(number: int, sentences: int) -> str:
    """Sentences on one subject."""
    subject = SUBJECTS[number % len(SUBJECTS)]
    said = []
    for place in range(sentences):
        verb = VERBS[(number // 3 + place) % len(VERBS)]
        thing = OBJECTS[(number * 5 + place * 3) % len(OBJECTS)]
        said.append(f"The {subject} {verb} {thing} of the {subject}.")
    return " ".join(said)


def write_documents(path: Path, texts: list[str]) -> Path:
    """Write a split as the stage `corpus` does."""
    with TableWriter(path, COLUMNS) as table:
        for number, text in enumerate(texts):
            table.write({"document": str(number), "text": text}, len(text))
    return path


def encode(folder: Path, train: list[str], validation: list[str], **settings: object) -> Path:
    """Run the stages `tokenizer` and `tokens` in a folder; returns it, with both in it."""
    tokens, tokenizer = folder / "tokens", folder / "tokenizer"
    tokens.mkdir(parents=True)
    tokenizer.mkdir()
    files = [
        write_documents(folder / "train.parquet", train),
        write_documents(folder / "validation.parquet", validation),
    ]
    train_tokenizer(
        tokenizer=Tokenizer(**({"vocab_size": 200, "min_frequency": 1} | settings)),
        published=None,
        corpus=files[0],
        out=tokenizer,
        monitor=Silent(),
    )
    encode_corpus(
        train=files[0], validation=files[1], tokenizer=tokenizer, out=tokens, monitor=Silent()
    )
    return folder


def documents(count: int) -> list[str]:
    """Documents of one to nine sentences."""
    return [document(number, 1 + number * 7 % 9) for number in range(count)]
