"""The presets of families, which run anywhere, and those of GLUE, against a stand-in of the Hub."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml

from flows.presets.loading import load_any, load_experiment, offered, presets
from flows.recipes.experiment import recipe
from tasks import families
from tasks.machinery.execution.planner import Planner
from tasks.machinery.store.store import Store
from tests.conftest import ROOT
from tests.support.hub import hub_of
from tests.support.tiny_models import write_body

GPU = ("bert-base", "glue")
FURTHER = ROOT / "flows" / "presets" / "further"
# Those with a preset; that of `bert` is the demo. A family that is added needs none.
FAMILIES = [name for name in families.names() if (FURTHER / f"{name}.yaml").is_file()]
NATURAL = {"electra": "rtd", "gpt2": "clm", "llama": "clm"}  # else hidden words
OBJECTS, PLACES = ["dogs", "cats", "kites", "boats"], ["Oslo", "Lima", "Cairo", "Turin"]
# The columns of each table: the texts, and the names of its labels; none for a number.
GLUE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cola": (("sentence",), ("unacceptable", "acceptable")),
    "sst2": (("sentence",), ("negative", "positive")),
    "mrpc": (("sentence1", "sentence2"), ("not_equivalent", "equivalent")),
    "rte": (("sentence1", "sentence2"), ("entailment", "not_entailment")),
    "qnli": (("question", "sentence"), ("entailment", "not_entailment")),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_has_a_preset_with_its_natural_objective_that_plans(family: str) -> None:
    experiment = load_experiment(family)
    assert (experiment.name, experiment.model.family) == (family, family)
    assert experiment.pretraining.objective == NATURAL.get(family, "mlm+bow")
    assert experiment.corpus.source.startswith("builtin:")
    planner = Planner(Store(Path("nowhere")))
    recipe(experiment, planner)
    problem = experiment.downstream[0].name
    titles = {step.title for step in planner.steps}
    assert titles >= {"pretraining", f"finetuning {problem}", f"baseline {problem}"}


def test_the_presets_of_families_are_these() -> None:
    known = {"albert", "deberta-v2", "distilbert", "electra", "gpt2", "llama", "modernbert"}
    assert {*FAMILIES} >= known | {"roberta"}


def test_the_ui_offers_none_of_them() -> None:
    assert list(presets())[: len(offered())] == list(offered())
    assert {*presets()} - {*offered()} == {*FAMILIES, *GPU, "generalization"}


def test_generalization_asks_everything_of_the_encoder_of_tuning() -> None:
    asked, tuned = planned_of("generalization"), planned_of("tuning")
    shared = {title for title in tuned if asked[title] == tuned[title]}
    assert {*tuned} - shared == {"report"}
    more = {title.split()[0] for title in {*asked} - {*tuned}}
    assert more == {
        "calibration",
        "evaluation",
        "finetuning",
        "forgetting",
        "further-test",
        "label-share",
        "leakage",
        "learning-curve",
        "mislabelled",
        "near-duplicates",
        "slices",
        "transfer",
    }


def planned_of(name: str) -> dict[str, str]:
    """The fingerprint of each stage that a preset plans, by its title."""
    planner = Planner(Store(Path("nowhere")))
    recipe(load_experiment(name), planner)
    return {step.title: step.fingerprint for step in planner.steps}


def sentences(draw: random.Random, number: int) -> tuple[str, str]:
    words = [draw.choice(["old", "new"]), draw.choice(OBJECTS), "in", draw.choice(PLACES)]
    return f"{' '.join(words)} {number}", f"{words[1]} again {number}"


def write_glue(folder: Path) -> Path:
    """A repository with configurations, whose test labels are hidden, as that of GLUE."""
    draw, told, layouts = random.Random(4), [], []
    for name, (texts, labels) in GLUE.items():
        (folder / name).mkdir(parents=True)
        names = {str(number): label for number, label in enumerate(labels)}
        features: list[dict[str, Any]] = [{"name": text, "dtype": "string"} for text in texts]
        features += [{"name": "label", "dtype": {"class_label": {"names": names}}}]
        features += [{"name": "idx", "dtype": "int32"}]
        told.append({"config_name": name, "features": features})
        files = []
        for split, rows in (("train", 80), ("validation", 30), ("test", 20)):
            table = pd.DataFrame(
                [
                    dict(zip(texts, sentences(draw, 1000 * len(files) + number), strict=False))
                    | {"label": -1 if split == "test" else draw.randrange(len(labels))}
                    | {"idx": number}
                    for number in range(rows)
                ]
            )
            path = f"{name}/{split}-00000-of-00001.parquet"
            table.astype({"idx": "int32"}).to_parquet(folder / path, index=False)
            files.append({"split": split, "path": f"{name}/{split}-*"})
        layouts.append({"config_name": name, "data_files": files})
    card = yaml.safe_dump({"dataset_info": told, "configs": layouts})
    (folder / "README.md").write_text(f"---\n{card}---\n")
    return folder


def write_scores(folder: Path) -> Path:
    """Pairs of sentences with scores from 0 to 1, in splits of which none is hidden."""
    (folder / "data").mkdir(parents=True)
    draw = random.Random(5)
    for number, (split, rows) in enumerate({"train": 80, "validation": 30, "test": 30}.items()):
        found = [sentences(draw, 1000 * number + row) for row in range(rows)]
        table = pd.DataFrame(found, columns=["sentence1", "sentence2"])
        table["score"] = [draw.random() for _ in found]
        table.to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet", index=False)
    return folder


def write_articles(folder: Path) -> Path:
    """Articles in a configuration, as Wikipedia's."""
    (folder / "20231101.en").mkdir(parents=True)
    draw = random.Random(6)
    texts = [". ".join(sentences(draw, row * 20 + n)[0] for n in range(20)) for row in range(60)]
    table = pd.DataFrame({"id": map(str, range(60)), "title": "x", "text": texts})
    table.to_parquet(folder / "20231101.en" / "train-00000-of-00001.parquet", index=False)
    files = [{"split": "train", "path": "20231101.en/train-*"}]
    card = yaml.safe_dump({"configs": [{"config_name": "20231101.en", "data_files": files}]})
    (folder / "README.md").write_text(f"---\n{card}---\n")
    return folder


RUN = """
import json, sys
from pathlib import Path
from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks.machinery.execution.planner import Planner
from tasks.machinery.naming.title import Title
from tasks.machinery.store.store import Store
from tests.support.stages_alone import StagesAlone

name, folder, *settings = sys.argv[1:]
experiment, store, found = load_experiment(name, settings), Store(Path(folder)), {}
if folder == "plan":
    planner = Planner(store)
    recipe(experiment, planner)
    print(json.dumps([step.title for step in planner.steps]))
else:
    alone = StagesAlone(store)
    def stage(what, label="", /, **arguments):
        artifact = alone(what, label, **arguments)
        found[str(Title(what.name, label))] = artifact.metrics
        return artifact
    recipe(experiment, stage)
    print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A stand-in of the Hub with what the presets name, each as small as it can be."""
    folder = tmp_path_factory.mktemp("hub")
    found = {
        "datasets": {
            "nyu-mll/glue": write_glue(folder / "glue"),
            "sentence-transformers/stsb": write_scores(folder / "stsb"),
            "wikimedia/wikipedia": write_articles(folder / "wikipedia"),
        },
        "models": {"google-bert/bert-base-uncased": write_body(folder / "tiny", "bert-mlm")},
    }
    with hub_of(found, folder / "kept") as hub:
        environment = os.environ | hub.environment | {"PYTHONPATH": str(ROOT)}
        environment |= {"TEMPER_HOME": str(folder / "home")}
        environment.pop("MLFLOW_TRACKING_URI", None)  # MLflow sets it, in a test before
        yield SimpleNamespace(folder=folder, environment=environment)


def computed(place: SimpleNamespace, name: str, folder: str, *settings: str) -> Any:
    """The titles of what a preset would compute, if the folder is `plan`; else its metrics."""
    command = [sys.executable, "-c", RUN, name, folder, *settings]
    done = subprocess.run(
        command, env=place.environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def quick(name: str) -> list[str]:
    """Settings with which a preset fits the tiny model and ends soon."""
    problems = [problem.name for problem in load_any(name).downstream]
    fields = ("epochs=1", "max_length=16", "precision=fp32")
    settings = [f"downstream.{problem}.{field}" for problem in problems for field in fields]
    return [*settings, "evaluation.bootstrap_samples=100", "evaluation.simple_baseline=false"]


@pytest.mark.slow
def test_glue_runs_from_a_published_model_without_its_hidden_labels(
    place: SimpleNamespace,
) -> None:
    found = computed(place, "glue", str(place.folder / "store"), *quick("glue"))
    for problem in GLUE:
        rows = found[f"dataset {problem}"]
        assert rows["validation_rows"] == 30
        assert rows["train_rows"] + rows["test_rows"] + rows["dropped_rows"] == 80
        assert 0 <= found[f"evaluation {problem}"]["accuracy"] <= 1
    assert found["dataset stsb"]["test_rows"] == 30
    assert -1 <= found["evaluation stsb"]["spearman"] <= 1


@pytest.mark.slow
def test_bert_base_plans_its_whole_recipe(place: SimpleNamespace) -> None:
    titles = set(computed(place, "bert-base", "plan"))
    assert titles >= {"corpus", "tokenizer", "tokens", "pretraining", "report"}
    assert titles >= {"finetuning cola from scratch", "baseline mrpc", "evaluation stsb"}


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", ["distilbert", "gpt2"])
def test_a_preset_of_a_family_learns(place: SimpleNamespace, name: str) -> None:
    found = computed(place, name, str(place.folder / "store"))
    learnt = found["pretraining"]
    assert learnt["validation_loss"] < learnt["unigram_loss"]
    [evaluated] = [each for title, each in found.items() if title.startswith("evaluation")]
    assert {"gain", "over_simple"} <= evaluated.keys()
