"""The recipe of an experiment, from text to a page of results.

Reads top to bottom. `run` calls a stage: the flow passes a runner, which computes or reuses it,
`temper plan` a planner, which only predicts it. Every source is inspected before the first stage,
so that a mistake in the last one is not reported after an hour. The labelled data come first, since
pre-training must not see any document of their test splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from flows.recipes import stages
from flows.recipes.explaining import explain, probe, probed_rows
from flows.recipes.features import SharedFeatures
from flows.recipes.further_tests import prepare_further_tests
from flows.recipes.generalization import look_further, require_possible
from flows.recipes.given import about, family_of, find_start, tokenizer_of
from flows.recipes.inspection import labelled_source, text_source
from flows.recipes.stages import Table
from flows.recipes.subject import Evaluated, FewerLabels, Pretrained, Subject, findings_of
from tasks import problems
from tasks.experiment.experiment import BEFORE, Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.problem import ImageDownstream
from tasks.experiment.pretraining import COOCCURRENCE
from tasks.experiment.problem import Downstream
from tasks.experiment.training import FULL
from tasks.machinery.naming.title import from_scratch, from_start, with_seed, with_share
from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.call import StageCaller
from tasks.models.files import weights_of
from tasks.sources import Source
from tasks.sources.published_tokenizers import PublishedTokenizer, resolve_published

if TYPE_CHECKING:
    from tasks.references.given_model import Given


def recipe(experiment: Experiment, run: StageCaller) -> Artifact:
    """The whole chain; returns the report.

    Without a step of pre-training, the model to start from is fine-tuned as it is.
    """
    sources = [labelled_source(problem) for problem in experiment.downstream]
    require_possible(experiment, sources)
    start = find_start(experiment)
    pretrains = experiment.pretraining.steps > 0
    text = text_source(experiment.corpus) if pretrains else None
    published = resolve_published(experiment.tokenizer.published)
    labelled = [
        prepare_labelled(problem, source, experiment, run)
        for problem, source in zip(experiment.downstream, sources, strict=True)
    ]
    baselines = [
        train_baseline(problem, data, experiment, run)
        for problem, data in zip(experiment.downstream, labelled, strict=True)
    ]
    tests = [
        prepare_further_tests(problem, data, experiment, run, table=stages.ON_TEXT)
        for problem, data in zip(experiment.downstream, labelled, strict=True)
    ]
    pretrained: Pretrained | None = None
    corpora = [] if start is None else [*start.lineage.corpora]
    if text is not None:
        held_out = [data / "held_out.parquet" for data in labelled]
        corpus = prepare_corpus(experiment, text, held_out, run)
        corpora.append(corpus / "train.parquet")
        probed = probed_rows(experiment, experiment.downstream, labelled)
        pretrained = pretrain(experiment, corpus, published, run, start=start, probed=probed)
    body = encoder_of(pretrained, start)
    before = None
    if start is not None and experiment.evaluation.baseline == BEFORE:
        before = start.model
    family = experiment.model.family if start is None else family_of(start)
    evaluated = [
        finetune_and_evaluate(
            problem,
            data,
            body,
            experiment,
            run,
            simple=simple,
            family=family,
            start=before,
            source=source,
            tests=further,
            corpora=corpora,
            pretrained=pretrained,
        )
        for problem, data, simple, source, further in zip(
            experiment.downstream, labelled, baselines, sources, tests, strict=True
        )
    ]
    names = [problem.name for problem in experiment.downstream]
    given = {} if start is None else about(start, start.origin_as_body, names, labelled, run)
    return run(
        stages.REPORT,
        name=experiment.name,
        problems=names,
        confidence=experiment.evaluation.confidence,
        pretraining=None if pretrained is None else pretrained.artifact.whole,
        evaluations=[found.evaluation.whole for found in evaluated],
        **methods_of(experiment.downstream),
        **findings_of(evaluated),
        **given,
    )


def methods_of(problems: Sequence[Downstream | ImageDownstream]) -> dict[str, list[str]]:
    """How each problem is tuned, for a report; nothing if all are in full, as in earlier keys."""
    methods = [problem.tuning.method for problem in problems]
    return {} if {*methods} <= {FULL} else {"methods": methods}


def encoder_of(pretrained: Pretrained | None, start: Given | None) -> Input:
    """The model to fine-tune: the one that was pre-trained here, or the given one."""
    if pretrained is not None:
        return pretrained.artifact / "model"
    if start is not None:
        return start.model
    raise ValueError("neither a pre-training nor a model to start from")


def prepare_labelled(
    problem: Downstream, source: Source, experiment: Experiment, run: StageCaller
) -> Artifact:
    """Labelled rows, split by document."""
    return run(
        stages.dataset(source, problem.kind),
        problem.name,
        data=problem.data,
        source=source,
        seed=experiment.split_seed,
    )


def prepare_corpus(
    experiment: Experiment, source: Source, held_out: list[Input], run: StageCaller
) -> Artifact:
    """The text to pre-train on, without the documents of test splits."""
    return run(
        stages.corpus(source),
        corpus=experiment.corpus,
        source=source,
        held_out=sorted(held_out, key=lambda rows: rows.digest),  # the order changes nothing
        seed=experiment.split_seed,
    )


def pretrain(
    experiment: Experiment,
    corpus: Artifact,
    published: PublishedTokenizer | None,
    run: StageCaller,
    *,
    start: Given | None,
    probed: Input | None = None,
) -> Pretrained:
    """Tokenizer, tokens, perhaps their vectors, and an encoder pre-trained on them.

    It begins with random weights, or with those of the model to start from, whose tokenizer it has.
    With labelled rows, it is probed while it learns.
    """
    tokenizer = run(
        stages.TOKENIZER,
        tokenizer=experiment.settled_tokenizer,
        published=published if start is None else tokenizer_of(start),
        corpus=corpus / "train.parquet",
    )
    tokens = run(
        stages.TOKENS,
        train=corpus / "train.parquet",
        validation=corpus / "validation.parquet",
        tokenizer=tokenizer.whole,
        sentences=experiment.corpus.sentences,
    )
    family, begin = experiment.model.family, dict[str, Input]()
    if start is not None:
        family, begin = family_of(start), {"start": start.model}
    elif experiment.pretraining.embeddings == COOCCURRENCE:
        embeddings = run(
            stages.EMBEDDINGS,
            width=experiment.model.hidden_size,
            window=experiment.pretraining.cooccurrence_window,
            tokens=tokens.whole,
            tokenizer=tokenizer.whole,
        )
        begin = {"embeddings": embeddings / "embeddings.npy"}
    artifact = run(
        stages.pretraining(experiment.pretraining.objective, family),
        model=experiment.model if start is None else None,
        pretraining=experiment.pretraining,
        seed=experiment.seed,
        checkpoints=experiment.checkpoints,
        tokens=tokens.whole,
        tokenizer=tokenizer.whole,
        **begin,
        **({} if probed is None else {"probed": probed}),
    )
    return Pretrained(artifact, family, tokens, tokenizer)


def finetune_and_evaluate(
    problem: Downstream | ImageDownstream,
    data: Artifact,
    body: Input,
    experiment: Experiment | ImageExperiment,
    run: StageCaller,
    *,
    simple: Artifact | None,
    family: str,
    tests: Sequence[Artifact],
    start: Input | None = None,
    source: Source | None = None,
    corpora: Sequence[Input] = (),
    pretrained: Pretrained | None = None,
    table: Table = stages.ON_TEXT,
) -> Evaluated:
    """Fine-tune the encoder, and those that it is compared with; compare them.

    With several seeds, the encoder and the one from scratch are fine-tuned again with each.

    Args:
        problem: what to fine-tune on; random weights always learn in full.
        data: of stage `dataset`.
        body: the encoder.
        experiment: which comparisons to make.
        run: calls a stage.
        simple: the field's simple model to compare with, if there is one.
        family: of the encoder.
        tests: the further test sets of the problem.
        start: the encoder before its pre-training here, to compare with.
        source: where the rows come from, of text.
        corpora: the text that the encoder is known to be pre-trained on.
        pretrained: the encoder, where this run pre-trained it.
        table: the stages of text, or of images.
    """
    # Each by its label, its weights (None: random), and the files that say how it is built.
    variants: dict[str, tuple[str, Input | None, Input]] = {"model": (problem.name, body, body)}
    if experiment.evaluation.from_scratch:
        variants["from_scratch"] = (from_scratch(problem.name), None, body)
    if start is not None:
        variants["start"] = (from_start(problem.name), start, start)

    features = SharedFeatures(problem.kind, family, data.whole.only(*table.tuned), table, run)

    def tune(role: str, seed: int, fewer: FewerLabels | None = None) -> Input:
        label, weights, built = variants[role]
        training = problem.training if weights is not None else problem.from_scratch
        label = label if seed == experiment.seed else with_seed(label, seed)
        architecture = built.without(*weights_of(built.files))
        read = (
            {} if weights is None else features.read(label, training, seed, weights, architecture)
        )
        artifact = run(
            table.finetuning(problem.kind, family, training.tuning.method),
            label if fewer is None else with_share(label, fewer.share),
            problem=problem.kind,
            training=training if fewer is None else fewer.training(training),
            seed=seed,
            checkpoints=experiment.checkpoints,
            data=data.whole.only(*table.tuned) if fewer is None else fewer.data,
            body=weights,
            architecture=architecture,
            **read,
        )
        return artifact / "model"

    model = tune("model", experiment.seed)
    scratch = tune("from_scratch", experiment.seed) if "from_scratch" in variants else None
    models: dict[str, Input | list[Input] | None] = {"model": model, "from_scratch": scratch}
    if start is not None:
        models["start"] = tune("start", experiment.seed)
    further = [experiment.seed + number for number in range(1, experiment.evaluation.seeds)]
    if further:
        again = {"model": "further", "from_scratch": "further_from_scratch"}
        models |= {
            name: [tune(role, seed) for seed in further]
            for role, name in again.items()
            if role in variants
        }
    if simple is not None:
        models["simple"] = simple.whole
    evaluation = run(
        table.evaluation(problem.kind),
        problem.name,
        problem=problem.kind,
        bootstrap_samples=experiment.evaluation.bootstrap_samples,
        confidence=experiment.evaluation.confidence,
        seed=experiment.seed,
        data=data.whole.only(*table.evaluated),
        **models,
    )
    evaluated = {"model": model, "from_scratch": scratch}
    subject = Subject(
        problem,
        data,
        evaluated,
        evaluation,
        table=table,
        retune=lambda role, fewer: tune(role, experiment.seed, fewer),
        source=source,
        tests=tests,
        corpora=corpora,
        pretrained=pretrained,
    )
    found = look_further(subject, experiment, run)
    explained = explain(subject, experiment, run)
    probed = probe(subject, body, experiment, run, family=family)
    return replace(found, findings=(*found.findings, *explained, *probed))


def train_baseline(
    problem: Downstream | ImageDownstream,
    data: Artifact,
    experiment: Experiment | ImageExperiment,
    run: StageCaller,
    *,
    table: Table = stages.ON_TEXT,
) -> Artifact | None:
    """The field's simple model, trained on the rows that the encoder is fine-tuned on.

    None if the experiment asks for none, or the problem has none.
    """
    if not experiment.evaluation.simple_baseline or not problems.has_simple(problem.kind):
        return None
    return run(
        table.baseline(problem.kind),
        problem.name,
        problem=problem.kind,
        train_examples=problem.train_examples,
        seed=experiment.seed,
        data=data.whole.only(*table.compared),
    )
