"""Published adapters: merged as `peft` merges them, into the model that they name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForSequenceClassification

from tasks.contract import StageError
from tasks.machinery.store.artifact import Input
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.tracking import Tracking
from tasks.references import resolving
from tasks.references.resolving import resolve_model
from tests.conftest import ROOT
from tests.support.hub import hub_of
from tests.support.tiny_models import write_body

pytestmark = pytest.mark.usefixtures("mlflow_database")  # whatever another test has set

LORA = {"r": 4, "lora_alpha": 8, "target_modules": ["query", "dense"]}


def adapter(folder: Path, body: Path, auto: Any = AutoModelForSequenceClassification, **more: Any):
    """A random adapter as `peft` writes it, and the body that `peft` merges it into."""
    model = auto.from_pretrained(body)
    tuned = get_peft_model(model, LoraConfig(**LORA | more))
    torch.manual_seed(1)
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_" in name or weight.requires_grad:
                weight.add_(torch.randn_like(weight) * 0.1)
    tuned.save_pretrained(folder)
    return tuned.merge_and_unload().base_model


def resolved(reference: Path, home: Path) -> Input:
    tracking = Tracking("x", lambda _: None)
    return resolve_model(str(reference), "start", tracking, Store(home / "store"))


def same(found: Path, expected: Any) -> bool:
    own, wanted = AutoModel.from_pretrained(found).state_dict(), expected.state_dict()
    wanted = {name: tensor for name, tensor in wanted.items() if "pooler" not in name}
    return all(torch.allclose(own[name], tensor, atol=1e-6) for name, tensor in wanted.items())


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"use_rslora": True, "rank_pattern": {"query": 2}, "alpha_pattern": {"query": 3}},
        {"use_dora": True},
        {"bias": "lora_only"},
        {"task_type": "SEQ_CLS"},
    ],
    ids=["lora", "rslora", "dora", "bias", "head"],
)
def test_an_adapter_is_merged_as_peft_merges_it(more: dict[str, Any], tmp_path: Path) -> None:
    body = write_body(tmp_path / "body")
    expected = adapter(tmp_path / "adapter", body, **more)
    found = resolved(tmp_path / "adapter", tmp_path)
    assert same(found.path, expected)
    assert not same(body, expected)
    assert (found.path / "tokenizer.json").is_file()
    assert resolved(tmp_path / "adapter", tmp_path) == found


def test_an_adapter_of_transposed_matrices_and_of_a_bare_model_is_merged(tmp_path: Path) -> None:
    body = write_body(tmp_path / "body", "gpt2")
    names = {"target_modules": ["c_attn", "c_proj"], "fan_in_fan_out": True}
    expected = adapter(tmp_path / "adapter", body, AutoModel, **names)
    assert same(resolved(tmp_path / "adapter", tmp_path).path, expected)


def changed(folder: Path, **fields: Any) -> None:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"peft_type": "PREFIX_TUNING"}, r"^start: .*peft_type: found 'PREFIX_TUNING'"),
        ({"base_model_name_or_path": None}, r"base_model_name_or_path: found None; .* merged"),
        ({"base_model_name_or_path": "/nowhere"}, r"adapts, /nowhere, does not exist"),
        ({"use_dora": True}, r"accepted: .* with the magnitudes of DoRA"),
        ({"init_lora_weights": "pissa"}, r"init_lora_weights.*: found 'pissa'"),
        ({"lora_bias": True}, r"lora_bias: found True"),
        ({"layer_replication": [[0, 2]]}, r"layer_replication: found"),
        ({"alpha_pattern": {"^.*query$": 3}}, r"alpha_pattern\..*: found '\^\.\*query"),
        ({"r": 5}, r"with rank 5; accepted: those of a matrix of"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused_with_its_field(
    fields: dict[str, Any], said: str, tmp_path: Path
) -> None:
    adapter(tmp_path / "adapter", write_body(tmp_path / "body"))
    changed(tmp_path / "adapter", **fields)
    with pytest.raises(StageError, match=said):
        resolved(tmp_path / "adapter", tmp_path)


def test_an_adapter_of_another_model_or_without_safetensors_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    adapter(folder, write_body(tmp_path / "body"))
    weights = folder / "adapter_model.safetensors"
    other = {name.replace("layer.0", "layer.7"): t for name, t in load_file(weights).items()}
    save_file(other, weights)
    with pytest.raises(
        StageError, match=r"layer\.7.* is no layer of .*: the adapter is of another"
    ):
        resolved(folder, tmp_path)
    weights.rename(folder / "adapter_model.bin")
    with pytest.raises(StageError, match=r"an adapter without adapter_model\.safetensors; found"):
        resolved(folder, tmp_path)


FIND = """
import sys
from pathlib import Path
from tests.references.test_adapters import resolved
print(resolved(sys.argv[1], Path(sys.argv[2])).digest)
"""


@pytest.mark.slow
def test_an_adapter_on_the_hub_names_its_model_there(tmp_path: Path) -> None:
    body = write_body(tmp_path / "body")
    adapter(tmp_path / "adapter", body)
    here = resolved(tmp_path / "adapter", tmp_path)
    changed(tmp_path / "adapter", base_model_name_or_path="team/body")
    models = {"team/body": body, "team/adapter": tmp_path / "adapter"}
    with hub_of({"models": models}, tmp_path / "kept") as hub:
        environment = os.environ | hub.environment | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", FIND, "hf:team/adapter", str(tmp_path / "other")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == here.digest, done.stderr[-2000:]


def test_an_adapter_on_the_hub_that_names_itself_is_no_circle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter(tmp_path / "adapter", write_body(tmp_path / "body"))
    changed(tmp_path / "adapter", base_model_name_or_path="team/adapter")
    monkeypatch.setattr(resolving, "commit_of", lambda *_: {"team/adapter": "0" * 40})
    monkeypatch.setattr(resolving, "why_unanswered", lambda *_: "")
    folder = str(tmp_path / "adapter")
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: folder)
    with pytest.raises(StageError, match=r"hf:team/adapter@0.*config\.json"):
        resolve_model("hf:team/adapter", "start", Tracking("x", print), Store(tmp_path / "store"))
