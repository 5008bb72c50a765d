"""`temper pretrain`, `finetune`, `evaluate`: the parts of an experiment on their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.commands.arguments import (
    ExperimentArgument,
    OutputOption,
    RefreshOption,
    SetOption,
    VerifyOption,
)
from flows.commands.planning import planned, print_plan, require_stages
from flows.terminal.in_process import err, in_process, out, prepare, require_writable, stop
from flows.terminal.pages import LeftMarkdown
from flows.terminal.results_files import write_whole
from tasks.contract import StageError
from tasks.experiment.experiment import REFERENCE, Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.jobs import EvaluateJob, FinetuneJob, PretrainJob
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.experiment.problem import Downstream
from tasks.machinery.host.digest_memo import Verification
from tasks.machinery.host.home import home
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import StageCaller

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help=REFERENCE.replace("[", r"\["))]
ProblemOption = Annotated[
    str, typer.Option(metavar="NAME", help="One downstream problem of the experiment.")
]


def pretrain(
    experiment: ExperimentArgument = "demo",
    *,
    register: Annotated[
        str,
        typer.Option(metavar="NAME", help="Add the encoder as a version of this registered model."),
    ] = "",
    settings: SetOption = [],  # noqa: B006  (typer reads the default and never changes it)
    refresh: RefreshOption = [],  # noqa: B006
    verify: VerifyOption = "quick",
    output: OutputOption = None,
) -> None:
    """Only pre-train the encoder of an experiment; the test documents are excluded."""
    from flows.recipes.parts import pretraining_recipe
    from tasks.experiment.jobs import check_pretraining, require_steps
    from tasks.experiment.retraining import require_name

    require_stages(refresh)
    try:
        if register:
            require_name(register)
        chosen = _experiment(experiment, settings)
        if isinstance(chosen, ImageExperiment):
            require_steps(chosen.pretraining.steps)
        else:
            job = PretrainJob.of(chosen, register)
            check_pretraining(job)
    except InvalidExperimentError as error:
        stop(error.lines)
    if isinstance(chosen, ImageExperiment):
        from flows.commands.image_parts import pretrain_on_images

        require_writable("--output", output)
        show = partial(_show, output=output, registered=register)
        return pretrain_on_images(chosen, register, refresh, verify, show=show)
    _run("pretrain", job, partial(pretraining_recipe, job), refresh, verify, output=output)
    return None


def finetune(
    model: ModelArgument,
    experiment: ExperimentArgument = "demo",
    *,
    problem: ProblemOption = "",
    settings: SetOption = [],  # noqa: B006
    refresh: RefreshOption = [],  # noqa: B006
    verify: VerifyOption = "quick",
    output: OutputOption = None,
) -> None:
    """Fine-tune any pre-trained model on the problems of an experiment, and evaluate it."""
    from flows.recipes.parts import finetuning_recipe
    from tasks.experiment.jobs import check_finetuning

    require_stages(refresh)
    try:
        whole = _experiment(experiment, settings)
        if isinstance(whole, ImageExperiment):
            from flows.commands.image_parts import finetune_on_images, finetuned

            chosen = finetuned(whole, model, problem)
        else:
            job = FinetuneJob.of(model, whole, _problems(whole, problem))
            check_finetuning(job)
    except InvalidExperimentError as error:
        stop(error.lines)
    if isinstance(whole, ImageExperiment):
        return finetune_on_images(chosen, refresh, verify, output)
    recipe = partial(finetuning_recipe, job, _given(model, job.name))
    _run("finetune", job, recipe, refresh, verify, output=output)
    return None


def evaluate(
    model: ModelArgument,
    experiment: ExperimentArgument = "demo",
    *,
    problem: ProblemOption = "",
    settings: SetOption = [],  # noqa: B006
    refresh: RefreshOption = [],  # noqa: B006
    verify: VerifyOption = "quick",
    output: OutputOption = None,
) -> None:
    """Evaluate any fine-tuned model on the test split of a problem of an experiment."""
    from flows.recipes.parts import evaluation_recipe
    from tasks.experiment.jobs import check_evaluation

    require_stages(refresh)
    try:
        whole = _experiment(experiment, settings)
        chosen = _problem(whole, problem)
        if isinstance(whole, Experiment):
            job = EvaluateJob.of(model, whole, chosen)
            check_evaluation(job)
    except InvalidExperimentError as error:
        stop(error.lines)
    if isinstance(whole, ImageExperiment):
        from flows.commands.image_parts import evaluate_on_images

        require_writable("--output", output)
        given, show = _given(model, whole.name), partial(_show, output=output)
        return evaluate_on_images(whole, chosen.name, given, refresh, verify, show=show)
    recipe = partial(evaluation_recipe, job, _given(model, job.name))
    _run("evaluate", job, recipe, refresh, verify, output=output)
    return None


def _experiment(name: str, settings: list[str]) -> Experiment | ImageExperiment:
    from flows.presets.loading import load_any

    return load_any(name, settings)


def _problems(whole: Experiment, name: str) -> list[Downstream]:
    """The problem of a name, or all of them without one."""
    from tasks.experiment.retraining import problem_of

    return [problem_of(whole, name)] if name else list(whole.downstream)


def _problem(whole: Experiment | ImageExperiment, name: str) -> Any:
    """The problem of a name, or the only one."""
    from tasks.experiment.retraining import problem_of

    chosen: list[Any] = [problem_of(whole, name)] if name else list(whole.downstream)
    if len(chosen) != 1:
        names = ", ".join(each.name for each in chosen) or "it has none"
        raise InvalidExperimentError([f"--problem: choose one problem of {whole.name}: {names}"])
    return chosen[0]


def _given(model: str, name: str) -> Any:
    """The model that is referred to; a mistake ends the program."""
    prepare()
    try:
        from tasks.references.given_model import find_model

        return find_model(model, "MODEL", name, err.print)
    except StageError as error:
        stop([str(error)])


def _run(
    name: str,
    job: Any,
    recipe: Callable[[StageCaller], Artifact],
    refresh: list[str],
    verify: Verification,
    *,
    output: Path | None,
) -> None:
    """Show the plan, run the flow of a part in this process, show its page and where to look."""
    print_plan(job.name, planned(recipe, refresh, verify).steps)
    require_writable("--output", output)

    def call() -> dict[str, Any]:
        from flows import parts

        return dict(getattr(parts, name)(job, refresh=refresh, verify=verify))

    _show(in_process(call), output=output, registered=getattr(job, "register_as", ""))


def _show(result: dict[str, Any], *, output: Path | None, registered: str = "") -> None:
    """Show the page of the last stage, and where to look; write the result to a file."""
    from flows.terminal.console import where_to_look
    from tasks.machinery.execution.summary import RunSummary

    summary = RunSummary.model_validate(result)
    page = Path(summary.stages[-1].pages) / "card.md"
    out.print()
    out.print(LeftMarkdown(page.read_text(encoding="utf-8")), soft_wrap=False)
    if summary.version:
        out.print(f"models:/{registered}/{summary.version}", highlight=False)
    for line in ["", *where_to_look(summary, home())]:
        out.print(line, highlight=False, markup=False)
    if output is not None:
        write_whole(output, json.dumps(result, indent=2) + "\n")
        out.print(f"written: {output}")
