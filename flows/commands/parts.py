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
    from tasks.experiment.jobs import check_pretraining
    from tasks.experiment.retraining import require_name

    require_stages(refresh)
    try:
        if register:
            require_name(register)
        job = PretrainJob.of(_experiment(experiment, settings), register)
        check_pretraining(job)
    except InvalidExperimentError as error:
        stop(error.lines)
    _run("pretrain", job, partial(pretraining_recipe, job), refresh, verify, output=output)


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
        job = FinetuneJob.of(model, whole, _problems(whole, problem))
        check_finetuning(job)
    except InvalidExperimentError as error:
        stop(error.lines)
    recipe = partial(finetuning_recipe, job, _given(model, job.name))
    _run("finetune", job, recipe, refresh, verify, output=output)


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
        job = EvaluateJob.of(model, whole, _problem(whole, problem))
        check_evaluation(job)
    except InvalidExperimentError as error:
        stop(error.lines)
    recipe = partial(evaluation_recipe, job, _given(model, job.name))
    _run("evaluate", job, recipe, refresh, verify, output=output)


def _experiment(name: str, settings: list[str]) -> Experiment:
    from flows.presets.loading import load_experiment

    return load_experiment(name, settings)


def _problems(whole: Experiment, name: str) -> list[Downstream]:
    """The problem of a name, or all of them without one."""
    from tasks.experiment.retraining import problem_of

    return [problem_of(whole, name)] if name else list(whole.downstream)


def _problem(whole: Experiment, name: str) -> Downstream:
    """The problem of a name, or the only one."""
    chosen = _problems(whole, name)
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

    result = in_process(call)
    from flows.terminal.console import where_to_look
    from tasks.machinery.execution.summary import RunSummary

    summary = RunSummary.model_validate(result)
    page = Path(summary.stages[-1].pages) / "card.md"
    out.print()
    out.print(LeftMarkdown(page.read_text(encoding="utf-8")), soft_wrap=False)
    if summary.version:
        out.print(f"models:/{job.register_as}/{summary.version}", highlight=False)
    for line in ["", *where_to_look(summary, home())]:
        out.print(line, highlight=False, markup=False)
    if output is not None:
        write_whole(output, json.dumps(result, indent=2) + "\n")
        out.print(f"written: {output}")
