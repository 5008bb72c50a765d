"""An adapter is stored without the model that it adapts, and read as the whole model."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from transformers import AutoModelForSequenceClassification

from tasks.contract import StageError
from tasks.experiment.problem import FineTuning
from tasks.experiment.training import TuningMethod
from tasks.machinery.freeing.choosing import Rules, choose
from tasks.machinery.freeing.contents import take_stock
from tasks.machinery.host.digest_memo import digest_file
from tasks.machinery.store import rebuilding
from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.fingerprint import digest
from tasks.machinery.store.rebuilding import FOLDER, readable
from tasks.machinery.store.store import Store
from tasks.tuning import begin
from tests.support.tiny_models import write_body
from tests.tuning.test_methods import moved

WEIGHTS = "model/model.safetensors"


def put(store: Store, stage: str, body: Input | None = None, ago: int = 0) -> Artifact:
    """A body in the store, or the adapter that was trained beside one."""
    inputs = {} if body is None else {"body": body.digest}
    key = {"stage": stage, "part": {}, "inputs": inputs, "code": {}, "libraries": {}}
    reads = {} if body is None else {"body": body.artifact.name}
    with store.locked(stage, digest(key)) as folder:
        out = store.begin(folder)
        if body is None:
            write_body(out / "model")
        else:
            auto = AutoModelForSequenceClassification
            model = auto.from_pretrained(body.path, num_labels=3)
            tuned = begin(model, FineTuning(tuning=TuningMethod(method="lora")), seed=0)
            moved(model)
            tuned.finish(out, body.path)
            model.save_pretrained(out / "model")
            shutil.copy(body.path / "tokenizer.json", out / "model")
            rebuilding.keep(out, body.path)
        made = store.complete(folder, key, {}, {}, 1.0, reads=reads)
        assert rebuilding.spare(made) == ""
    then = (datetime.now(UTC) - timedelta(days=ago)).isoformat()
    (made.folder / "used.json").write_text(json.dumps({"experiments": {"tiny": then}}))
    return made


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Store:
    monkeypatch.setattr(rebuilding, "_views", {})
    return Store(tmp_path / "store")


@pytest.fixture
def body(store: Store) -> Artifact:
    return put(store, "pretraining", ago=40)


@pytest.fixture
def adapter(store: Store, body: Artifact) -> Artifact:
    return put(store, "finetuning", body / "model", ago=20)


def test_what_it_shares_with_its_body_is_not_in_its_folder(
    body: Artifact, adapter: Artifact
) -> None:
    kept = {file.name for file in (adapter.path / "model").iterdir()}
    assert WEIGHTS in adapter.files
    assert kept == {"config.json"}  # neither weights nor tokenizer
    assert adapter.needs == body.name
    assert adapter.damage() is None


def test_who_reads_it_gets_all_files_as_they_were(
    adapter: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    for anew in (False, True):  # as the process that trained it, and as another
        if anew:
            monkeypatch.setattr(rebuilding, "_views", {})
        given = readable(adapter / "model")
        assert {n: digest_file(given.path / n) for n in given.files} == given.files
        assert given.digest == (adapter / "model").digest
        assert given.files[Path(WEIGHTS).name] == adapter.files[WEIGHTS]
        assert readable(given) == given
    assert readable(adapter / "model") == given  # once a process
    assert not (adapter.path / WEIGHTS).exists()


def test_an_adapter_of_a_merged_adapter_is_rebuilt_from_both(
    store: Store, adapter: Artifact
) -> None:
    again = put(store, "judgement", readable(adapter / "model"))
    assert again.needs == adapter.name
    given = readable(again / "model")
    assert {n: digest_file(given.path / n) for n in given.files} == given.files


@pytest.mark.parametrize("gone", [True, False])
def test_without_its_body_it_is_damaged_and_says_what_is_missing(
    gone: bool, body: Artifact, adapter: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "_views", {})
    if gone:
        shutil.rmtree(body.folder)
    else:
        (body.path / WEIGHTS).write_bytes(b"other")
    said = f"is rebuilt from {body.name}, which is missing or altered"
    assert said in str(adapter.damage())
    with pytest.raises(StageError, match=rf"{said}\. Run the experiment again"):
        readable(adapter / "model")


def test_a_damaged_adapter_is_damage(adapter: Artifact) -> None:
    (adapter.path / "adapter" / "adapter_model.safetensors").write_bytes(b"other")
    assert adapter.damage() == "adapter/adapter_model.safetensors differs"


def test_what_would_be_rebuilt_otherwise_is_kept_whole(
    store: Store, body: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.tuning import _merged

    monkeypatch.setattr(
        _merged, "rebuild", lambda output, source, file: file.write_bytes(b"other last bits")
    )
    with pytest.raises(AssertionError, match="is not what was trained"):
        put(store, "finetuning", body / "model")
    [made] = store.artifacts("finetuning")
    assert (made.path / WEIGHTS).is_file()
    assert made.damage() is None
    assert not made.needs
    assert readable(made / "model").path == made.path / "model"


@pytest.mark.parametrize(
    ("rules", "freed"),
    [
        (Rules(older_than=timedelta(days=30)), []),
        (Rules(older_than=timedelta(days=10)), ["finetuning", "pretraining"]),
        (Rules(keep=0), ["finetuning", "pretraining"]),
    ],
)
def test_a_body_is_not_freed_before_what_is_rebuilt_from_it(
    rules: Rules, freed: list[str], store: Store, adapter: Artifact
) -> None:
    items = take_stock(store)
    choices = choose(items, rules, frozenset(), None, datetime.now(UTC))
    assert [choice.item.stage for choice in choices.freed] == freed
    used = choose(items, Rules(keep=0), frozenset({adapter.name}), None, datetime.now(UTC))
    assert not used.freed
    assert "is stored without it, and is rebuilt from it" in used.kept[1].why


def test_rebuilt_files_of_a_killed_process_are_deleted(store: Store, adapter: Artifact) -> None:
    [own] = (store.root / FOLDER).iterdir()
    host, _, start = own.name.split(":")
    dead = store.root / FOLDER / f"{host}:{2**22 + 1}:{start}"
    dead.mkdir()
    rebuilding.tidy(store.root)
    assert [own] == [*(store.root / FOLDER).iterdir()]


def test_they_end_with_the_process(store: Store, adapter: Artifact) -> None:
    [own] = (store.root / FOLDER).iterdir()
    rebuilding._delete(own, os.getpid() + 1)  # as a fork of the process ends
    assert own.is_dir()
    rebuilding._delete(own, os.getpid())
    assert not own.exists()
    assert readable(adapter / "model").path.is_dir()
