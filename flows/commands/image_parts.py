"""The parts of an experiment on images, for `temper pretrain`, `finetune` and `evaluate`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from flows.commands.planning import planned, print_plan
from flows.commands.run import run_and_print
from flows.recipes.image_parts import evaluation_recipe, pretraining_recipe
from flows.recipes.images import recipe
from flows.terminal.in_process import in_process, prepare
from tasks.experiment.images.consistency import check
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.model import ImageModel
from tasks.experiment.images.pictures import Images
from tasks.experiment.retraining import problem_of
from tasks.machinery.host.digest_memo import Verification

Show = Callable[[dict[str, Any]], None]


def finetuned(whole: ImageExperiment, model: str, problem: str) -> ImageExperiment:
    """The experiment that fine-tunes a model at once, on all problems or one.

    Raises:
        InvalidExperimentError: with one line per mistake.
    """
    chosen = [problem_of(whole, problem)] if problem else list(whole.downstream)
    values = {
        "start": model,
        "model": ImageModel(),
        "images": Images(),
        "pretraining": type(whole.pretraining)(steps=0),
        "downstream": chosen,
        "evaluation": whole.evaluation.model_copy(update={"baseline": "none"}),
    }
    found = whole.model_copy(update=values)
    check(found)
    return found


def finetune_on_images(
    chosen: ImageExperiment, refresh: list[str], verify: Verification, output: Path | None
) -> None:
    """Fine-tune a model at once, and print the results."""
    prepare()
    print_plan(chosen.name, planned(partial(recipe, chosen), refresh, verify).steps)
    run_and_print(chosen, refresh, verify, output)


def pretrain_on_images(
    chosen: ImageExperiment,
    register: str,
    refresh: list[str],
    verify: Verification,
    *,
    show: Show,
) -> None:
    """Pre-train a model, register it if a name is given, and show its page."""
    prepare()
    print_plan(chosen.name, planned(partial(pretraining_recipe, chosen), refresh, verify).steps)

    def call() -> dict[str, Any]:
        from flows.image_parts import pretrain

        return dict(pretrain(chosen, register, refresh=refresh, verify=verify))  # type: ignore[arg-type]

    show(in_process(call))


def evaluate_on_images(
    whole: ImageExperiment,
    problem: str,
    model: Any,
    refresh: list[str],
    verify: Verification,
    *,
    show: Show,
) -> None:
    """Evaluate a fine-tuned model on the test split of a problem, and show the page.

    Args:
        whole: the experiment.
        problem: name of the problem.
        model: the model that is referred to.
        refresh: stages to recompute.
        verify: how to check cached files.
        show: shows the result.
    """
    recipe = partial(evaluation_recipe, whole, problem_of(whole, problem), model)
    print_plan(whole.name, planned(recipe, refresh, verify).steps)

    def call() -> dict[str, Any]:
        from flows.image_parts import evaluate

        return dict(evaluate(whole, model.name, problem, refresh=refresh, verify=verify))  # type: ignore[arg-type]

    show(in_process(call))
