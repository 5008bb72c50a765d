"""The recipes of the parts on their own: some of the stages of a whole experiment.

A given model is an input, identified by its content. If the store knows its training data, they are
searched for rows of the test splits. A whole experiment need not do that, since it excludes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flows.recipes import stages
from flows.recipes.experiment import (
    finetune_and_evaluate,
    methods_of,
    prepare_corpus,
    prepare_labelled,
    pretrain,
    train_baseline,
)
from flows.recipes.explaining import probed_rows
from flows.recipes.further_tests import prepare_further_tests
from flows.recipes.generalization import require_possible
from flows.recipes.given import about, family_of, find_start, require_decoder, require_layers
from flows.recipes.inspection import labelled_source, text_source
from flows.recipes.subject import findings_of
from tasks.experiment.jobs import EvaluateJob, FinetuneJob, PretrainJob
from tasks.experiment.problem import Downstream
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import StageCaller
from tasks.models.files import require_head, require_inputs, require_room
from tasks.references.given_model import Given
from tasks.sources.published_tokenizers import resolve_published


def pretraining_recipe(job: PretrainJob, run: StageCaller) -> Artifact:
    """Pre-train an encoder; returns the artifact of its pre-training."""
    held_out = [Downstream(**data.model_dump()) for data in job.held_out]
    sources = [labelled_source(data, f"held_out.{data.name}") for data in held_out]
    start = find_start(job.experiment)
    text = text_source(job.corpus)
    published = resolve_published(job.tokenizer.published)
    labelled = [
        prepare_labelled(data, source, job.experiment, run)
        for data, source in zip(held_out, sources, strict=True)
    ]
    tested = [data / "held_out.parquet" for data in labelled]
    corpus = prepare_corpus(job.experiment, text, tested, run)
    probed = probed_rows(job.experiment, held_out, labelled)
    return pretrain(job.experiment, corpus, published, run, start=start, probed=probed).artifact


def finetuning_recipe(job: FinetuneJob, body: Given, run: StageCaller) -> Artifact:
    """Fine-tune an encoder on problems, and evaluate it; returns the report."""
    sources = [labelled_source(problem) for problem in job.downstream]
    require_possible(job.experiment, sources)
    require_room(job.downstream, body.configuration, body.name)
    require_decoder(job.downstream, body)
    require_layers(job.downstream, body)
    labelled = [
        prepare_labelled(problem, source, job.experiment, run)
        for problem, source in zip(job.downstream, sources, strict=True)
    ]
    family = family_of(body)
    baselines = [
        train_baseline(problem, data, job.experiment, run)
        for problem, data in zip(job.downstream, labelled, strict=True)
    ]
    tests = [
        prepare_further_tests(problem, data, job.experiment, run, table=stages.ON_TEXT)
        for problem, data in zip(job.downstream, labelled, strict=True)
    ]
    evaluated = [
        finetune_and_evaluate(
            problem,
            data,
            body.model,
            job.experiment,
            run,
            simple=simple,
            family=family,
            source=source,
            tests=further,
            corpora=body.lineage.corpora,
        )
        for problem, data, simple, source, further in zip(
            job.downstream, labelled, baselines, sources, tests, strict=True
        )
    ]
    names = [problem.name for problem in job.downstream]
    more = methods_of(job.downstream) | findings_of(evaluated)
    origin = body.origin_as_body
    measured = [found.evaluation for found in evaluated]
    return report(job, names, body, labelled, measured, origin=origin, run=run, **more)


def evaluation_recipe(job: EvaluateJob, model: Given, run: StageCaller) -> Artifact:
    """Evaluate a fine-tuned model on a test split; returns the report."""
    problem = Downstream(**job.data.model_dump())
    source = labelled_source(problem, "data")
    require_head(problem.kind, model.configuration, model.name)
    require_inputs(problem.data, model.configuration, model.name)
    data = prepare_labelled(problem, source, job.experiment, run)
    model.require_labels(data)
    evaluated = run(
        stages.evaluation(problem.kind),
        problem.name,
        problem=problem.kind,
        bootstrap_samples=job.evaluation.bootstrap_samples,
        confidence=job.evaluation.confidence,
        seed=job.seed,
        data=data.whole.only(*stages.ON_TEXT.evaluated),
        model=model.model,
        from_scratch=None,
    )
    return report(job, [problem.name], model, [data], [evaluated], origin=model.origin, run=run)


def report(
    job: FinetuneJob | EvaluateJob,
    problems: list[str],
    given: Given,
    labelled: Sequence[Artifact],
    evaluated: Sequence[Artifact],
    *,
    origin: str,
    run: StageCaller,
    **more: Any,
) -> Artifact:
    """The page: the results, the model's origin, and whether it was trained on test rows."""
    return run(
        stages.REPORT,
        name=job.name,
        problems=problems,
        confidence=job.evaluation.confidence,
        pretraining=None,
        evaluations=[found.whole for found in evaluated],
        **more,
        **about(given, origin, problems, labelled, run),
    )
