"""Pairs of texts: both are read, both make a row what it is, and both are shown."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from transformers import BertConfig, DistilBertConfig, RobertaConfig
from typer.testing import CliRunner

from flows.commands.main import app
from tasks.comparison.answers import read_answers
from tasks.contract import Silent, StageError
from tasks.data.held_out import HeldOut
from tasks.data.pairs import BETWEEN, passage_of
from tasks.data.same_text import content, digest
from tasks.experiment.experiment import Experiment
from tasks.experiment.mistakes import InvalidExperimentError, check
from tasks.experiment.problem import FineTuning, LabelledData
from tasks.models.bodies import fit_tokenizer
from tasks.models.files import require_inputs
from tasks.pages import data_card, evaluation_card
from tasks.problems import load, load_simple
from tasks.sources import resolve
from tasks.stages.dataset import prepare_dataset
from tasks.stages.leakage import look_for_leakage
from tests.support.learnt import learn
from tests.support.shown import shown
from tests.support.tiny_models import FILLER, TELLING, wordpiece, write_body

COLUMNS = {"text": "one", "second_text": "two", "label": "same"}
WORDS = [word for words in TELLING.values() for word in words]


def pairs_of(rows: int, seed: int) -> pd.DataFrame:
    """Pairs of texts that have the same telling word, or not: neither text alone says which."""
    draw = np.random.default_rng(seed)

    def text(word: str) -> str:
        words = [str(each) for each in draw.choice(FILLER, 4)]
        return " ".join([*words[:2], word, *words[2:]])

    found = []
    for row in range(rows):
        first, other = (str(each) for each in draw.choice(WORDS, 2, replace=False))
        same = bool(row % 2)
        pair = {"one": text(first), "two": text(first if same else other)}
        found.append(pair | {"same": "yes" if same else "no"})
    return pd.DataFrame(found).drop_duplicates(["one", "two"])


def prepare(folder: Path, table: pd.DataFrame, **fields: Any) -> Path:
    """A folder of stage `dataset` with the pairs of a table."""
    folder.mkdir(parents=True)
    table.to_csv(folder / "pairs.tsv", sep="\t", index=False)
    data = LabelledData(name="x", **({"columns": COLUMNS} | fields))
    source = resolve(str(folder / "pairs.tsv"), "downstream.x.source", data.problem)
    (folder / "data").mkdir()
    prepare_dataset(data, source, 0, out=folder / "data", monitor=Silent())
    return folder / "data"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Prepared pairs, a model of them, its evaluation, and the simple model."""
    folder = tmp_path_factory.mktemp("world")
    data, body = prepare(folder / "pairs", pairs_of(400, 0)), write_body(folder / "body")
    training = FineTuning(epochs=2, batch_size=16, learning_rate=3e-3, max_length=32)
    return learn("text-classification", training, folder, data, body, body=body, samples=50)


def test_both_texts_are_written_by_their_roles(world: SimpleNamespace) -> None:
    table = pq.read_table(world.data / "train.parquet")
    assert table.column_names == ["document", "text", "second_text", "label"]
    facts = json.loads((world.data / "dataset.json").read_text())
    assert "second_text" in facts["columns"]


def test_rows_without_a_second_column_are_written_as_before(tmp_path: Path) -> None:
    columns = {"text": "one", "label": "same"}
    data = prepare(tmp_path / "x", pairs_of(200, 0), columns=columns, overlap="drop")
    assert pq.read_table(data / "train.parquet").column_names == ["document", "text", "label"]


def test_a_model_gets_both_texts_with_their_types_cut_alike() -> None:
    kind, tokenizer = load("text-classification"), wordpiece()
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    tokenizer.model_max_length = 9
    rows = pd.DataFrame(
        {
            "document": ["a", "b"],
            "text": ["a cat", "a the of is was by near old"],
            "second_text": ["the dog is", "new it"],
            "label": ["yes", "no"],
        }
    )
    examples = kind.encode(rows, tokenizer, ["no", "yes"])
    assert tokenizer.decode(examples[0].input_ids) == "[CLS] a cat [SEP] the dog is [SEP]"
    assert examples[0].types == [0, 0, 0, 0, 1, 1, 1, 1]
    longest = tokenizer.decode(examples[1].input_ids)
    assert longest == "[CLS] a the of is [SEP] new it [SEP]"
    assert [example.cut for example in examples] == [0, 1]
    batch = kind.collate(examples, 0)
    assert batch["token_type_ids"].tolist() == [[0, 0, 0, 0, 1, 1, 1, 1, 0], [0] * 6 + [1] * 3]
    single = kind.encode(rows.drop(columns="second_text"), tokenizer, ["no", "yes"])
    assert "token_type_ids" not in kind.collate(single, 0)


@pytest.mark.parametrize(
    ("config", "types"),
    [(BertConfig(), True), (RobertaConfig(type_vocab_size=1), False), (DistilBertConfig(), False)],
)
def test_types_are_given_to_models_that_have_them(config: Any, types: bool) -> None:
    tokenizer = wordpiece()
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    fit_tokenizer(tokenizer, config)
    assert ("token_type_ids" in tokenizer("a", "b")) == types


def test_rows_are_the_same_if_both_texts_are(tmp_path: Path) -> None:
    table = pairs_of(300, 1)
    more = pd.DataFrame(
        [
            {"one": table["one"][0], "two": table["two"][0], "same": table["same"][0]},
            {"one": table["one"][0], "two": "it was new", "same": "no"},
            {"one": f"{table['one'][0]} it", "two": "was new", "same": "no"},
        ]
    )
    folder = tmp_path / "x"
    data = prepare(folder, pd.concat([table, more]))
    found = pd.concat(pd.read_parquet(data / f"{s}.parquet") for s in ("train", "validation"))
    found = pd.concat([found, pd.read_parquet(data / "test.parquet")])
    assert len(found) == len(table) + 3
    facts = json.loads((data / "tally.json").read_text())["facts"]
    assert facts["duplicates (the text of another row of the split)"] == 1


def test_where_one_text_ends_makes_another_pair() -> None:
    first = {"text": "a b", "second_text": "c"}
    other = {"text": "a", "second_text": "b c"}
    assert digest(passage_of(first)) != digest(passage_of(other))
    assert content(passage_of(first)) != content(passage_of(other))
    assert passage_of({"text": "a b"}) == "a b"


def test_text_to_pre_train_on_is_held_back_for_either_text(tmp_path: Path) -> None:
    long = "The heron painted a gentle badger in Quito on a bright day, number"
    rows = [
        {
            "one": f"{long} {n}.",
            "two": f"So said the otter of Lima, loudly {n}.",
            "same": "ny"[n % 2],
        }
        for n in range(60)
    ]
    data = prepare(tmp_path / "x", pd.DataFrame(rows))
    held_out = HeldOut([data / "held_out.parquet"])
    tested = pd.read_parquet(data / "test.parquet")
    for column in ("text", "second_text"):
        text = tested[column][0]
        assert held_out.search("", text).containing, "alone"
        assert held_out.search("", f"It rained in the town. {text} So it went on.").containing
    trained = pd.read_parquet(data / "train.parquet")
    assert not held_out.search("", trained["text"][0]).containing


def test_training_rows_leak_if_both_texts_are_in_the_test(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    tested = pd.read_parquet(world.data / "test.parquet")
    half = tested.assign(second_text="it was there and it was new")
    for name, table, leaking in (("same", tested, len(tested)), ("half", half, 0)):
        file, out = tmp_path / f"{name}.parquet", tmp_path / name
        table.assign(document="other").to_parquet(file)
        out.mkdir()
        found = look_for_leakage(
            corpora=[],
            rows=[file],
            held_out=world.data / "held_out.parquet",
            out=out,
            monitor=Silent(),
        )
        assert found["leaking"] == leaking


def test_the_simple_model_sees_what_both_share(world: SimpleNamespace) -> None:
    assert world.metrics["simple/accuracy"] > 0.9
    assert "pairs" in load_simple("text-classification").WORDS


def test_the_simple_model_of_single_texts_has_no_features_of_pairs() -> None:
    from tasks.problems.tfidf import TextFeatures, tfidf

    rows = pd.DataFrame({"text": ["a cat is near", "the old oak", "a dog"]})
    expected = tfidf().fit_transform(rows["text"])
    assert (TextFeatures().fit(rows) != expected).nnz == 0


def test_pages_show_both_texts(world: SimpleNamespace) -> None:
    card = (shown(data_card.show, world.data) / "card.md").read_text()
    assert card.count(BETWEEN.strip()) == 10
    folder = world.folder / "evaluation"
    worst = json.loads((folder / "rows.json").read_text())["worst"]
    page = (shown(evaluation_card.show, folder) / "card.md").read_text()
    assert len(worst) == page.count(BETWEEN.strip()) > 0


def test_rows_that_differ_in_the_second_text_alone_are_matched(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "document": ["d"] * 3,
            "text": ["same"] * 3,
            "second_text": ["x", "y", "z"],
            "gold": ["a"] * 3,
            "predicted": ["a", "b", "c"],
        }
    )
    for name, rows in (("first", table), ("second", table[::-1])):
        rows.to_parquet(tmp_path / f"{name}.parquet")
    first, second = (
        read_answers(tmp_path / f"{name}.parquet", "text-classification")
        for name in ("first", "second")
    )
    assert first.digest == second.digest
    assert list(first.table["predicted"]) == list(second.table["predicted"])


def call(*words: str, given: str | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["predict", *words], input=given)
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.usefixtures("mlflow_database")
def test_predict_reads_both_columns_and_answers_as_the_evaluation(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    table = pd.read_parquet(world.folder / "evaluation" / "predictions.parquet")
    model, file = str(world.folder / "tuned" / "model"), str(tmp_path / "rows.csv")
    table[["second_text", "text"]].to_csv(file, index=False)
    status, out, err = call(model, file)
    assert status == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert list(rows[0]) == ["text", "second_text", "predicted", "probability"]
    for column in ("text", "second_text", "predicted"):
        assert [row[column] for row in rows] == list(table[column])
    found = [row["probability"] for row in rows]
    assert found == pytest.approx(list(table["probability"]), abs=1e-5)
    lines = "".join(f"{a}\t{b}\n" for a, b in zip(table["text"], table["second_text"], strict=True))
    assert call(model, "-", given=lines)[1] == out
    both = table[["text", "second_text"]]
    both.rename(columns={"text": "q", "second_text": "r"}).to_csv(file, index=False)
    assert call(model, file, "--column", "q", "--second-column", "r")[1] == out


@pytest.mark.usefixtures("mlflow_database")
def test_a_row_with_one_text_is_told(world: SimpleNamespace, tmp_path: Path) -> None:
    model, file = str(world.folder / "tuned" / "model"), tmp_path / "rows.csv"
    file.write_text("text\na cat\n")
    status, _, err = call(model, str(file))
    assert (status, "no column 'second_text' (--second-column)" in err) == (2, True), err
    status, _, err = call(model, "-", given="a cat\n")
    assert status == 2
    assert "standard input, line 1" in err
    assert "two texts with a tab between them" in " ".join(err.split())


def test_the_served_model_reads_a_table_of_both(world: SimpleNamespace, tmp_path: Path) -> None:
    from tasks.problems.text_classification.served import _load_pyfunc

    (tmp_path / "components").mkdir()
    for name in ("model", "components/tokenizer"):
        (tmp_path / name).symlink_to(world.folder / "tuned" / "model")
    table = pd.read_parquet(world.folder / "evaluation" / "predictions.parquet")
    model = _load_pyfunc(str(tmp_path))
    for given in (
        table[["second_text", "text"]],
        table[["text", "second_text"]].to_dict("records"),
        table[["text", "second_text"]].to_numpy(),
    ):
        found = model.predict(given)
        assert list(found["label"]) == list(table["predicted"])
        assert list(found["score"]) == pytest.approx(list(table["probability"]), abs=1e-5)
    with pytest.raises(ValueError, match="found 1 column; accepted: text and second_text"):
        model.predict(["a cat"])


def test_the_example_of_the_model_is_a_row(world: SimpleNamespace) -> None:
    card = json.loads((world.folder / "tuned" / "model.json").read_text())
    assert [list(row) for row in card["example"]] == [["text", "second_text"]] * 3


def test_a_model_of_pairs_is_not_evaluated_on_single_texts(world: SimpleNamespace) -> None:
    config = json.loads((world.folder / "tuned" / "model" / "config.json").read_text())
    require_inputs(LabelledData(columns=COLUMNS), config, "mine")
    with pytest.raises(StageError, match=r"mine was fine-tuned on rows with a second_text"):
        require_inputs(LabelledData(), config, "mine")


def test_a_text_with_itself_is_no_pair() -> None:
    columns = {"text": "one", "second_text": "one"}
    part = {"name": "x", "source": "a", "columns": columns}
    with pytest.raises(InvalidExperimentError, match=r"second_text.*'one', which is columns.text"):
        check(Experiment.model_validate({"downstream": [part]}))
