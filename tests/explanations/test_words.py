"""A planted word decides the label: every check says that the explanations find it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
from typer.testing import CliRunner

from flows.commands.main import app
from tasks.contract import StageError
from tasks.experiment.problem import FineTuning
from tasks.models.explaining.explained import load_explained
from tasks.models.explaining.verdicts import failures
from tasks.pages.explanations import card
from tasks.pages.explanations.found import Found, check_grid
from tests.support.explained import explain_learnt
from tests.support.learnt import learn
from tests.support.tiny_models import LABELS, TELLING, write_body, write_data

METHODS = ["attention-rollout", "integrated-gradients", "occlusion"]
SIGNED = METHODS[1:]
TRAINING = FineTuning(epochs=10, batch_size=16, learning_rate=5e-3, max_length=32, precision="fp32")


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A model that has learnt which word tells the label."""
    folder = tmp_path_factory.mktemp("planted")
    data = write_data(folder / "data", "text-classification", 300)
    found = learn("text-classification", TRAINING, folder, data, write_body(folder / "body"))
    assert found.metrics["accuracy"] > 0.9
    return found


@pytest.fixture(scope="module")
def found(learnt: SimpleNamespace) -> SimpleNamespace:
    return explain_learnt("text-classification", learnt, METHODS)


@pytest.mark.parametrize("method", SIGNED)
def test_the_planted_word_comes_first(found: SimpleNamespace, method: str) -> None:
    table = pd.read_parquet(found.out / "explanations.parquet")
    telling = [word for words in TELLING.values() for word in words]
    right = table[(table["gold"] == table["predicted"]) & (table["blank"] < 0)]
    assert len(right) > 10  # the others are of the label that a text without words gets
    firsts = [
        row["words"][max(range(len(row["words"])), key=lambda i, row=row: row[method][i])]
        for _, row in right.iterrows()
    ]
    assert sum(first in telling for first in firsts) >= 0.9 * len(firsts)


@pytest.mark.parametrize("method", SIGNED)
def test_in_sum_each_label_is_driven_by_its_own_words(found: SimpleNamespace, method: str) -> None:
    drivers = json.loads((found.out / "drivers.json").read_text())
    assert {*drivers} <= {*LABELS}
    table = pd.read_parquet(found.out / "explanations.parquet")
    of_blank = {*table[table["blank"] >= 0]["predicted"]}  # nothing has to speak for this label
    assert len(of_blank) < len(drivers)
    for label in drivers.keys() - of_blank:
        words = drivers[label]["methods"][method]
        assert words[0]["word"] in TELLING[label]
        assert words[0]["mean"] > 10 * max(0, *(w["mean"] for w in words if w["word"] == "the"), 0)


def test_integrated_gradients_are_complete(found: SimpleNamespace) -> None:
    assert found.metrics["integrated-gradients/completeness_error"] < 0.02
    table = pd.read_parquet(found.out / "explanations.parquet")
    for _, row in table.iterrows():
        apart = row["score"] - row["blank"]
        assert row["integrated-gradients"].sum() == pytest.approx(
            apart, abs=0.05 * abs(apart) + 0.05
        )


@pytest.mark.parametrize("method", SIGNED)
def test_the_order_is_better_than_chance_and_unlike_that_of_random_weights(
    found: SimpleNamespace, method: str
) -> None:
    assert found.metrics[f"{method}/faithfulness/low"] > 0
    assert abs(found.metrics[f"{method}/random_likeness"]) < 0.3
    assert not failures(found.metrics, method)


def test_the_rows_that_are_shown_are_the_surest_mistakes_and_right_ones(
    learnt: SimpleNamespace, found: SimpleNamespace
) -> None:
    shown = json.loads((found.out / "shown.json").read_text())
    answers = pd.read_parquet(learnt.folder / "evaluation" / "predictions.parquet")
    wrong = answers[answers["gold"] != answers["predicted"]]
    surest = list(wrong.sort_values("probability", ascending=False, kind="stable").index[:5])
    assert [row["row"] for row in shown if not row["right"]] == surest
    for row in shown:
        text = row["texts"]["text"]
        assert [text[start:end] for _, start, end in row["pieces"]] == text.split()


def test_the_page_has_the_words_in_colour_and_the_checks(
    found: SimpleNamespace, tmp_path: Path
) -> None:
    card.show(found.out, tmp_path)
    names = {file.name for file in tmp_path.iterdir()}
    assert {"card.md", "explanations.html", "faithfulness.png", "drivers.png"} <= names
    text = (tmp_path / "card.md").read_text()
    assert "integrated-gradients passes its checks" in text
    assert "| word | mean attribution | in rows |" in text
    page = (tmp_path / "explanations.html").read_text()
    assert "background:rgba(28,109,178,0.75)" in page


def test_the_page_says_where_a_method_fails(found: SimpleNamespace, tmp_path: Path) -> None:
    changed = shutil.copytree(found.out, tmp_path / "changed")
    metrics = dict(found.metrics)
    metrics["occlusion/faithfulness/low"] = -0.1
    metrics["integrated-gradients/completeness_error"] = 0.4
    (changed / "metrics.json").write_text(json.dumps(metrics))
    said = card.card(Found.read(changed))
    assert "occlusion fails: its order of the parts is not shown to be better than a" in said
    assert "integrated-gradients fails: its attributions miss 40% of the difference" in said
    rows = [line for line in said.splitlines() if line.startswith("| ")]
    verdicts = {row.split(" | ")[0].strip("| "): row.rstrip("| ").split(" | ")[-1] for row in rows}
    assert (verdicts["occlusion"], verdicts["integrated-gradients"]) == ("fails", "fails")


def test_a_method_that_was_not_checked_neither_passes_nor_is_the_best(
    found: SimpleNamespace, tmp_path: Path
) -> None:
    """No row has enough parts for its checks, as in texts of two words."""
    changed = shutil.copytree(found.out, tmp_path / "changed")
    unchecked = {"attention-rollout", "integrated-gradients"}
    metrics = {
        name: value
        for name, value in found.metrics.items()
        if name.partition("/")[0] not in unchecked or "completeness" in name
    }
    (changed / "metrics.json").write_text(json.dumps(metrics))
    read = Found.read(changed)
    verdicts = {row[0].text: row[-1].text for row in check_grid(read).rows}
    assert verdicts == {**dict.fromkeys(unchecked, "none made"), "occlusion": "passes"}
    assert read.best == "occlusion"
    metrics |= {f"occlusion/faithfulness{end}": -0.5 for end in ("", "/low", "/high")}
    (changed / "metrics.json").write_text(json.dumps(metrics))
    assert Found.read(changed).best == "occlusion"


def command(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["explain", *words])
    return done.exit_code, done.stdout, done.stderr


def test_the_command_marks_the_planted_word_and_writes_json(
    learnt: SimpleNamespace, found: SimpleNamespace, home: Path, tmp_path: Path
) -> None:
    model, file = str(learnt.folder / "tuned" / "model"), tmp_path / "out.jsonl"
    table = pd.read_parquet(found.out / "explanations.parquet")
    telling = TELLING[table[table["blank"] < 0]["predicted"].iloc[0]][0]
    text = f"There is an old {telling}, near the new"
    both = ("--method", "occlusion", "--method", "attention-rollout", "--output", str(file))
    code, said, _ = command(model, text, *both)
    assert code == 0
    assert f"old {telling}[" in said
    assert "why, by attention-rollout" in said
    assert "than random orders" in said
    (line,) = file.read_text().splitlines()
    row = json.loads(line)
    assert row["words"] == ["There", "is", "an", "old", telling, ",", "near", "the", "new"]
    values = row["methods"]["occlusion"]["attributions"]
    assert values.index(max(values)) == 4
    code, said, _ = command(model, "\ufffd")  # BERT's tokenizer drops it
    assert (code, "the model's tokenizer has no token of the text" in said) == (0, True), said


def test_the_command_says_what_is_wrong(
    learnt: SimpleNamespace, home: Path, tmp_path: Path
) -> None:
    model = str(learnt.folder / "tuned" / "model")
    code, _, said = command(model, "a text", "--method", "oclusion")
    assert code == 2
    assert "--method: found 'oclusion'" in said
    assert "did you mean occlusion" in said
    code, _, said = command(model, "rows.csv")
    assert code == 2
    assert "rows.csv is not a file" in said
    code, _, said = command(model, "one text\tanother")
    assert code == 2
    assert "accepted: a text, no tab, or a file of rows" in said


def test_the_command_reports_a_text_that_is_cut(learnt: SimpleNamespace, home: Path) -> None:
    model = str(learnt.folder / "tuned" / "model")
    longest = json.loads((Path(model) / "config.json").read_text())["max_position_embeddings"]
    code, _, said = command(model, "the cat " * longest)
    assert code == 0, said
    assert "1 texts cut short: they are longer than the model's input" in said


def test_an_answer_without_parts_is_refused_before_anything_is_read() -> None:
    with pytest.raises(StageError, match="answers of generation cannot be explained; accepted"):
        load_explained("generation")


@pytest.mark.slow
def test_the_number_of_a_text_is_explained_too(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", "regression")
    training = TRAINING.model_copy(update={"learning_rate": 1e-3, "epochs": 20})
    learnt = learn("regression", training, tmp_path, data, write_body(tmp_path / "body"))
    found = explain_learnt("regression", learnt, METHODS, 20)
    drivers = json.loads((found.out / "drivers.json").read_text())
    assert {*drivers} <= {"high", "low"}
    for method in SIGNED:
        words = drivers["high"]["methods"][method]
        assert words[0]["word"] in (*TELLING["stone"], *TELLING["plant"])
        assert found.metrics[f"{method}/faithfulness/low"] > 0


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (0.2, "better than random orders (+0.20)"),
        (0.004, "NO DIFFERENCE from random orders"),
        (-0.3, "NOT BETTER than random orders (-0.30)"),
    ],
)
def test_an_order_that_makes_no_difference_is_not_called_better(gain: float, said: str) -> None:
    from flows.commands.files.explained import _checks

    found = SimpleNamespace(checks=lambda _method: {"faithfulness": gain})
    assert _checks(cast(Any, found), "occlusion") == f"checks: {said}"
