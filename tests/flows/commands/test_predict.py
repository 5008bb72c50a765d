"""`temper predict` reads rows as people have them, and answers as the model's evaluation does."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from flows.calls.given_rows import _read_lines, read_inputs
from flows.commands.main import app
from flows.commands.predict import Writer, _write
from tasks.contract import Silent, StageError
from tasks.experiment.problem import FineTuning
from tasks.stages.evaluation import evaluate
from tasks.stages.finetuning import finetune
from tests.support.tiny_models import write_body, write_data

PROBLEMS = {"text-classification": "text", "token-classification": "tokens"}


@pytest.fixture(scope="module", params=PROBLEMS)
def tuned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fine-tuned model, beside its data and its evaluation."""
    folder = tmp_path_factory.mktemp("tuned")
    data, body = write_data(folder / "data", request.param), write_body(folder / "body")
    for name in ("model", "evaluation"):
        (folder / name).mkdir()
    training = FineTuning(epochs=1, batch_size=16, learning_rate=3e-3, max_length=32)
    finetune(
        request.param,
        training,
        0,
        data=data,
        body=body,
        architecture=body,
        out=folder / "model",
        monitor=Silent(),
    )
    evaluate(
        request.param,
        20,
        0.95,
        0,
        data=data,
        model=folder / "model" / "model",
        from_scratch=None,
        out=folder / "evaluation",
        monitor=Silent(),
    )
    return folder


def call(*words: str, given: str | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["predict", *words], input=given)
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.usefixtures("mlflow_database")
def test_answers_are_those_of_the_evaluation(tuned: Path, tmp_path: Path) -> None:
    table = pd.read_parquet(tuned / "evaluation" / "predictions.parquet")
    column = next(name for name in PROBLEMS.values() if name in table)
    rows = tmp_path / "rows.jsonl"
    lines = [json.dumps({column: value}) for value in map(_listed, table[column])]
    rows.write_text("\n".join(lines) + "\n")
    status, out, err = call(str(tuned / "model" / "model"), str(rows))
    assert status == 0, err
    found = [json.loads(line) for line in out.splitlines()]
    assert [row["predicted"] for row in found] == list(map(_listed, table["predicted"]))
    for row, expected in zip(found, table["probability"], strict=True):
        assert row["probability"] == pytest.approx(_listed(expected), abs=1e-5)
    assert list(found[0]) == [column, "predicted", "probability"]


def _listed(value: object) -> object:
    return list(value) if hasattr(value, "tolist") and not isinstance(value, float) else value


@pytest.mark.usefixtures("mlflow_database")
def test_lines_of_a_pipe_are_answered_in_their_order_and_written_as_a_table(
    tuned: Path, tmp_path: Path
) -> None:
    file = tmp_path / "out.csv"
    model = str(tuned / "model" / "model")
    status, out, err = call(model, "-", "--output", str(file), given="a dog\nthe cat saw it\n")
    assert (status, out) == (0, ""), err
    assert "2 rows answered" in err
    rows = list(csv.DictReader(file.open()))
    assert [next(iter(row.values())) for row in rows] == ["a dog", "the cat saw it"]
    status, _, err = call(model, "-", given="word " * 500)
    assert status == 0
    assert "longer than the model's input" in err


@pytest.mark.usefixtures("mlflow_database")
def test_an_encoder_is_refused_with_what_to_do(tuned: Path) -> None:
    status, _, err = call(str(tuned / "body"), "-", given="a\n")
    assert status == 2
    assert "answers no problem; accepted: a fine-tuned model" in err
    assert "temper finetune" in err


@pytest.mark.usefixtures("mlflow_database")
def test_what_no_tokenizer_reads_is_told_with_its_place(tuned: Path, tmp_path: Path) -> None:
    model, file = str(tuned / "model" / "model"), tmp_path / "rows.jsonl"
    half = json.dumps({"text": "a \ud800 b", "tokens": ["a", "\ud800"]})
    file.write_text(f"{half}\n")
    status, _, err = call(model, str(file))
    assert (status, "is half a character" in err) == (2, True), err
    file.write_text("")
    status, out, err = call(model, str(file))
    assert (status, out, "has no row" in err) == (0, "", True)


@pytest.mark.usefixtures("mlflow_database")
def test_a_second_column_is_refused_by_a_model_of_single_texts(tuned: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("text,tokens,more\na b,a b,c\n")
    status, _, err = call(str(tuned / "model" / "model"), str(file), "--second-column", "more")
    assert status == 2
    assert "was fine-tuned on single texts; leave it out" in err or "no pairs of texts" in err


def test_a_pipe_that_is_no_text_is_told() -> None:
    pipe = io.TextIOWrapper(io.BytesIO(b"one\n\xff\xfe\n" * 9000), encoding="utf-8")
    with pytest.raises(StageError, match=r"standard input, after line \d+: not UTF-8"):
        list(_read_lines(pipe))


def test_an_older_file_of_answers_stays_where_the_model_fails(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("older")

    def failing() -> Iterator[pd.DataFrame]:
        table = pd.DataFrame({"text": ["a"], "predicted": ["b"]})
        table.attrs = {"cut": 0, "unit": "texts"}
        yield table
        raise StageError("the disk of x is full")

    with pytest.raises(StageError):
        _write(failing(), file)
    assert [each.name for each in tmp_path.iterdir()] == ["out.csv"]
    assert file.read_text() == "older"


def workbook_of(table: pd.DataFrame) -> bytes:
    written = io.BytesIO()
    table.to_excel(written, index=False)
    return written.getvalue()


@pytest.mark.parametrize(
    "name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.txt", "a.csv.gz", "a.xlsx"]
)
def test_texts_are_read_from_every_format(name: str, tmp_path: Path) -> None:
    file, texts = tmp_path / name, ["one, two", "three"]
    table = pd.DataFrame({"other": ["x", "y"], "text": texts})
    writers = {
        "csv": lambda: table.to_csv(index=False).encode(),
        "tsv": lambda: table.to_csv(index=False, sep="\t").encode(),
        "jsonl": lambda: table.to_json(orient="records", lines=True).encode(),
        "txt": lambda: "\n".join(texts).encode(),
        "gz": lambda: gzip.compress(table.to_csv(index=False).encode()),
        "parquet": table.to_parquet,
        "xlsx": lambda: workbook_of(table),
    }
    file.write_bytes(writers[name.rpartition(".")[2]]())
    assert read_inputs(str(file), "text", words=False) == texts


def test_words_are_lists_or_texts(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"tokens": ["J.K.", "said"]}\n{"tokens": "two words"}\n')
    assert read_inputs(str(file), "tokens", words=True) == [
        ["J.K.", "said"],
        ["two", "words"],
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "text\n\n", None),
        ("a.csv", "body\nx\n", r"no column 'text' \(--column\). Columns there: 'body'"),
        ("a.jsonl", '{"text": 7}\n', "line 1: found 7; accepted: a text in each row"),
        ("a.txt", "one\n\ntwo\n", "line 2: found ''"),
        ("a.xyz", "", r"ends in .xyz; accepted: .arrow, .bio, .conll"),
        ("", "", "is not a file; accepted"),
    ],
)
def test_mistakes_are_told_with_their_place(
    name: str, content: str, said: str | None, tmp_path: Path
) -> None:
    file = tmp_path / name
    if name:
        file.write_text(content)
    if said is None:
        assert read_inputs(str(file), "text", words=False) == []
        return
    with pytest.raises(StageError, match=said):
        read_inputs(str(file), "text", words=False)


def test_all_invalid_rows_are_counted_and_can_be_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.jsonl"
    lines = ['{"text": "one"}', *['{"text": ""}'] * 5, '{"text": "two"}']
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(
        StageError, match=r"line 2: found ''(.|\n)*and 2 more rows(.|\n)*--skip-inv"
    ):
        read_inputs(str(file), "text", words=False)
    left = read_inputs(str(file), "text", words=False, skip_invalid=True)
    assert left == ["one", "two"]
    said = capsys.readouterr().err
    assert "5 rows are left out" in said
    assert "a.jsonl, line 2" in said


def test_words_without_an_answer_are_null_in_json_and_lists_are_joined_in_a_table() -> None:
    row = {"tokens": ["a", "b"], "predicted": ["O", "O"], "probability": [0.5, float("nan")]}
    for suffix, expected in (
        ("", '{"tokens": ["a", "b"], "predicted": ["O", "O"], "probability": [0.5, null]}\n'),
        (".tsv", "tokens\tpredicted\tprobability\na b\tO O\t0.5 nan\n"),
    ):
        out = io.StringIO()
        Writer(out, suffix).write([row])
        assert out.getvalue() == expected


@pytest.mark.usefixtures("mlflow_database")
def test_names_of_special_tokens_in_rows_are_reported(tuned: Path) -> None:
    given = "a row that [SEP] has one\nanother row <s> without\n"
    status, out, err = call(str(tuned / "model" / "model"), "-", given=given)
    assert (status, len(out.splitlines())) == (0, 2), err
    assert "1 row with the name of a special token of the model" in err
    assert "for example 'a row that [SEP] has one'" in err
