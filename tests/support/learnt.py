"""A model that has learnt a problem, beside the simple model, and the evaluation of both."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from tasks.contract import Silent
from tasks.experiment.problem import FineTuning
from tasks.stages.baseline import train_baseline
from tasks.stages.evaluation import evaluate
from tasks.stages.finetuning import finetune


def learn(
    problem: str,
    training: FineTuning,
    folder: Path,
    data: Path,
    architecture: Path,
    *,
    body: Path | None = None,
    samples: int = 100,
) -> SimpleNamespace:
    """Run the stages of a problem one after another, in the folders tuned, simple and evaluation.

    Args:
        problem: what is learnt.
        training: how.
        folder: of the folders.
        data: a folder of stage `dataset`.
        architecture: a folder with the configuration and the tokenizer of the model.
        body: what the training begins with; None for random weights.
        samples: of the bootstrap.

    Returns:
        `folder`, `data`, the metrics of the fine-tuning (`trained`) and of the evaluation
        (`metrics`), and the `monitor` of the fine-tuning.
    """
    for name in ("tuned", "simple", "evaluation"):
        (folder / name).mkdir()
    monitor = Silent()
    trained = finetune(
        problem,
        training,
        0,
        data=data,
        body=body,
        architecture=architecture,
        out=folder / "tuned",
        monitor=monitor,
    )
    train_baseline(problem, 0, 0, data=data, out=folder / "simple", monitor=Silent())
    metrics = evaluate(
        problem,
        samples,
        0.95,
        0,
        data=data,
        model=folder / "tuned" / "model",
        from_scratch=None,
        simple=folder / "simple",
        out=folder / "evaluation",
        monitor=Silent(),
    )
    return SimpleNamespace(
        folder=folder, data=data, trained=trained, metrics=metrics, monitor=monitor
    )
