"""A training that really diverges says where and what to do, on the terminal and in MLflow."""

from __future__ import annotations

import pytest

from tests.support.process import run_of, start, statuses
from tests.support.tiny_experiment import write_experiment

# Without a memory of earlier gradients, Adam divides by what is almost nothing.
DIVERGING = (
    "downstream=[]",
    "pretraining.learning_rate=1",
    "pretraining.adam_beta2=0.000001",
    "pretraining.max_gradient_norm=1000000",
    "pretraining.precision=fp32",
    "pretraining.log_every=1",
    # At the full rate all the time, so that it diverges on every kind of processor.
    "pretraining.steps=40",
    "pretraining.warmup_share=0",
    "pretraining.schedule=constant",
)


@pytest.mark.slow
@pytest.mark.parametrize("every_steps", [0, 1])
def test_a_diverging_training_fails_with_its_step_and_what_to_do(
    every_steps, tmp_path, prefect_server
) -> None:
    write_experiment(tmp_path / "data")
    settings = [*DIVERGING, f"checkpoints.every_steps={every_steps}"]
    words = [word for setting in settings for word in ("--set", setting)]
    process = start(tmp_path, prefect_server, *words)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, out + err
    said = " ".join(err.split())
    kept = sorted((tmp_path / "home" / "store" / "pretraining").glob("*/checkpoints/step-*"))
    if every_steps:
        step = int(kept[-1].name.removeprefix("step-"))
        assert f"step {step + 1} of 40 " in said  # its loss or, sooner, a weight
        assert f"The last good checkpoint is of step {step}, in " in said
        assert str(kept[-1]) in err.replace("\n", "")
    else:
        assert "of 40 is nan (the last mean logged was" in said or "of 40 is inf" in said
        assert "The last good checkpoint does not exist yet." in said
        assert kept == []
    assert "Lower learning_rate (halve it first) or raise warmup_share" in said
    assert "Traceback" not in out + err
    assert statuses(tmp_path).pop("pretraining") == ["FAILED"]
    reason = run_of(tmp_path, "pretraining").data.tags["temper.reason"]
    assert "training has diverged. The last good checkpoint" in reason
