"""Each family with each of its objectives, and each problem of texts, resumes to the bit.

Trainings are stopped in this process, in the middle of a step, and begun again from what is in the
folder of checkpoints. `tests/stages/test_pretraining.py` kills processes, of a few of these.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tasks import families, objectives
from tasks.contract import Silent
from tasks.experiment.pretraining import Checkpoints
from tasks.experiment.problem import FineTuning
from tasks.stages.finetuning import finetune
from tests.stages.test_pretraining import contents
from tests.stages.test_pretraining import run as pretrain
from tests.support.small_corpus import documents, encode
from tests.support.tiny_models import MADE, write_body, write_data

pytestmark = [pytest.mark.slow, pytest.mark.long]

STOPPED_AT = 5
COMBINED = [
    (family, objective)
    for family in families.names()
    for objective in objectives.names()
    if {*objectives.load(objective).HEADS} <= {*families.load(family).HEADS}
]
TRAINING = FineTuning(epochs=2, batch_size=16, max_length=12, precision="fp32", dropout=0.1)
WINDOWS = ("text-classification", "several-labels", "regression", "token-classification")
TUNED = [*((problem, -1) for problem in MADE), *((problem, 4) for problem in WINDOWS)]


class Told(Silent):
    """Notes the steps that are told, and perhaps stops the training at one."""

    def __init__(self, checkpoints: Path, stop_at: int = 0) -> None:
        super().__init__(checkpoints)
        self.stop_at, self.steps = stop_at, list[int]()

    def progress(self, done: int, total: int, unit: str) -> None:
        """Stop, as Ctrl-C does."""
        if unit == "steps":
            self.steps.append(done)
            if done == self.stop_at:
                raise KeyboardInterrupt


def resumes(train: Callable[[Path, Told], object], folder: Path) -> None:
    """Check that a training comes to the same files when it is stopped on the way."""
    whole, stopped, kept = folder / "whole", folder / "stopped", folder / "kept"
    train(whole, Told(folder / "unused"))
    with pytest.raises(KeyboardInterrupt):
        train(folder / "lost", Told(kept, STOPPED_AT))
    resumed = Told(kept)
    train(stopped, resumed)
    assert resumed.steps[0] >= STOPPED_AT, "it does not begin anew"
    assert contents(stopped) == contents(whole)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("corpus") / "run", documents(120), documents(12))


@pytest.mark.parametrize(("family", "objective"), COMBINED)
def test_a_pretraining(family: str, objective: str, corpus: Path, tmp_path: Path) -> None:
    def train(out: Path, monitor: Told) -> None:
        pretrain(corpus, out, family, monitor, objective=objective, dropout=0.1)

    resumes(train, tmp_path)


@pytest.mark.parametrize(("problem", "stride"), TUNED)
def test_a_fine_tuning(problem: str, stride: int, tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", problem)
    body = write_body(tmp_path / "body", "gpt2" if problem == "generation" else "bert")
    training = TRAINING.model_copy(update={"stride": stride})

    def train(out: Path, monitor: Told) -> None:
        out.mkdir()
        finetune(
            problem,
            training,
            1,
            data=data,
            body=body,
            architecture=body,
            out=out,
            monitor=monitor,
            checkpoints=Checkpoints(every_steps=1),
        )

    resumes(train, tmp_path)
