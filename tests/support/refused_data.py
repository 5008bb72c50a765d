"""Data that are refused before anything is computed: they are not there, or begin wrongly."""

from __future__ import annotations

import json

from tests.support.spoiling import (
    cut_off,
    data,
    edited,
    labelled,
    linked,
    made,
    setting,
    table,
    written,
    zipped,
)

MOODS, NAMES, TEXTS = "downstream.mood.source", "downstream.names.source", "corpus.source"
ENTRIES = [f"w{number}" for number in range(60)]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def vocabulary(entries: list[str]) -> str:
    """The text of a vocab.txt."""
    return "\n".join(entries) + "\n"


def tokenizer(numbers: list[int]) -> str:
    """The text of a tokenizer.json whose words have these numbers."""
    vocab = dict(zip([*SPECIAL, *ENTRIES], numbers, strict=False))
    return json.dumps({"version": "1.0", "model": {"type": "WordPiece", "vocab": vocab}})


SOURCES = [
    setting("no such source", f"{TEXTS}={{data}}/text", TEXTS, "there is no", "mean {data}/texts"),
    setting("no such built-in", f"{TEXTS}=builtin:pydoc", TEXTS, "did you mean builtin:pydocs"),
    setting("a built-in of labels", f"{TEXTS}=builtin:pydocs-code", TEXTS, "text to pre-train on"),
    setting("a home of nobody", f"{TEXTS}=~nobody-of-this-name/x", TEXTS, "there is no file or"),
    setting("a name too long", f"{TEXTS}={'x' * 300}", TEXTS, "cannot be read: File name too long"),
    setting("a device", f"{TEXTS}=/dev/zero", TEXTS, "/dev/zero", "but a device"),
    setting("no such labels", f"{MOODS}={{data}}/a.csv", MOODS, "there is no file or folder"),
    setting("a path on the Hub", f"{TEXTS}=hf:../x", TEXTS, "'hf:../x' is not a name on the Hub"),
    setting("the Hub, offline", f"{TEXTS}=hf:a/b", f"{TEXTS}: hf:a/b", "HF_HUB_OFFLINE is set"),
    data(
        "a folder in a circle",
        "",
        linked("texts/back", "{data}/texts"),
        said=(f"{TEXTS}: {{data}}/texts/back is a link back to", "remove the link"),
    ),
    data("a link to nothing", "", linked("texts/a.txt", "gone"), said=(TEXTS, "is a link to gone")),
    data("an empty folder", f"{TEXTS}={{data}}/new", made("new"), said=(TEXTS, "found nothing in")),
    data(
        "a folder of pictures",
        f"{TEXTS}={{data}}/new",
        written("new/a.png", "x"),
        said=(TEXTS, "found only .png", "accepted: .txt"),
    ),
    data(
        "a file of another kind",
        f"{MOODS}={{data}}/moods.ods",
        zipped("moods.ods"),
        said=(MOODS, "moods.ods is a .ods; accepted: .jsonl, .csv"),
    ),
    data(
        "an empty file", "", written("moods.csv", ""), said=(MOODS, "moods.csv is empty (0 bytes")
    ),
    data(
        "blank lines only",
        "",
        written("moods.csv", "\n  \n\n"),
        said=(MOODS, "moods.csv contains only blank lines"),
    ),
    data(
        "a text of blank lines only",
        "",
        written("texts/007.txt", "\n \n"),
        said=(TEXTS, "007.txt contains only blank lines: add content or remove it"),
    ),
    data(
        "a header only",
        "",
        written("moods.csv", "text,label\n"),
        said=(MOODS, "moods.csv contains a header and no rows"),
    ),
    data(
        "text with zero bytes",
        "",
        written("texts/007.txt", "seven\n".encode("utf-16-le")),
        said=(TEXTS, "007.txt, line 1: a zero byte", "not a text file"),
    ),
    data(
        "files for a test and none for training",
        f"{MOODS}={{data}}/new",
        labelled("new/test.csv", 9),
        labelled("new/dev.csv", 9),
        said=(MOODS, "files for test and validation, but none for training"),
    ),
    data(
        "a file of no split",
        f"{MOODS}={{data}}/new",
        labelled("new/train.csv", 9),
        labelled("new/more.csv", 9),
        said=(MOODS, "more.csv: the name has no split"),
    ),
]

TABLES = [
    data(
        "no column of that name",
        "",
        edited("moods.csv", "text,label", "txt,label"),
        said=(
            MOODS,
            "moods.csv, line 1: no column 'text' (downstream.mood.columns.text)",
            "mean txt",
        ),
    ),
    data(
        "a column twice",
        "",
        edited("moods.csv", "text,label", "text,text"),
        said=(MOODS, "moods.csv, line 1", "a column twice: 'text'"),
    ),
    data(
        "semicolons in the header alone",
        "",
        edited("moods.csv", "text,label", "text;label"),
        said=(MOODS, "moods.csv, line 1: no column 'text'", "Columns there: 'text;label'"),
    ),
    data(
        "a first row too long",
        "",
        edited("moods.csv", "text,label\n", "text,label\na,b,c\n"),
        said=(MOODS, "moods.csv, line 2: 3 cells, but the header has 2"),
    ),
    data(
        "Excel named .csv", "", zipped("moods.csv"), said=(MOODS, "moods.csv", "zip archive, as E")
    ),
    data(
        "zip named .parquet",
        f"{MOODS}={{data}}/moods.parquet",
        zipped("moods.parquet"),
        said=(MOODS, "moods.parquet: this is a zip archive", "not Parquet"),
    ),
    data(
        "Parquet cut off",
        f"{MOODS}={{data}}/moods.parquet",
        table("moods.parquet"),
        cut_off("moods.parquet", 0.7),
        said=(MOODS, "moods.parquet: not a complete Parquet file (truncated in a copy?)"),
    ),
    data(
        "Parquet without the column",
        f"{MOODS}={{data}}/moods.parquet",
        table("moods.parquet", body=["a"], label=["b"]),
        said=(MOODS, "moods.parquet: no column 'text'", "Columns there: 'body', 'label'"),
    ),
    data(
        "numbers for text",
        f"{MOODS}={{data}}/moods.parquet",
        table("moods.parquet", text=[1, 2], label=["a", "b"]),
        said=(MOODS, "moods.parquet, row 1: column 'text' must be text, found int '1'"),
    ),
    data(
        "a JSON array",
        f"{NAMES}={{data}}/a.jsonl",
        written("a.jsonl", '[{"tokens": ["a"], "tags": ["O"]}]\n'),
        said=(NAMES, "a.jsonl, line 1", "is not a JSON object"),
    ),
    data(
        "JSON over several lines",
        f"{NAMES}={{data}}/a.jsonl",
        written("a.jsonl", '{\n"tokens": ["a"],\n"tags": ["O"]}\n'),
        said=(NAMES, "a.jsonl, line 1: not valid JSON (column 2)"),
    ),
    data(
        "a number of too many digits",
        f"{NAMES}={{data}}/a.jsonl",
        written("a.jsonl", '{"tokens": [' + "1" * 5000 + '], "tags": ["O"]}\n'),
        said=(NAMES, "a.jsonl, line 1: not valid JSON"),
    ),
    data(
        "tags that are numbers",
        f"{NAMES}={{data}}/a.jsonl",
        written("a.jsonl", '{"tokens": ["a"], "tags": [3]}\n'),
        said=(NAMES, "a.jsonl, line 1: column 'tags'", "found int '3'", "write words, not numbers"),
    ),
    data(
        "tags in a cell of CSV",
        f"{NAMES}={{data}}/a.csv",
        written("a.csv", "tokens,tags\na b,O O\n"),
        said=(NAMES, "a.csv, line 2: 'a b' in column 'tokens'", "columns: {sentence: NAME}"),
    ),
]

# A published tokenizer, with the size of the vocabulary as it is by default: it has one itself.
PUBLISHED = "tokenizer.vocab_size=8192 tokenizer.published"

TOKENIZERS = [
    setting("no such tokenizer", f"{PUBLISHED}={{data}}/vocab.txt", "vocab.txt does not exist"),
    data(
        "a vocabulary without special tokens",
        f"{PUBLISHED}={{data}}/vocab.txt",
        written("vocab.txt", vocabulary([*SPECIAL[:4], *ENTRIES])),
        said=("tokenizer.published: {data}/vocab.txt: not a BERT vocabulary: it lacks [MASK]",),
    ),
    data(
        "a vocabulary with an entry twice",
        f"{PUBLISHED}={{data}}/vocab.txt",
        written("vocab.txt", vocabulary([*SPECIAL, "a", "b", "a"])),
        said=("tokenizer.published: {data}/vocab.txt: 'a' is on line 6 and on line 8",),
    ),
    data(
        "a vocabulary in ISO-8859-1",
        f"{PUBLISHED}={{data}}/vocab.txt",
        written("vocab.txt", b"[PAD]\nna\xefve\n"),
        said=("tokenizer.published: {data}/vocab.txt: not UTF-8 at byte 8",),
    ),
    data(
        "a tokenizer with a number beyond its size",
        f"{PUBLISHED}={{data}}/new",
        written("new/tokenizer.json", tokenizer([*range(64), 4096])),
        said=("tokenizer.published", "one of its 65 entries has the number 4096", "0 to 64"),
    ),
    data(
        "a tokenizer that is no JSON",
        f"{PUBLISHED}={{data}}/new",
        written("new/tokenizer.json", '{\n"model": \n'),
        said=("tokenizer.published: {data}/new/tokenizer.json, line 3: not valid JSON",),
    ),
    data(
        "a tokenizer of nothing",
        f"{PUBLISHED}={{data}}/new",
        written("new/tokenizer.json", "{}"),
        said=("tokenizer.published", "it has no vocabulary (model.vocab)"),
    ),
    data(
        "a folder without a tokenizer",
        f"{PUBLISHED}={{data}}/texts",
        said=("tokenizer.published", "is a folder without a tokenizer"),
    ),
]

REFUSED_DATA = [*SOURCES, *TABLES, *TOKENIZERS]
