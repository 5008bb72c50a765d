"""Adding a problem is adding its folder; the same of a family, an objective, a source, tuning.

Two problems are added, which differ in their headline metric: a rank correlation, of which more is
better, and an error, of which less is. Both read a column of a role of their own. One run in a copy
of the code has all that is added, a way of explaining too, from the plan to the comparison.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tests.support.added import file_of, rating_problem
from tests.support.added_chain import Left, form, offered
from tests.support.added_parts import AddedParts
from tests.support.tiny_experiment import ANIMALS, PLACES, VERBS, write_labels, write_texts

pytestmark = pytest.mark.slow

ADDED = ("camembert", "ends", "listed", "norms", "alone")
PROBLEMS = ("ranked", "missed", "mood")


def write_experiment(folder: Path) -> Path:
    """A tiny experiment: sentences, each rated by the animal in it, and moods."""
    texts = sorted(write_texts(folder).glob("*.txt"))
    documents = [" ".join(text.read_text().split()) for text in texts]
    (folder / "texts.list").write_text("\n".join(documents) + "\n")
    write_labels(folder)
    draw = random.Random(5)
    lines = ["text,stars"]
    for number in range(200):
        animal = draw.choice(ANIMALS)
        words = ["the", animal, draw.choice(VERBS), draw.choice(PLACES), str(number)]
        lines.append(f"{' '.join(words)},{ANIMALS.index(animal) + draw.random() / 2:.3f}")
    (folder / "rated.csv").write_text("\n".join(lines) + "\n")
    training = {"epochs": 8, "batch_size": 16, "learning_rate": 5e-3, "max_length": 16}
    values = {
        "name": "rated",
        "corpus": {"source": "texts.list", "validation_share": 0.1},
        "tokenizer": {"vocab_size": 200},
        "model": {"family": "camembert", "layers": 1, "hidden_size": 16, "heads": 2}
        | {"max_positions": 64, "initializer_range": 0.25},
        "pretraining": {"objective": "ends", "steps": 4, "batch_size": 8, "sequence_length": 32}
        | {"validation_sequences": 8, "log_every": 2},
        "downstream": [
            {"name": name, "problem": problem, "source": "rated.csv", **training}
            for name, problem in (("ranked", "rating"), ("missed", "rating-error"))
        ],
        "evaluation": {"bootstrap_samples": 200, "explain": ["alone"], "explained_rows": 10},
    }
    mood = {"name": "mood", "problem": "text-classification", "source": "moods.csv"}
    tuned = {"tuning": {"method": "norms", "learning_rate": 0.01}}
    values["downstream"].append(mood | training | {"epochs": 2} | tuned)
    file = folder / "rated.yaml"
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return file


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> SimpleNamespace:
    """The copy, and two runs of the experiment there, one of which trains less."""
    folder = tmp_path_factory.mktemp("added")
    files = rating_problem() | rating_problem("rating_error", "rmse")
    for name in ADDED:
        files |= file_of(name)
    copy = AddedParts(folder / "copy", files)
    file, home = write_experiment(folder / "data"), folder / "home"

    def temper(*words: str) -> str:
        return copy.temper(*words, home=home, server=prefect_server)

    planned = temper("plan", str(file))
    less = [f"downstream.{name}.epochs=1" for name in PROBLEMS]
    results = []
    for settings in ([], less):
        out = folder / "out.json"
        words = [word for each in settings for word in ("--set", each)]
        printed = temper("run", str(file), "--output", str(out), *words)
        results.append(json.loads(out.read_text()) | {"printed": printed})
    return SimpleNamespace(
        copy=copy,
        temper=temper,
        file=file,
        planned=planned,
        results=results,
        left=Left.of(results[0]),
        folder=folder,
    )


def test_it_is_planned_trained_and_evaluated_with_intervals(world) -> None:
    assert "finetuning ranked" in world.planned
    assert "stages are cached: nothing to compute" in world.temper("plan", str(world.file))
    metrics, printed = world.results[0]["metrics"], world.results[0]["printed"]
    for problem, headline in (("ranked", "spearman"), ("missed", "rmse")):
        for metric in ("spearman", "pearson", "rmse"):
            name = f"downstream/{problem}/{metric}"
            assert metrics[f"{name}/low"] <= metrics[name] <= metrics[f"{name}/high"]
        sign = 1 if headline == "spearman" else -1
        ours, scratch = (
            metrics[f"downstream/{problem}/{model}{headline}"] for model in ("", "from_scratch/")
        )
        assert metrics[f"downstream/{problem}/gain"] == pytest.approx(sign * (ours - scratch))
        assert f"downstream/{problem}/majority/{headline}" in metrics
    worse = metrics["downstream/missed/rmse"] >= metrics["downstream/missed/majority/rmse"]
    assert ("missed: no better than" in printed) == worse, "an error is better where it is lower"
    assert "spearman" in printed
    assert "rmse" in printed


def test_a_model_states_its_problem_although_several_have_the_same_head(world) -> None:
    for name, problem in (("ranked", "rating"), ("missed", "rating-error")):
        model = world.left.stages[f"finetuning {name}"] / "model" / "config.json"
        code = f"""
from json import load
from tasks.models.files import answers, problem_of
found = load(open({str(model)!r}))
alike = ("regression", "rating", "rating-error")
print(problem_of(found), *(each for each in alike if answers(each, found)))
"""
        assert world.copy.code(code).split() == [problem, problem]


def test_its_pages_are_in_its_own_unit(world) -> None:
    assert "root mean square error (lower is better)" in world.left.page()
    card = world.left.card("evaluation missed")
    assert "points" not in card
    assert "## By class" not in card
    assert not list(world.left.stages["evaluation missed"].parent.rglob("confusion.png"))


def test_what_else_is_added_is_used(world) -> None:
    assert "last tokens predicted" in world.left.page()
    assert "## Explanations: mood" in world.left.page()
    assert "loss of the last tokens, nats a token" in world.left.card("pretraining")
    architectures = world.left.configuration("finetuning mood")["architectures"]
    assert architectures == ["CamembertForSequenceClassification"]
    trained = [each["metrics"] for each in world.left.manifests("finetuning mood")]
    shares = [metrics["trained_share"] for metrics in trained]
    assert min(shares) < 0.2, "the norms and the head"
    assert shares.count(1.0) == 1, "from scratch"


def test_runs_are_compared_and_ranked_in_the_direction_of_the_metric(world) -> None:
    def ranked(metric: str) -> list[float]:
        file = world.folder / "ranked.json"
        world.temper("leaderboard", "--metric", metric, "--json", str(file))
        told = json.loads(file.read_text())
        [group] = told["groups"]
        return [row["metrics"][f"downstream/{metric}"]["value"] for row in group["rows"]]

    assert ranked("ranked/spearman") == sorted(ranked("ranked/spearman"), reverse=True)
    assert ranked("missed/rmse") == sorted(ranked("missed/rmse"))
    file = world.folder / "compared.json"
    world.temper("compare", "--last", "2", "--json", str(file))
    told = json.loads(file.read_text())
    by_problem = {each["problem"]: each for each in told["differences"]}
    assert by_problem.keys() == {*PROBLEMS}
    for problem, metric in (("ranked", "spearman"), ("missed", "rmse")):
        row = told["metrics"][f"downstream/{problem}/{metric}"]
        values = {label: each["value"] for label, each in row["values"].items()}
        best = max(values, key=values.get) if metric == "spearman" else min(values, key=values.get)
        assert row["best"] == [best]
        said = by_problem[problem]["sentence"]
        assert said.startswith(f"{by_problem[problem]['first']} is ") or "chance" in said
    assert told["disputed"]["missed"]


def test_the_form_offers_it(world) -> None:
    assert offered(world.copy, "experiment") >= {"rating", "camembert", "ends", "norms", "alone"}
    assert "Column with the rating, a number (rating, rating-error)" in form(
        world.copy, "experiment"
    )
