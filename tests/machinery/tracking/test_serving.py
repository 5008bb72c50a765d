"""Each problem as the scoring server of MLflow answers it over HTTP: as its evaluation did.

`tests/flows/test_parts.py` starts `mlflow models serve`, whose application this is.
"""

from __future__ import annotations

import base64
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from fastapi.testclient import TestClient
from mlflow import MlflowClient
from mlflow.pyfunc import scoring_server
from PIL import Image

from flows.presets.loading import load_any
from flows.recipes.experiment import recipe
from flows.recipes.images import recipe as recipe_of_images
from tasks.data.images import boxes, masks
from tasks.experiment.images.experiment import ImageExperiment
from tasks.machinery.naming.title import Title
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.logged_model import log_model
from tests.support.database import make_state_folder
from tests.support.stages_alone import StagesAlone
from tests.support.tiny_boxes import PROBLEM as BOXES
from tests.support.tiny_boxes import boxed_pictures, write_yolo
from tests.support.tiny_experiment import ANIMALS, GOOD, PLACES, sentence, write_experiment
from tests.support.tiny_images import write_image_experiment
from tests.support.tiny_labels import write_several
from tests.support.tiny_masks import CLASSES, SIDE, write_masked
from tests.support.tiny_masks import PROBLEM as MASKS

pytestmark = pytest.mark.slow

QUICK = {"epochs": 1, "batch_size": 32, "max_length": 48, "learning_rate": 1e-3}
WINDOWS = {"stride": 2, "max_length": 8}
CHEAP = {"bootstrap_samples": 100, "from_scratch": False, "simple_baseline": False}
Stages = dict[str, Artifact]


def write_texts(folder: Path) -> Path:
    """The tiny experiment with a decoder, which can solve every problem of texts."""
    file = write_experiment(folder)
    draw = random.Random(3)
    rows = []
    for number in range(100):
        words = sentence(draw, GOOD)
        found = {word for word in words if word in ANIMALS[:3]}
        row: dict[str, Any] = {"text": " ".join([*words, str(number)]), "second": words[2]}
        row |= {"same": draw.choice(["yes", "no"]), "score": draw.random()}
        row |= {"topics": sorted(found), "question": "where", "prompt": " ".join(words[:4])}
        row |= {"answer": next(w for w in words if w in PLACES), "target": " ".join(words[4:])}
        rows.append(row)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pair = {"text": "text", "second_text": "second"}
    values = yaml.safe_load(file.read_text())
    values["model"] |= {"family": "gpt2"}
    values["tokenizer"] |= {"algorithm": "wordpiece", "lowercase": True}  # few tokens a word
    values["pretraining"] |= {"objective": "clm", "steps": 4}
    own = values["downstream"]  # a label of texts, and labels of words
    columns = {
        "same": ("text-classification", {**pair, "label": "same"}, {}),
        "long": ("text-classification", {"label": "same"}, WINDOWS),
        "score": ("regression", {"number": "score"}, WINDOWS),
        "likeness": ("regression", {**pair, "number": "score"}, {}),
        "topics": ("text-classification", {"label": "topics"}, {"several_labels": True, **WINDOWS}),
        "where": ("question-answering", {}, {"stride": 4, "max_length": 16}),
        "next": ("generation", {}, {}),
    }
    values["downstream"] = [
        *(each | QUICK | windows for each, windows in zip(own, ({}, WINDOWS), strict=True)),
        *(
            {"name": name, "problem": problem, "source": "rows.jsonl", "columns": roles}
            | QUICK
            | more
            for name, (problem, roles, more) in columns.items()
        ),
    ]
    values["evaluation"] = CHEAP
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return file


def write_pictures(folder: Path) -> Path:
    """The tiny experiment on images, with masks and boxes."""
    file = write_image_experiment(folder)
    write_masked(folder / "shapes", 60)
    write_yolo(folder / "yolo", boxed_pictures(60))
    write_several(folder / "several", 60)
    values = yaml.safe_load(file.read_text())
    values["pretraining"] |= {"steps": 2}
    values["pixels"] = {"size": SIDE}  # as the pictures have: what is served is of whole pictures
    quick = {"epochs": 1, "batch_size": 16}
    values["downstream"] += [
        {"name": "shapes", "problem": MASKS, "source": "shapes", "classes": CLASSES} | quick,
        {"name": "boxes", "problem": BOXES, "source": "yolo"} | quick,
        {"name": "several", "source": "several", "several_labels": True, "overlap": "drop"}
        | {"columns": {"image": "file_name"}}
        | quick,
    ]
    values["evaluation"] = CHEAP
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return file


def computed(file: Path, store: Path) -> Stages:
    """The artifacts of an experiment, by the titles of their stages."""
    alone, found = StagesAlone(Store(store)), Stages()

    def stage(what: Any, label: str = "", /, **arguments: Any) -> Artifact:
        found[str(Title(what.name, label))] = alone(what, label, **arguments)
        return found[str(Title(what.name, label))]

    experiment = load_any(str(file))
    if isinstance(experiment, ImageExperiment):
        recipe_of_images(experiment, stage)
    else:
        recipe(experiment, stage)
    return found


class Served:
    """The models of two experiments, behind MLflow's scoring server."""

    def __init__(self, folder: Path) -> None:
        self.stages = computed(write_texts(folder / "texts"), folder / "store")
        self.stages |= computed(write_pictures(folder / "pictures"), folder / "store")
        self.pictures = folder / "pictures"
        self.client = MlflowClient(mlflow.get_tracking_uri())
        self.experiment = self.client.create_experiment(
            "served", artifact_location=(folder / "mlartifacts").as_uri()
        )

    def table(self, problem: str) -> pd.DataFrame:
        """What the evaluation wrote: inputs and answers."""
        return pd.read_parquet(self.stages[f"evaluation {problem}"].path / "predictions.parquet")

    def scorer(self, problem: str) -> Callable[..., httpx.Response]:
        """How the logged model of a problem is asked: by the values of a request."""
        title = f"finetuning {problem}"
        run = self.client.create_run(self.experiment).info.run_id
        model = log_model(self.client, run, self.experiment, title, self.stages[title])
        application = scoring_server.init(mlflow.pyfunc.load_model(f"models:/{model}"))
        client = TestClient(application)
        return lambda **values: client.post("/invocations", json=values)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("served")
    make_state_folder(folder / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEMPER_HOME", str(folder / "home"))
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'home' / 'mlflow.db'}")
        yield Served(folder)
        mlflow.set_tracking_uri(before)


def answers(response: httpx.Response) -> list[Any]:
    assert response.status_code == 200, response.text
    found: list[Any] = response.json()["predictions"]
    return found


def records(table: pd.DataFrame, *columns: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table[list(columns)].to_dict("records")
    return found


def close(values: Any) -> Any:
    return pytest.approx(list(values), abs=1e-5)


@pytest.mark.parametrize(
    ("problem", "columns"),
    [("mood", ["text"]), ("long", ["text"]), ("same", ["text", "second_text"])],
)
def test_labels_of_texts_and_pairs(served: Served, problem: str, columns: list[str]) -> None:
    table, ask = served.table(problem), served.scorer(problem)
    found = answers(ask(dataframe_records=records(table, *columns)))
    assert [each["label"] for each in found] == list(table["predicted"])
    assert [each["score"] for each in found] == close(table["probability"])
    if columns == ["text"]:
        assert answers(ask(inputs=list(table["text"]))) == found
    else:
        assert "second_text" in ask(dataframe_records=[{"text": "one"}]).json()["message"]
        empty = ask(dataframe_records=[{"text": "one", "second_text": None}])
        assert "row 1 has no text" in empty.text


def test_several_labels(served: Served) -> None:
    table, ask = served.table("topics"), served.scorer("topics")
    found = answers(ask(inputs=list(table["text"])))
    applying = [sorted(each["label"] for each in row if each["applies"]) for row in found]
    assert applying == [list(labels) for labels in table["predicted"]]
    for row, expected in zip(found, table["probability"], strict=True):
        scores = [each["score"] for each in row if each["applies"]]
        assert scores == close(sorted(expected, reverse=True))


@pytest.mark.parametrize(
    ("problem", "columns"), [("score", ["text"]), ("likeness", ["text", "second_text"])]
)
def test_numbers_of_texts_and_pairs(served: Served, problem: str, columns: list[str]) -> None:
    table, ask = served.table(problem), served.scorer(problem)
    found = answers(ask(dataframe_records=records(table, *columns)))
    assert [each["number"] for each in found] == close(table["predicted"])


def test_words_with_their_tags(served: Served) -> None:
    table, ask = served.table("names"), served.scorer("names")
    found = answers(ask(inputs=[" ".join(words) for words in table["tokens"]]))
    for row, expected in zip(found, table.itertuples(), strict=True):
        assert [each["word"] for each in row] == list(expected.tokens)
        assert [each["tag"] for each in row] == list(expected.predicted)
        assert [each["score"] for each in row] == close(expected.probability)


def test_answers_to_questions(served: Served) -> None:
    table, ask = served.table("where"), served.scorer("where")
    found = answers(ask(dataframe_records=records(table, "question", "text")))
    assert [each["answer"] for each in found] == list(table["predicted"])
    assert [each["start"] for each in found] == list(table["start"])
    assert [each["score"] for each in found] == close(table["probability"])
    one = {"question": "Who?", "text": "Ada."}
    assert "row 2 has no question" in ask(dataframe_records=[one, one | {"question": None}]).text
    assert "row 1 has no text" in ask(dataframe_records=[one | {"text": None}]).text


def test_continuations(served: Served) -> None:
    table, ask = served.table("next"), served.scorer("next")
    found = answers(ask(inputs=list(table["prompt"])))
    assert [each["continuation"] for each in found] == [each["text"] for each in table["predicted"]]


def in_base64(folder: Path, table: pd.DataFrame) -> list[str]:
    return [base64.b64encode((folder / name).read_bytes()).decode() for name in table["image"]]


def test_classes_of_pictures(served: Served) -> None:
    table, ask = served.table("kinds"), served.scorer("kinds")
    found = answers(ask(inputs=in_base64(served.pictures / "few", table)))
    assert [each["label"] for each in found] == list(table["predicted"])
    assert [each["score"] for each in found] == close(table["probability"])


def test_several_labels_of_pictures(served: Served) -> None:
    table, ask = served.table("several"), served.scorer("several")
    found = answers(ask(inputs=in_base64(served.pictures / "several", table)))
    for answer, row in zip(found, table.to_dict("records"), strict=True):
        applies = {each["label"]: each["score"] for each in answer if each["applies"]}
        assert sorted(applies) == list(row["predicted"])
        assert [applies[label] for label in row["predicted"]] == close(row["probability"])


def test_masks(served: Served) -> None:
    table, ask = served.table("shapes"), served.scorer("shapes")
    found = answers(ask(inputs=in_base64(served.pictures / "shapes", table)))
    for answer, expected in zip(found, table["predicted"], strict=True):
        mask = Image.open(io.BytesIO(base64.b64decode(answer["mask"])))
        assert np.array_equal(np.asarray(mask), masks.placed(expected, CLASSES))


def test_boxes(served: Served) -> None:
    table, ask = served.table("boxes"), served.scorer("boxes")
    found = answers(ask(inputs=in_base64(served.pictures / "yolo", table)))
    for answer, expected in zip(found, table["predicted"], strict=True):
        objects = boxes.from_text(expected)
        assert json.loads(answer["labels"]) == [each.label for each in objects]
        scores, corners = json.loads(answer["scores"]), json.loads(answer["boxes"])
        assert scores == pytest.approx([each.score for each in objects], abs=1e-4)  # 4 decimals
        for box, each in zip(corners, objects, strict=True):
            assert box == pytest.approx(each.corners, abs=0.01)  # of 2 decimals
