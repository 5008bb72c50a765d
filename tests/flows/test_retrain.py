"""Retraining as a person and a schedule do it: what is new, what is better, who decides."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow import MlflowClient

from tasks.contract import StageError
from tasks.experiment.problem import Downstream
from tests.support.command import call
from tests.support.database import make_state_folder
from tests.support.growing import write_growing, write_rows

MODEL = "moods"


class Place:
    """A state folder, the experiment, and the command."""

    def __init__(self, folder: Path, server: str) -> None:
        self.folder, self.server = folder, server
        self.file = write_growing(folder / "data", rows=200)
        make_state_folder(folder / "home")

    def temper(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command as a person does."""
        environment = os.environ | {
            "TEMPER_HOME": str(self.folder / "home"),
            "PREFECT_API_URL": self.server,
            "COLUMNS": "200",
        }
        environment.pop("MLFLOW_TRACKING_URI", None)
        return call(*words, environment=environment)

    def retrain(self, *words: str, output: str = "out.json") -> dict[str, Any]:
        """Retrain; what was decided, and what was `printed`."""
        file = self.folder / output
        asked = ["--problem", "mood", "--model", MODEL, "--output", str(file)]
        done = self.temper("retrain", str(self.file), *asked, *words)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return json.loads(file.read_text()) | {"printed": done.stdout}

    def train_on(self, rows: int, *, spoiled: bool = False) -> None:
        """Change the training rows; the test split stays."""
        write_rows(self.folder / "data" / "moods" / "train.csv", rows, 3, spoiled=spoiled)

    @property
    def client(self) -> MlflowClient:
        """The MLflow of the state folder."""
        return MlflowClient(f"sqlite:///{self.folder / 'home' / 'mlflow.db'}")

    def aliases(self) -> dict[str, str]:
        """The versions of the aliases."""
        found = self.client.get_registered_model(MODEL).aliases
        return {alias: str(version) for alias, version in found.items()}

    def runs(self) -> int:
        """How many runs MLflow has."""
        ids = [found.experiment_id for found in self.client.search_experiments()]
        return len(self.client.search_runs(ids))


@pytest.fixture
def place(tmp_path: Path, prefect_server: str) -> Place:
    return Place(tmp_path, prefect_server)


@pytest.mark.slow
def test_a_growing_data_set_retrains_promotes_refuses_and_is_rolled_back(place: Place) -> None:
    first = place.retrain()
    assert first["outcome"] == "first"
    assert place.aliases() == {"champion": "1"}

    before = place.runs()
    same = place.retrain()
    assert "nothing new: the experiment produces version 1" in same["message"]
    assert place.runs() == before
    assert "finetuning" not in same["printed"]

    place.train_on(1500)
    better = place.retrain()
    assert better["outcome"] == "promoted"
    assert better["decision"]["gain"][1] > 0
    assert place.aliases() == {"champion": "2", "previous": "1"}

    place.train_on(1500, spoiled=True)
    worse = place.retrain()
    assert worse["outcome"] == "kept"
    assert "class glad is worse by more than 5 points" in worse["printed"]
    assert place.aliases() == {"champion": "2", "previous": "1"}
    before = place.runs()
    again = place.retrain()
    assert "nothing new: the experiment produces version 3: kept champion" in again["message"]
    assert place.runs() == before

    lost = place.temper("promote", MODEL, "3")
    assert lost.returncode == 0
    assert "note: version 3 lost to version 2" in lost.stderr
    assert "class glad is worse" in lost.stderr
    assert place.temper("rollback", MODEL).returncode == 0
    assert place.aliases() == {"champion": "2", "previous": "1"}

    assert place.temper("rollback", MODEL).returncode == 0
    assert place.aliases() == {"champion": "1"}
    place.train_on(1500)  # what gave the version that a person took down
    assert "version 2, which was demoted by hand" in place.retrain()["message"]
    nothing = place.temper("rollback", MODEL)
    assert nothing.returncode == 1
    assert "no previous champion to roll back to" in nothing.stderr

    told = place.temper("history", MODEL).stdout
    lines = [" ".join(line.split()) for line in told.splitlines()]
    for number, said in enumerate(
        [
            "1 promoted, the first champion",
            "2 promoted +",
            "3 kept champion -",
            "3 promoted by hand 2 → 3",
            "2 rolled back 3 → 2",
            "1 rolled back 2 → 1",
        ]
    ):
        assert any(line.startswith(f"{number + 1} ") and said in line for line in lines), told
    assert "version 3 lost to version 2" in next(line for line in lines if line.startswith("4 "))
    check_versions(place)


def check_versions(place: Place) -> None:
    """What MLflow's pages show of the versions: lineage, decision, and the table of both sides."""
    client = place.client
    tags = {n: client.get_model_version(MODEL, n).tags for n in ("1", "2", "3")}
    assert tags["3"]["temper.outcome"] == "promoted by hand"
    assert "version 3 lost to version 2" in tags["3"]["temper.reasons"]
    for each in tags.values():
        assert client.get_run(each["temper.run_id"]).info.status == "FINISHED"
        assert each["temper.data.dataset mood"]
        assert each["temper.data.corpus"]
        assert len(each["temper.fingerprint"]) == 64
    assert json.loads(tags["2"]["temper.decision.0002"])["rule"]["confidence"] == 0.95
    assert "@" in tags["3"]["temper.by"]
    judged = client.get_run(tags["3"]["temper.decision_run_id"])
    assert judged.info.status == "FINISHED"
    assert judged.info.run_name == f"version 3: kept champion · retrain {MODEL}"
    measured = judged.data.metrics
    assert measured["downstream/mood/accuracy"] == measured["judgement/challenger/accuracy"]
    page = judged.data.tags["mlflow.note.content"]
    assert "# Not promoted: the champion stays" in page
    assert "| class | rows | champion | challenger |" in page
    assert "card.md" in [file.path for file in client.list_artifacts(judged.info.run_id)]


@pytest.mark.long
@pytest.mark.slow
def test_two_at_once_train_once_and_decide_once(place: Place) -> None:
    with ThreadPoolExecutor(2) as both:
        found = list(both.map(lambda name: place.retrain(output=name), ["a.json", "b.json"]))
    assert sorted(each["outcome"] for each in found) == ["first", "nothing new"]
    assert [each.version for each in place.client.search_model_versions(f"name='{MODEL}'")] == [1]
    finetuned = [
        run
        for experiment in place.client.search_experiments()
        for run in place.client.search_runs([experiment.experiment_id])
        if run.info.run_name == "finetuning mood"
    ]
    assert len(finetuned) == 1

    # The champion is not in the store any more: its model comes from MLflow.
    shutil.rmtree(place.folder / "home" / "store" / "finetuning")
    before = place.runs()
    assert "nothing new" in place.retrain()["message"]  # what was freed is no news
    assert place.runs() == before
    place.train_on(1500)
    assert place.retrain()["outcome"] == "promoted"
    assert len(list((place.folder / "home" / "store" / "model").glob("*/manifest.json"))) == 1
    promoted = place.temper("promote", MODEL, "1")
    assert "version 1 is the champion" in promoted.stdout
    assert place.aliases() == {"champion": "1", "previous": "2"}


@pytest.mark.parametrize("champion", ["1", ""])
def test_a_problem_of_another_kind_is_refused_before_anything_is_trained(champion: str) -> None:
    from flows.runs.retraining import Retraining

    versions = [
        SimpleNamespace(version=n, tags={"temper.kind": kind})
        for n, kind in ((1, "text-classification"), (2, "text-classification"))
    ]
    registry = SimpleNamespace(name="moods", versions=lambda: versions, champion=lambda: champion)

    def of(problem: str) -> Retraining:
        none: Any = None
        given: Any = {"registry": registry, "verify": "quick", "recipe": "", "store": none}
        part = Downstream(name="mood", problem=problem)
        return Retraining(experiment=none, problem=part, rule=none, tracking=none, **given)

    of("text-classification").require_kind()
    with pytest.raises(StageError, match="moods is a model for text-classification, but the prob"):
        of("regression").require_kind()
    with pytest.raises(StageError, match="register under another name"):
        of("regression").run()


def test_a_retraining_with_nothing_new_has_a_state_of_its_own() -> None:
    from flows.runs.retraining import nothing_new

    state = nothing_new("the champion was trained on these rows")
    assert (state.type.value, state.name) == ("COMPLETED", "NothingNew")
    assert state.message == "nothing new: the champion was trained on these rows"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["retrain", "{file}", "--problem", "moos", "--model", "m"],
            "no 'moos'; did you mean mood",
        ),
        (["retrain", "{file}", "--problem", "mood", "--model", "a/b"], "model: found 'a/b'"),
        (
            ["retrain", "{file}", "--problem", "mood", "--model", "m", "--confidence", "2"],
            "rule.confidence: found 2.0; accepted: less than 1",
        ),
    ],
)
def test_a_mistake_is_said_before_anything_starts(
    place: Place, words: list[str], said: str
) -> None:
    done = place.temper(*[word.format(file=place.file) for word in words])
    assert done.returncode == 2
    assert said in done.stderr
    assert "starting" not in done.stdout


@pytest.mark.slow
def test_a_model_that_is_not_registered_is_said(place: Place) -> None:
    for command in (["history", "m"], ["promote", "m", "1"], ["rollback", "m"]):
        done = place.temper(*command)
        assert done.returncode == 1
        assert "no registered model 'm'. None is registered yet" in done.stderr
