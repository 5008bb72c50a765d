"""The tag of one word, and the answer to a question, are explained by the words they depend on."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from typer.testing import CliRunner

from flows.calls.explaining import Explainer
from flows.calls.predicting import AnsweringModel
from flows.commands.main import app
from tasks.contract import Silent
from tasks.experiment.problem import FineTuning
from tasks.models.explaining.verdicts import failures
from tasks.models.predictions import as_rows
from tasks.pages.explanations import card
from tasks.stages.explanation import explain
from tests.support.learnt import learn
from tests.support.tiny_models import FILLER, TAGS, write_body, write_data

SIGNED = ["integrated-gradients", "occlusion"]
METHODS = ["attention-rollout", *SIGNED]
BESIDE = {"old": "animal", "new": "plant"}  # an owl beside one of them is of that kind
NEUTRAL = [word for word in FILLER if word not in BESIDE]


def kinds_of_owls(rows: int, seed: int) -> pd.DataFrame:
    """Sentences with an owl, which is an animal beside `old`, a plant beside `new`, wherever."""
    generator = np.random.default_rng(seed)
    tokens, tags = [], []
    for _ in range(rows):
        words = [str(word) for word in generator.choice(NEUTRAL, generator.integers(3, 9))]
        telling = str(generator.choice([*BESIDE]))
        for word in (telling, "owl"):
            words.insert(int(generator.integers(0, len(words) + 1)), word)
        tokens.append(words)
        tags.append([f"B-{BESIDE[telling]}" if word == "owl" else "O" for word in words])
    documents = [f"{seed}-{row}" for row in range(rows)]
    return pd.DataFrame({"document": documents, "tokens": tokens, "tags": tags})


def explained(problem: str, learnt: SimpleNamespace) -> SimpleNamespace:
    out = learnt.folder / "explanation"
    out.mkdir()
    metrics = explain(
        problem,
        METHODS,
        24,
        5,
        100,
        confidence=0.95,
        seed=0,
        data=learnt.data,
        model=learnt.folder / "tuned" / "model",
        evaluation=learnt.folder / "evaluation",
        out=out,
        monitor=Silent(),
    )
    table = pd.read_parquet(out / "explanations.parquet")
    model = learnt.folder / "tuned" / "model"
    return SimpleNamespace(metrics=metrics, out=out, table=table, model=model)


@pytest.fixture(scope="module")
def owls(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A model that has learnt the kind of an owl from the word that is somewhere beside it."""
    folder = tmp_path_factory.mktemp("owls")
    data = folder / "data"
    data.mkdir()
    for seed, (split, rows) in enumerate({"train": 600, "validation": 40, "test": 80}.items()):
        kinds_of_owls(rows, seed).to_parquet(data / f"{split}.parquet")
    (data / "labels.json").write_text(json.dumps(TAGS))
    training = FineTuning(
        epochs=20, batch_size=16, learning_rate=3e-3, max_length=32, precision="fp32"
    )
    body = write_body(folder / "body", layers=2)
    learnt = learn("token-classification", training, folder, data, body)
    assert learnt.metrics["f1"] > 0.9
    return explained("token-classification", learnt)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A model that has learnt which word a question is for."""
    folder = tmp_path_factory.mktemp("answers")
    data = write_data(folder / "data", "question-answering", 400)
    training = FineTuning(
        epochs=20, batch_size=16, learning_rate=5e-3, max_length=32, precision="fp32"
    )
    body = write_body(folder / "body", layers=2)
    learnt = learn("question-answering", training, folder, data, body)
    assert learnt.metrics["f1"] > 0.8
    return explained("question-answering", learnt)


def tag_alone(model: Path, words: list[str]) -> str:
    """What is explained of a sentence."""
    how = Explainer.of(AnsweringModel.of(str(model), print), ["occlusion"])
    rows = as_rows(how.subject.kind, [words], ["tokens"], how.labels)
    (found,) = how.explain(rows, 0)
    return found.words


def strongest(row: pd.Series, method: str) -> list[str]:
    """The words of a row, the most telling first."""
    order = sorted(range(len(row["words"])), key=lambda i: -row[method][i])
    return [row["words"][number] for number in order]


@pytest.mark.parametrize("method", SIGNED)
def test_the_kind_of_a_word_is_explained_by_the_word_that_decides_it(
    owls: SimpleNamespace, method: str
) -> None:
    right = [row for _, row in owls.table.iterrows() if list(row["gold"]) == list(row["predicted"])]
    assert len(right) > 15
    assert {row["explained"] for row in right} == {"B-animal: owl", "B-plant: owl"}
    beside = {f"B-{kind}: owl": word for word, kind in BESIDE.items()}
    alone = tag_alone(owls.model, ["the", "owl", "was"])  # this kind needs no word beside it
    others = [row for row in right if row["explained"] != alone]
    assert len(others) > 5
    assert all(beside[row["explained"]] in strongest(row, method)[:2] for row in others)
    assert owls.metrics[f"{method}/faithfulness/low"] > 0
    assert not failures(owls.metrics, method)


def test_an_answer_is_explained_by_its_word(answers: SimpleNamespace) -> None:
    said = answers.table["explained"]
    answered = answers.table[said.str.startswith("an answer: ")]
    assert len(answered) > 12
    assert set(answered["explained"]) | {"no answer"} >= set(said)
    found = [
        row["explained"].removeprefix("an answer: ") in strongest(row, SIGNED[0])[:2]
        for _, row in answered.iterrows()
    ]
    assert sum(found) >= 0.8 * len(found)
    assert all(answers.metrics[f"{method}/faithfulness/low"] > 0 for method in SIGNED)
    assert not any(failures(answers.metrics, method) for method in SIGNED)


@pytest.mark.parametrize(("alike", "fails"), [(0.5, True), (0.2, False), (-0.5, False)])
def test_attributions_resemble_others_where_their_order_is_alike(alike: float, fails: bool) -> None:
    metrics = {"occlusion/faithfulness/low": 0.1, "occlusion/random_likeness": alike}
    assert bool(failures(metrics, "occlusion")) == fails


def test_what_is_explained_is_the_answer_that_was_evaluated(
    owls: SimpleNamespace, answers: SimpleNamespace
) -> None:
    predicted = pd.read_parquet(answers.out.parent / "evaluation" / "predictions.parquet")
    for _, row in answers.table.iterrows():
        own = predicted.iloc[row["row"]]
        assert expit(row["score"]) == pytest.approx(own["probability"], abs=1e-4)
        assert row["explained"] == (
            f"an answer: {own['predicted']}" if own["predicted"] else "no answer"
        )
    predicted = pd.read_parquet(owls.out.parent / "evaluation" / "predictions.parquet")
    for _, row in owls.table.iterrows():
        own, (tag, _, word) = predicted.iloc[row["row"]], row["explained"].partition(": ")
        at = [*own["tokens"]].index(word)
        assert own["predicted"][at] == tag
        assert expit(row["score"]) == pytest.approx(own["probability"][at], abs=1e-4)


@pytest.mark.parametrize("problem", ["owls", "answers"])
def test_integrated_gradients_are_complete(problem: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(problem)
    assert found.metrics["integrated-gradients/completeness_error"] < 0.05


@pytest.mark.parametrize("problem", ["owls", "answers"])
def test_the_page_has_the_rows_in_colour(
    problem: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    found = request.getfixturevalue(problem)
    card.show(found.out, tmp_path)
    page = (tmp_path / "explanations.html").read_text()
    assert "background:rgba(28,109,178,0.75)" in page
    assert ("why B-plant: owl" if problem == "owls" else "why an answer: ") in page


def test_the_command_explains_a_word_and_an_answer(
    owls: SimpleNamespace, answers: SimpleNamespace, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "out.jsonl"
    asked = ["--method", "occlusion", "--output", str(file)]
    done = CliRunner().invoke(app, ["explain", str(owls.model), "the old owl runs by", *asked])
    assert done.exit_code == 0, done.stderr
    assert "B-animal: owl" in done.stdout
    assert "owl[+" in done.stdout
    row = json.loads(file.read_text())
    assert (row["words"], row["explained"]) == (
        ["the", "old", "owl", "runs", "by"],
        "B-animal: owl",
    )
    assert row["own"] == ["owl"]
    given = "is it old\tthe fern was by a cat"
    done = CliRunner().invoke(app, ["explain", str(answers.model), given, *asked])
    assert done.exit_code == 0, done.stderr
    assert "an answer: cat" in done.stdout
    row = json.loads(file.read_text())
    assert row["words"] == ["is", "it", "old", "the", "fern", "was", "by", "a", "cat"]


def test_the_window_that_has_the_answer_is_explained(answers: SimpleNamespace, home: Path) -> None:
    model = AnsweringModel.of(str(answers.model), print)
    how = Explainer.of(model, ["attention-rollout", "occlusion"])
    how.subject.reader.model_max_length = 16
    long = " ".join(["the"] * 30 + ["cat"] + ["of"] * 30)
    rows = as_rows(how.subject.kind, [("is it old", long)], ["question", "text"], [])
    (found,) = how.explain(rows, 0)
    assert found.words == "an answer: cat"
    assert len(found.found.row.pieces) < 16
    assert found.strengths[0] == pytest.approx(found.answer["probability"], abs=1e-4)


def test_words_in_windows_are_explained_by_all_windows(owls: SimpleNamespace, home: Path) -> None:
    model = AnsweringModel.of(str(owls.model), print)
    how = Explainer.of(model, METHODS)
    how.subject.reader.model_max_length = 12
    how.subject.reader.init_kwargs["window_stride"] = 4
    sentence = ["the"] * 12 + ["old", "owl", "of"] + ["by"] * 12
    rows = as_rows(how.subject.kind, [sentence], ["tokens"], how.labels)
    (found,) = how.explain(rows, 0)
    assert found.words == "B-animal: owl"
    assert [piece.text for piece in found.found.row.pieces] == sentence
    assert found.strengths[0] == pytest.approx(found.answer["probability"][13], abs=1e-4)
    assert found.found.error("integrated-gradients") < 0.05 * abs(
        found.found.score - found.found.blank
    )
    looked = found.found.values["attention-rollout"]
    assert looked[13] > 0  # the window of the word
    assert looked.sum() == pytest.approx(1, abs=0.35)  # but for special tokens


def test_a_window_without_the_beginning_of_a_word_is_not_read(
    owls: SimpleNamespace, home: Path
) -> None:
    model = AnsweringModel.of(str(owls.model), print)
    how = Explainer.of(model, METHODS)
    how.subject.reader.model_max_length = 12
    how.subject.reader.init_kwargs["window_stride"] = 4
    sentence = ["the", "new", "owl", "q" * 30]  # of letters that the tokenizer takes one by one
    rows = as_rows(how.subject.kind, [sentence], ["tokens"], how.labels)
    assert len(how.subject.kind.encode(rows, how.subject.reader, how.labels)) == 1
    (found,) = how.explain(rows, 0)
    assert found.words.endswith(": owl") or found.words.endswith(f": {'q' * 30}")
    assert [piece.text for piece in found.found.row.pieces] == sentence


def test_a_sentence_without_entities_is_explained_by_the_word_closest_to_one(
    owls: SimpleNamespace, home: Path
) -> None:
    model = AnsweringModel.of(str(owls.model), print)
    how = Explainer.of(model, ["occlusion"])
    rows = as_rows(how.subject.kind, [["the", "cat", "runs", "by"]], ["tokens"], how.labels)
    (found,) = how.explain(rows, 0)
    tag, _, word = found.words.partition(": ")
    assert (tag, word in {"the", "cat", "runs", "by"}) == ("O", True)
