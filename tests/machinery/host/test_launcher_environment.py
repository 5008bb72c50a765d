"""A training started by a launcher is the same as one that is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from torch import nn
from transformers import BertConfig, BertForMaskedLM

from tasks.contract import Silent
from tasks.machinery.host.launcher_environment import NAMES, PREFIXES, hidden
from tasks.models.masked_prediction import predict
from tests.conftest import ROOT, free_port
from tests.training.test_loop import CONFIG, Counting

TORCHRUN = {
    "WORLD_SIZE": "1",
    "RANK": "0",
    "LOCAL_RANK": "0",
    "LOCAL_WORLD_SIZE": "1",
    "MASTER_ADDR": "127.0.0.1",
    "TORCHELASTIC_RUN_ID": "x",
}
ACCELERATE = {
    "ACCELERATE_DYNAMO_BACKEND": "eager",
    "ACCELERATE_MIXED_PRECISION": "bf16",
    "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "4",
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
}
SEVERAL = {"WORLD_SIZE": "4", "RANK": "3", "OMPI_COMM_WORLD_SIZE": "4", "LOCAL_RANK": "1"}


def trained(**variables: str) -> dict[str, object]:
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in NAMES and not name.startswith(PREFIXES)
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.training_once"],
        cwd=ROOT,
        env=own | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.slow
def test_launchers_change_no_weight_and_are_reported_once() -> None:
    plain = trained()
    assert plain["said"] == []
    for variables in (TORCHRUN | {"MASTER_PORT": str(free_port())}, ACCELERATE, SEVERAL):
        found = trained(**variables)
        assert found["weights"] == plain["weights"]
        [said] = found["said"]
        assert "have no effect: one process trains" in said
        assert set(str(found["facts"]["environment_ignored"]).split(", ")) == variables.keys()


def test_the_environment_is_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.delenv("ACCELERATE_USE_CPU", raising=False)
    before = dict(os.environ)
    with hidden(Silent()):
        assert "RANK" not in os.environ
        os.environ["ACCELERATE_USE_CPU"] = "true"  # as accelerate does
    assert dict(os.environ) == before


def test_the_head_is_found_in_a_model_that_is_wrapped() -> None:
    model = BertForMaskedLM(BertConfig(**CONFIG.to_dict())).eval()
    batch = {name: part for name, part in Counting()[0].items() if name != "labels"}
    batch["positions"] = batch["input_ids"].flatten()[:3]
    wrapped = nn.DataParallel(model)  # as DistributedDataParallel, it has no config
    assert predict(wrapped, batch).logits.equal(predict(model, batch).logits)
