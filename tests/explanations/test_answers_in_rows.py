"""The tag of one word, and the answer to a question, are explained by the words they depend on."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForTokenClassification,
    GPT2Config,
    GPT2ForTokenClassification,
)
from typer.testing import CliRunner

from flows.calls.explaining import Explainer
from flows.calls.predicting import AnsweringModel
from flows.commands.main import app
from tasks.experiment.problem import FineTuning
from tasks.models.explaining.checks import likeness
from tasks.models.explaining.explained import answer_of, load_explained, subject_of
from tasks.models.explaining.verdicts import failures
from tasks.models.inference import predict
from tasks.models.predictions import as_rows
from tasks.models.written_text import as_beginning
from tasks.pages.explanations import card
from tasks.problems import load
from tests.support.explained import explain_learnt
from tests.support.learnt import learn
from tests.support.tiny_models import FILLER, TAGS, wordpiece, write_body, write_data

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
    found = explain_learnt(problem, learnt, METHODS)
    found.table = pd.read_parquet(found.out / "explanations.parquet")
    found.model = learnt.folder / "tuned" / "model"
    return found


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
    assert found.words == "B-plant: owl"
    assert [piece.text for piece in found.found.row.pieces] == sentence


def test_a_sentence_without_entities_is_explained_by_the_word_closest_to_one(
    owls: SimpleNamespace, home: Path
) -> None:
    model = AnsweringModel.of(str(owls.model), print)
    how = Explainer.of(model, ["occlusion"])
    rows = as_rows(how.subject.kind, [["the", "cat", "runs", "by"]], ["tokens"], how.labels)
    (found,) = how.explain(rows, 0)
    shares = found.answer["probability"]
    least = ["the", "cat", "runs", "by"][min(range(4), key=lambda word: shares[word])]
    assert found.words == f"O: {least}"


def test_a_word_that_is_several_for_the_tokenizer_is_one(owls: SimpleNamespace, home: Path) -> None:
    """So is a token with a blank in it, and one that is cut where the input ends."""
    how = Explainer.of(AnsweringModel.of(str(owls.model), print), ["occlusion"])
    how.subject.reader.model_max_length = 12
    given = ["new york", "new", "owl", "o'owl", "zebrafish", "cat"]
    rows = as_rows(how.subject.kind, [given], ["tokens"], how.labels)
    (row,) = how.subject.rows(rows, how.labels)
    assert [piece.text for piece in row.pieces] == given[: row.parts]
    assert 3 < row.parts < len(given)
    assert np.bincount(row.part_of[row.part_of >= 0]).min() >= 1


def test_a_sentence_of_which_the_model_sees_nothing_has_no_tag_and_is_valid_json(
    owls: SimpleNamespace, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "out.jsonl"
    long = " ".join(["the"] * 80)
    for text in ("\ufffd", long):
        asked = ["explain", str(owls.model), text, "--method", "occlusion", "--output", str(file)]
        done = CliRunner().invoke(app, asked)
        assert done.exit_code == 0, done.stderr
        row = json.loads(file.read_text(), parse_constant=pytest.fail)
        assert row["probability"][-1] is None
        assert row["explained"].partition(":")[0] == "O"


def test_the_answer_is_said_as_it_is_predicted_whatever_is_beside_it() -> None:
    torch.manual_seed(0)
    kind, explained = load("question-answering"), load_explained("question-answering")
    for reader in (wordpiece(), as_beginning(wordpiece())):
        config = BertConfig(
            vocab_size=len(reader),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
        )
        model = BertForQuestionAnswering(config).eval()
        for weight in model.parameters():
            weight.data *= 8
        reader.model_max_length = 24
        reader.init_kwargs["window_stride"] = 4
        subject = subject_of(kind, explained, model, reader)
        texts = [
            "the (owl). a cat-dog, by 'it'! runs",
            "老猫头鹰在奥斯陆附近奔跑。它生于一九一二年。" * 2,
        ]
        asked = ["is it old", "[CLS] who is it", "it " * 30]
        pairs = [(question, text) for question in asked for text in texts]
        rows = as_rows(kind, pairs, ["question", "text"], [])
        examples = kind.encode(rows, reader, [])
        answers = predict(kind, model, rows, examples, [])
        parted = subject.rows(rows, [])
        for row, pair, (_, answer) in zip(parted, pairs, answers.iterrows(), strict=True):
            chosen = subject.chosen(row)
            said = answer_of(explained, [], chosen)
            assert said == (
                f"an answer: {answer['predicted']}" if answer["predicted"] else "no answer"
            )
            assert bool(chosen.own) == bool(answer["predicted"])
            strength = expit(subject.ends(chosen)[0][chosen.answer])
            assert strength == pytest.approx(answer["probability"], abs=1e-4)
            # The question is in words too, as far as it is read; special tokens are in none.
            asked_words = [piece.text for piece in row.pieces if piece.column == "question"]
            assert "".join(pair[0].split()).startswith("".join(asked_words))
            assert len(asked_words) >= 3
            ids = [int(each) for each in row.inputs["input_ids"][0]]
            marked = [n for n, each in enumerate(ids) if each == reader.sep_token_id]
            assert all(row.part_of[place] < 0 for place in marked)


def test_the_words_that_an_answer_is_of_do_not_count_as_alike() -> None:
    ours = np.array([9.0, 1.0, 2.0, 3.0, 4.0])
    other = np.array([9.0, 4.0, 3.0, 2.0, 1.0])
    assert likeness(ours, other) == pytest.approx(0)
    assert likeness(ours, other, own=[0]) == pytest.approx(-1)
    assert np.isnan(likeness(ours, other, own=[0, 1, 2]))


def test_published_taggers_without_names_of_labels_or_a_padding_token_are_explained(
    home: Path, tmp_path: Path
) -> None:
    reader = wordpiece()
    size = {"vocab_size": len(reader), "num_labels": 2}
    encoder = BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, **size
    )
    decoder = GPT2Config(n_embd=16, n_layer=1, n_head=2, n_positions=64, **size)
    assert decoder.pad_token_id is None
    for model in (BertForTokenClassification(encoder), GPT2ForTokenClassification(decoder)):
        folder = tmp_path / type(model).__name__
        model.save_pretrained(folder)
        reader.save_pretrained(folder)
        asked = ["explain", str(folder), "the old owl runs", "--method", "occlusion"]
        done = CliRunner().invoke(app, asked)
        assert done.exit_code == 0, (done.stderr, done.exception)
        assert "LABEL_" in done.stdout
