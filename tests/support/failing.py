"""Bad input that only the data tell: the stage that reads them fails, and the command ends with 1.

Each mistake stands below rows that are right, where a plan does not look.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.spoiling import (
    Mistake,
    Step,
    garbled,
    labelled,
    line_changed,
    moods,
    table,
    written,
)

SPECIAL = {"[PAD]": "pad", "[UNK]": "unk", "[CLS]": "cls", "[SEP]": "sep", "[MASK]": "mask"}
CHECKPOINTS = ("checkpoints.every_steps=1", "downstream=[]", "pretraining.learning_rate=1")
# Without a memory of earlier gradients, Adam divides by what is almost nothing.
DIVERGING = (
    *CHECKPOINTS,
    "pretraining.adam_beta2=0.000001",
    "pretraining.max_gradient_norm=1000000",
    "pretraining.precision=fp32",
    "pretraining.steps=400",
)


def mood(kind: str, *steps: Step, said: tuple[str, ...], settings: tuple[str, ...] = ()) -> Mistake:
    """A mistake in the labelled sentences."""
    return Mistake(kind, ("dataset mood", *said), steps, settings, stage="dataset mood")


def names(kind: str, line: str, *said: str) -> Mistake:
    """A mistake in line 100 of the tagged sentences."""
    parts = ("dataset names", "names.jsonl, line 100", *said)
    return Mistake(kind, parts, (line_changed("names.jsonl", 100, line),), (), stage=DN)


def corpus(
    kind: str, *steps: Step, said: tuple[str, ...], settings: tuple[str, ...] = ()
) -> Mistake:
    """A mistake in the text."""
    return Mistake(kind, ("corpus", *said), steps, settings, stage="corpus")


def tagged(**row: object) -> str:
    """A line of tagged sentences."""
    return json.dumps({"tokens": ["a", "b"], "tags": ["O", "O"]} | row)


def tokenizer(**named: str) -> Step:
    """A tokenizer of the library, with these special tokens alone."""

    def step(folder: Path) -> None:
        from tokenizers import Tokenizer, models
        from transformers import PreTrainedTokenizerFast

        words = [*SPECIAL, *(f"w{number}" for number in range(60))]
        model = models.WordPiece({word: number for number, word in enumerate(words)})
        PreTrainedTokenizerFast(tokenizer_object=Tokenizer(model), **named).save_pretrained(
            folder / "published"
        )

    return step


def tokens(without: str = "", **others: str) -> dict[str, str]:
    """BERT's special tokens, without one or with others."""
    every = {f"{role}_token": token for token, role in SPECIAL.items() if role != without}
    return every | others


PUBLISHED = ("tokenizer.vocab_size=8192", "tokenizer.published={data}/published")
NEW = ("downstream.mood.source={data}/new",)
PARQUET = ("downstream.mood.source={data}/moods.parquet",)
DN = "dataset names"
FOREIGN = "a checkpoint of another architecture"
ROW = "a gentle cat,good"

FAILING = [
    # The first one computes the two data sets and the corpus, which later ones reuse.
    Mistake(
        "a tokenizer with too few special tokens",
        ("tokenizer failed: tokenizer.published: {data}/published", "has no mask_token"),
        (tokenizer(**tokens(without="mask")),),
        PUBLISHED,
        stage="tokenizer",
    ),
    mood(
        "ISO-8859-1 further down",
        line_changed("moods.csv", 80, "a naïve dog,good"),
        line_changed("moods.csv", 90, b"a na\xefve cat,good"),
        said=("moods.csv, line 90: not UTF-8", "iconv -f ISO-8859-1"),
    ),
    mood(
        "a zero byte further down",
        line_changed("moods.csv", 90, b"a \0 cat,good"),
        said=("moods.csv, line 90: a zero byte",),
    ),
    mood(
        "ragged CSV",
        line_changed("moods.csv", 90, "a cat, a dog,good"),
        said=("moods.csv, line 90: 3 cells, but the header has 2", "in double quotes"),
    ),
    mood(
        "a quote that is never closed",
        line_changed("moods.csv", 90, '"a cat,good'),
        said=("moods.csv, line 90: not valid CSV",),
    ),
    mood(
        "a label missing in train",
        line_changed("moods.csv", 90, "a gentle cat,"),
        said=("moods.csv, line 90: the label is missing: column 'label'",),
    ),
    mood(
        "no text in a row",
        line_changed("moods.csv", 90, " ,good"),
        said=("moods.csv, line 90: column 'text' must be text, found an empty text",),
    ),
    mood(
        "many rows that are bad, and a ragged one",
        *(line_changed("moods.csv", line, "a gentle cat,") for line in range(20, 30)),
        line_changed("moods.csv", 90, "a cat, a dog,good"),
        said=(
            "moods.csv, line 20: the label is missing",
            "moods.csv, line 22: the label is missing",
            "and 7 more rows",
            "moods.csv, line 90: 3 cells, but the header has 2",
        ),
    ),
    mood(
        "all of one label",
        written("moods.csv", "text,label\n" + "".join(f"{t},x\n" for t, _ in moods(90))),
        said=("all have the label 'x'; at least two different labels are needed",),
    ),
    mood(
        "a label that is in the test alone",
        labelled("new/train.csv", 80, seed=6),
        labelled("new/test.csv", 20, f"{ROW[:-4]}angry", seed=7),
        settings=NEW,
        said=("downstream.mood.columns.label: no training row has 'angry' (1 in test)",),
    ),
    mood(
        "too few rows to split",
        labelled("moods.csv", 2),
        said=("split of {data}/moods.csv is empty", "it needs more rows"),
    ),
    mood(
        "rows of two documents",
        labelled("new/a.csv", 80, header="text,document"),
        settings=("downstream.mood.source={data}/new/a.csv", "downstream.mood.columns.label=text"),
        said=("is empty", "needs more rows"),
    ),
    mood(
        "a test of one document",
        labelled("new/train.csv", 80, seed=6),
        labelled("new/test.csv", 1, seed=7),
        settings=NEW,
        said=("has 1 rows of 1 document; intervals need at least 2",),
    ),
    mood(
        "a test row in train",
        labelled("new/train.csv", 80, ROW, seed=6),
        labelled("new/test.csv", 20, ROW, seed=7),
        settings=NEW,
        said=("1 validation rows that are also in test", "gentle cat", "mood.overlap: drop"),
    ),
    mood(
        "Parquet garbled",
        table("moods.parquet", 4000),
        garbled("moods.parquet"),
        settings=PARQUET,
        said=("moods.parquet: not a complete Parquet file",),
    ),
    mood(
        "nothing for text",
        table("moods.parquet", text=["a", "b", None], label=["x", "y", "x"]),
        settings=PARQUET,
        said=("moods.parquet, row 3: column 'text' must be text, found nothing",),
    ),
    names(
        "invalid JSON at a line", '{"tokens": ["a", "tags": ["O"]}', "not valid JSON (column 24)"
    ),
    names("a list among the objects", '["a"]', "is not a JSON object"),
    names("a key less", '{"tokens": ["a"]}', "no column 'tags' (downstream.names.columns.tags)"),
    names("more tokens than tags", tagged(tags=["O"]), "2 tokens and 1 tags"),
    names("no tokens", tagged(tokens=[], tags=[]), "must be a list of words, found an empty list"),
    names("a tag that is not BIO", tagged(tags=["O", "PLACE"]), "token 2 ('b')", "accepted: O, B-"),
    names("a tag that ends nothing", tagged(tags=["O", "E-X"]), "B-X must begin it"),
    names("half a character", tagged(tokens=["a", "\ud800"]), "half a character"),
    Mistake(
        "a token without a tag",
        ("dataset names", "names.conll, line 42: 'b' is not a row"),
        (written("names.conll", "a\tO\n\n" * 20 + "a\tB-X\nb\n"),),
        ("downstream.names.source={data}/names.conll",),
        stage=DN,
    ),
    corpus(
        "ISO-8859-1 in a text",
        written("texts/007.txt", b"caf\xc3\xa9\nna\xefve\n"),
        said=("007.txt, line 2: not UTF-8", "iconv"),
    ),
    corpus(
        "documents that are all too short",
        settings=("corpus.min_characters=100000",),
        said=("corpus.source: of 60 documents", "are left", "corpus.min_characters = 100000"),
    ),
    corpus(
        "a single document of text",
        written("one.txt", "The one document there is. " * 9),
        settings=("corpus.source={data}/one.txt",),
        said=("corpus.source: of 1 documents", "two are needed"),
    ),
    Mistake(
        "a corpus of almost no words",
        ("tokenizer failed: only", "entries could be learnt", "tokenizer.min_frequency"),
        (written("a.txt", "".join(f"{'a' * n}\n\n" for n in range(40, 60))),),
        ("corpus.source={data}/a.txt",),
        stage="tokenizer",
    ),
    Mistake(
        "a tokenizer whose mask is another token",
        ("tokenizer failed: tokenizer.published", "'[SEP]' is its mask_token and also another"),
        (tokenizer(**tokens(mask_token="[SEP]")),),
        PUBLISHED,
        stage="tokenizer",
    ),
    Mistake(
        "a corpus smaller than one batch",
        ("pretraining failed", "pretraining.batch_size"),
        settings=("pretraining.batch_size=4096",),
        stage="pretraining",
    ),
    Mistake(
        "a corpus shorter than one sequence",
        ("pretraining failed", "pretraining.sequence_length"),
        (written("a.txt", "".join(f"A line of number {n} is here.\n\n" for n in range(9))),),
        (
            "corpus.source={data}/a.txt",
            "corpus.min_characters=9",
            "tokenizer.min_frequency=1",
            "pretraining.sequence_length=64",
            "pretraining.objective=mlm",
        ),
        stage="pretraining",
    ),
    Mistake(
        "a training that diverges", ("Lower learning_rate",), (), DIVERGING, stage="pretraining"
    ),
    Mistake(
        "another one that diverges",
        ("Lower learning_rate",),
        (),
        (*DIVERGING, "model.hidden_size=32"),
        stage="pretraining",
    ),
    # Before this one, the checkpoints of the two above are swapped.
    Mistake(
        FOREIGN,
        ("pretraining failed", "does not belong to this training", "16", "32", "Delete the folder"),
        (),
        (*DIVERGING, "model.hidden_size=32"),
        stage="pretraining",
    ),
]
