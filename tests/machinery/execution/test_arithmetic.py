"""Threads and kernels: recorded, kept when a training resumes, or reported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tasks.contract import Silent
from tasks.machinery.execution.arithmetic import FILE, Arithmetic, arithmetic_kept
from tasks.machinery.store.checkpoints import save_checkpoint


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = Arithmetic.now()
    torch.set_num_threads(2)
    yield
    before.hold()


def begin(checkpoints: Path) -> None:
    """A training that wrote a checkpoint and was killed."""
    with arithmetic_kept(Silent(), checkpoints):
        save_checkpoint(checkpoints, 3, lambda folder: (folder / "weights").touch())


def resume(checkpoints: Path) -> tuple[int, Silent]:
    """The threads with which it computes when it resumes, and what it reports."""
    monitor = Silent()
    with arithmetic_kept(monitor, checkpoints):
        return torch.get_num_threads(), monitor


def test_how_a_stage_computes_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    monitor = Silent()
    with arithmetic_kept(monitor, None):
        pass
    assert monitor.facts["threads"] == 2
    assert monitor.facts["kernels"] == torch.backends.cpu.get_cpu_capability()
    assert "ONEDNN_MAX_CPU_ISA=AVX2" in str(monitor.facts["kernel_variables"])
    assert {"float32_products", "processor"} <= monitor.facts.keys()
    assert monitor.said == []


def test_a_training_resumes_with_the_threads_that_it_began_with(tmp_path: Path) -> None:
    begin(tmp_path)
    torch.set_num_threads(1)
    used, monitor = resume(tmp_path)
    assert used == 2
    assert monitor.said == [
        "threads: 2, as before the interruption (otherwise 1 here), so that the bits are the same"
    ]
    assert monitor.facts["threads"] == 2
    assert torch.get_num_threads() == 1, "other stages compute as the process does"
    assert resume(tmp_path)[0] == 2, "also when it is interrupted again"


def test_what_libraries_set_when_they_are_imported_is_no_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(tmp_path)
    monkeypatch.setenv("KMP_INIT_AT_FORK", "FALSE")  # as scikit-learn does
    assert resume(tmp_path)[1].said == []


def test_a_training_without_a_checkpoint_begins_with_what_is_here(tmp_path: Path) -> None:
    with arithmetic_kept(Silent(), tmp_path):
        pass
    torch.set_num_threads(1)
    used, monitor = resume(tmp_path)
    assert (used, monitor.said) == (1, [])


def test_kernels_that_cannot_be_kept_are_reported_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(tmp_path)
    monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")
    _, monitor = resume(tmp_path)
    [said] = monitor.said
    assert "resumes with other kernels (kernel_variables: " in said
    assert "ONEDNN_DEFAULT_FPMATH_MODE=BF16 now" in said
    assert monitor.facts["changed_on_resume"] == "kernel_variables"
    monkeypatch.delenv("ONEDNN_DEFAULT_FPMATH_MODE")
    _, monitor = resume(tmp_path)
    assert monitor.said == []
    assert monitor.facts["changed_on_resume"] == "kernel_variables", "a part was computed so"


@pytest.mark.parametrize("content", ["", "null", "{}", json.dumps({"begun": {}, "changed": []})])
def test_an_unreadable_record_holds_nothing(tmp_path: Path, content: str) -> None:
    begin(tmp_path)
    (tmp_path / FILE).write_text(content)
    torch.set_num_threads(1)
    assert resume(tmp_path)[0] == 1
