"""Files as people have them, each with an oddity: each function writes one, and names it."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import openpyxl

from tests.support.tiny_experiment import BAD, GOOD, sentence, write_tags, write_texts


def moods(rows: int = 120) -> list[tuple[str, str]]:
    draw = random.Random(5)
    chosen = [draw.choice([("good", GOOD), ("bad", BAD)]) for _ in range(rows)]
    return [
        (f"{' '.join(sentence(draw, mood))} {n}", label) for n, (label, mood) in enumerate(chosen)
    ]


def semicolons(folder: Path) -> str:
    lines = ["id;review;sentiment", *(f"{n};{t};{v}" for n, (t, v) in enumerate(moods()))]
    (folder / "Reviews 2024.csv").write_bytes("\n".join([*lines, ""]).encode("utf-16"))
    return "Reviews 2024.csv"


def workbook(folder: Path) -> str:
    book = openpyxl.Workbook()
    book.active.title = "notes"
    book.active.append(["how it was made"])
    rows = moods()
    for name, some in (("train", rows[:80]), ("test", rows[80:])):
        sheet = book.create_sheet(name)
        for row in (("review", "sentiment"), *some):
            sheet.append(row)
    book.save(folder / "reviews.xlsx")
    return "reviews.xlsx"


def pairs(folder: Path) -> str:
    lines = [f"{text}\t{text} indeed\t{n % 7}.{n % 10}" for n, (text, _) in enumerate(moods())]
    (folder / "pairs.tsv").write_text("\n".join(["sentence1\tsentence2\tscore", *lines, ""]))
    return "pairs.tsv"


def bare(folder: Path) -> str:
    text = "".join(f"{label}\t{text}\n" for text, label in moods())
    (folder / "moods").write_bytes(gzip.compress(text.encode()))
    return "moods"


def splits(folder: Path) -> str:
    rows = moods()
    (folder / "set").mkdir()
    for name, some in (("training", rows[:80]), ("dev", rows[70:100]), ("eval", rows[100:])):
        content = [{"body": text, "class": label} for text, label in some]
        (folder / "set" / f"{name}.json").write_text(json.dumps(content))
    return "set"


def tags(folder: Path) -> str:
    write_tags(folder)
    return "names.jsonl"


def label_lists(folder: Path) -> str:
    rows = ({"body": text, "topics": [mood, f"t{len(text) % 2}"]} for text, mood in moods())
    (folder / "topics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return "topics.jsonl"


def conll(folder: Path) -> str:
    blocks = (f"the DT O\ncat{n} NN B-ANIMAL\nsleeps VB O\n" for n in range(90))
    (folder / "animals.txt").write_text("\n".join(blocks))
    return "animals.txt"


def character_spans(folder: Path) -> str:
    rows = ((f"In {n} days the cat{n}, it was.", f"cat{n}") for n in range(90))
    lines = (
        {"id": len(text), "text": text, "label": [[start, start + len(name), "ANIMAL"]]}
        for text, name in rows
        for start in [text.index(name)]
    )
    (folder / "doccano.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return "doccano.jsonl"


def word_rows(folder: Path) -> str:
    lines = [f"Sentence: {n},the,DT,O\n,cat{n},NN,B-ANIMAL\n,sleeps,VB,O\n" for n in range(90)]
    (folder / "ner_dataset.csv").write_text("".join(["Sentence #,Word,POS,Tag\n", *lines]))
    return "ner_dataset.csv"


def questions(folder: Path) -> str:
    articles = []
    for number, (text, _) in enumerate(moods()):
        answer = {"text": text.split()[2], "answer_start": text.index(text.split()[2])}
        asked = [{"id": str(number), "question": "which animal", "answers": [answer]}]
        paragraphs = [{"context": text, "qas": asked}]
        articles.append({"title": f"Page {number}", "paragraphs": paragraphs})
    (folder / "questions").write_text(json.dumps({"version": "1.1", "data": articles}))
    return "questions"


def prompts(folder: Path) -> str:
    rows = [
        {"prompt": " ".join(words[:5]), "completion": " ".join(words[5:])}
        for words in (text.split() for text, _ in moods())
    ]
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return "prompts.jsonl"


def yes_or_no(folder: Path) -> str:
    rows = [
        {"question": f"is it {n}", "passage": f"{text}, yes or no", "answer": answer}
        for n, (text, label) in enumerate(moods())
        for answer in [{"good": "yes", "bad": "no"}[label]]
    ]
    (folder / "asked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return "asked.jsonl"


def questions_with_splits(folder: Path) -> str:
    lines = ["question,context,answer,split"]
    for number, (text, _) in enumerate(moods()):
        split = ("train", "train", "test")[number % 3]
        lines.append(f"which number {number},{text},{text.split()[-1]},{split}")
    (folder / "asked.csv").write_text("\n".join(lines) + "\n")
    return "asked.csv"


def texts(folder: Path) -> str:
    return write_texts(folder).name


def column(folder: Path) -> str:
    lines = [
        "url,article",
        *(f"a.org/{n},{'; '.join([t] * 9)}" for n, (t, _) in enumerate(moods())),
    ]
    (folder / "articles.csv").write_text("\n".join(lines) + "\n")
    return "articles.csv"
