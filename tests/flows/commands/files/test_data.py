"""`temper data` shows what data hold, and an experiment that `temper plan` accepts as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from flows.commands.main import app
from tasks.problems.token_classification import character_spans as spans
from tests.support.odd_files import (
    bare,
    character_spans,
    column,
    conll,
    label_lists,
    moods,
    pairs,
    prompts,
    questions,
    questions_with_splits,
    semicolons,
    splits,
    tags,
    texts,
    word_rows,
    workbook,
    yes_or_no,
)

Written = Callable[[Path], str]


# The file, what is said of it, and the part of the experiment: None is a corpus.
SEEN: dict[str, tuple[Written, list[str], dict[str, object] | None]] = {
    "semicolons": (
        semicolons,
        [".csv, UTF-16, separated by semicolons, with a header", "files in UTF-16"],
        {"name": "reviews-2024", "columns": {"text": "review", "label": "sentiment"}},
    ),
    "workbook": (
        workbook,
        ["reviews.xlsx: .xlsx", "sheets that are not read: notes"],
        {"name": "reviews", "columns": {"text": "review", "label": "sentiment"}},
    ),
    "pairs": (
        pairs,
        ["pairs: the second texts in column 'sentence2'"],
        {
            "name": "pairs",
            "problem": "regression",
            "columns": {"text": "sentence1", "second_text": "sentence2", "number": "score"},
        },
    ),
    "bare": (
        bare,
        [".tsv, packed by gzip, UTF-8, separated by tabs, without a header"],
        {"name": "moods", "columns": {"text": 1, "label": 0}},
    ),
    "splits": (
        splits,
        [
            "training.json: .json",
            "left out: train rows that are also in validation",
            "# overlap: drop, as 10 train rows that are also in validation",
        ],
        {"name": "set", "columns": {"text": "body", "label": "class"}, "overlap": "drop"},
    ),
    "tags": (
        tags,
        ["list of text", "words in column 'tokens'"],
        {"problem": "token-classification"},
    ),
    "lists of labels": (
        label_lists,
        ["labels in column 'topics' (list of text)"],
        {
            "problem": "text-classification",
            "several_labels": True,
            "columns": {"text": "body", "label": "topics"},
        },
    ),
    "conll": (conll, [".conll", "ANIMAL"], {"problem": "token-classification"}),
    "character spans": (
        character_spans,
        ["character spans in column 'label' of the texts in 'text'", spans.PUNCTUATION, "ANIMAL"],
        {"problem": "token-classification", "columns": {"tokens": "text", "tags": "label"}},
    ),
    "a word a row": (
        word_rows,
        ["a word a row in column 'Word'", "tables with a word a row, in sentences by"],
        {"columns": {"tokens": "Word", "tags": "Tag", "sentence": "Sentence #"}},
    ),
    "questions": (
        questions,
        ["questions in column 'question' on texts in 'context', answers in 'answers'"],
        {
            "problem": "question-answering",
            "columns": {"text": "context", "answer": "answers", "document": "title"},
        },
    ),
    "questions with splits": (
        questions_with_splits,
        ["questions in column 'question'", "splits in column 'split'"],
        {"problem": "question-answering", "columns": {"text": "context", "split": "split"}},
    ),
    "yes or no": (yes_or_no, ["labels in column 'answer'"], {"problem": "text-classification"}),
    "prompts": (
        prompts,
        ["prompts in column 'prompt', what follows them in 'completion'"],
        {"problem": "generation", "columns": {"target": "completion"}},
    ),
    "texts": (texts, ["plain text, to pre-train on"], None),
    "column": (column, ["no labels were found: texts to pre-train on, in column 'article'"], None),
}


def call(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


@pytest.mark.parametrize("kind", SEEN)
def test_the_experiment_that_is_shown_is_accepted_as_it_is(
    kind: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, told, part = SEEN[kind]
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.chdir(folder)
    path = write(folder)
    status, said = call("data", path)
    assert status == 0, said
    together = " ".join(said.split())
    assert [each for each in told if each not in together] == [], said
    shown = said.partition("The experiment to begin with:\n")[2].partition("`temper new")[0]
    values = yaml.safe_load(shown)
    if part is None:
        assert "downstream" not in values
        assert values["corpus"]["source"] == path
    else:
        [entry] = values["downstream"]
        assert {name: entry[name] for name in part} == part
    (folder / "mine.yaml").write_text(shown)
    status, planned = call("plan", "mine.yaml")
    assert status == 0, planned
    assert "pretraining" in planned


def test_a_guess_can_be_overridden(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "title,text,label,stars",
        *(f"t{n},{t},{v},{n % 5}" for n, (t, v) in enumerate(moods())),
    ]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    status, said = call("data", "t.csv", "--label", "stars")
    assert status == 0, said
    assert "columns: {label: stars}" in said
    status, said = call("data", "t.csv", "--problem", "corpus")
    assert status == 0, said
    assert "downstream" not in said
    for words, wrong in (
        (("--label", "star"), "--label: no column 'star'; did you mean stars"),
        (("--problem", "text-clasification"), "did you mean text-classification. Accepted: corpus"),
    ):
        status, said = call("data", "t.csv", *words)
        assert status == 2
        assert wrong in " ".join(said.split())


@pytest.mark.parametrize("chosen", [(), ("--problem", "regression")])
def test_numbers_are_read_as_scores_guessed_or_chosen(
    chosen: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"a text of words {number},{number / 7:.2f}" for number in range(60)]
    (tmp_path / "scores.csv").write_text("\n".join(["review,score", *rows]) + "\n")
    status, said = call("data", "scores.csv", *chosen)
    assert status == 0, said
    assert "numbers in column 'score'" in said
    assert "problem: regression" in said
    assert "columns: {text: review, number: score}" in said


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "text,label\na,x\nb,y,z\n", "a.csv, line 3: 3 cells, but the header has 2"),
        ("a.ods", "PK", "PATH: a.ods is a .ods; accepted: .txt"),
        ("a.xlsx", "PK", "a.xlsx: not a workbook that can be read"),
        ("", "", "there is no file or folder"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(
    name: str, content: str, said: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if name:
        (tmp_path / name).write_text(content)
    status, told = call("data", name or "none.csv")
    assert status == 2
    assert said in " ".join(told.split())


@pytest.mark.parametrize(("name", "content"), [("a.csv", "text,label\n"), ("a.json", "[]")])
def test_a_table_without_rows_is_no_text(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    done = CliRunner().invoke(app, ["data", str(tmp_path / name)])
    assert done.exit_code == 2
    assert f"PATH: {name} has no rows" in done.output
