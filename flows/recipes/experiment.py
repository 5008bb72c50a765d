"""The recipe of an experiment, from text to a page of results.

Reads top to bottom. `run` calls a stage: the flow passes a runner, which computes or reuses it,
`temper plan` a planner, which only predicts it. Every source is inspected before the first stage,
so that a mistake in the last one is not reported after an hour. The labelled data come first, since
pre-training must not see any document of their test splits.
"""

from __future__ import annotations

from flows.recipes import stages
from flows.recipes.inspection import labelled_source, text_source
from tasks import problems
from tasks.experiment.experiment import Experiment
from tasks.experiment.pretraining import COOCCURRENCE
from tasks.experiment.problem import Downstream
from tasks.machinery.naming.title import from_scratch
from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.call import StageCaller
from tasks.models.files import weights_of
from tasks.sources import Source
from tasks.sources.published_tokenizers import PublishedTokenizer, resolve_published


def recipe(experiment: Experiment, run: StageCaller) -> Artifact:
    """The whole chain; returns the report."""
    sources = [labelled_source(problem) for problem in experiment.downstream]
    text = text_source(experiment.corpus)
    published = resolve_published(experiment.tokenizer.published)
    labelled = [
        prepare_labelled(problem, source, experiment, run)
        for problem, source in zip(experiment.downstream, sources, strict=True)
    ]
    baselines = [
        train_baseline(problem, data, experiment, run)
        for problem, data in zip(experiment.downstream, labelled, strict=True)
    ]
    held_out = [data / "held_out.parquet" for data in labelled]
    pretrained = pretrain(experiment, text, published, held_out, run)
    family = experiment.model.family
    evaluated = [
        finetune_and_evaluate(
            problem, data, pretrained / "model", experiment, run, simple=simple, family=family
        )
        for problem, data, simple in zip(experiment.downstream, labelled, baselines, strict=True)
    ]
    return run(
        stages.REPORT,
        name=experiment.name,
        problems=[problem.name for problem in experiment.downstream],
        confidence=experiment.evaluation.confidence,
        pretraining=pretrained.whole,
        evaluations=[found.whole for found in evaluated],
    )


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


def pretrain(
    experiment: Experiment,
    source: Source,
    published: PublishedTokenizer | None,
    held_out: list[Input],
    run: StageCaller,
) -> Artifact:
    """Corpus, tokenizer, tokens, perhaps their vectors, and an encoder pre-trained on them."""
    corpus = run(
        stages.corpus(source),
        corpus=experiment.corpus,
        source=source,
        held_out=sorted(held_out, key=lambda rows: rows.digest),  # the order changes nothing
        seed=experiment.split_seed,
    )
    tokenizer = run(
        stages.TOKENIZER,
        tokenizer=experiment.tokenizer,
        published=published,
        corpus=corpus / "train.parquet",
    )
    tokens = run(
        stages.TOKENS,
        train=corpus / "train.parquet",
        validation=corpus / "validation.parquet",
        tokenizer=tokenizer.whole,
        sentences=experiment.corpus.sentences,
    )
    begin: dict[str, Input] = {}
    if experiment.pretraining.embeddings == COOCCURRENCE:
        embeddings = run(
            stages.EMBEDDINGS,
            width=experiment.model.hidden_size,
            tokens=tokens.whole,
            tokenizer=tokenizer.whole,
        )
        begin = {"embeddings": embeddings / "embeddings.npy"}
    return run(
        stages.pretraining(experiment.pretraining.objective, experiment.model.family),
        model=experiment.model,
        pretraining=experiment.pretraining,
        seed=experiment.seed,
        checkpoints=experiment.checkpoints,
        tokens=tokens.whole,
        tokenizer=tokenizer.whole,
        **begin,
    )


def finetune_and_evaluate(
    problem: Downstream,
    data: Artifact,
    body: Input,
    experiment: Experiment,
    run: StageCaller,
    *,
    simple: Artifact | None,
    family: str,
) -> Artifact:
    """Fine-tune the encoder and, as an ablation, the same one from random weights; compare them.

    `family` is the family of the encoder, `simple` the simple model to compare with.
    """
    variants: list[tuple[str, Input | None]] = [(problem.name, body)]
    if experiment.evaluation.from_scratch:
        variants.append((from_scratch(problem.name), None))
    tuned = [
        run(
            stages.finetuning(problem.kind, family),
            label,
            problem=problem.kind,
            training=problem.training,
            seed=experiment.seed,
            checkpoints=experiment.checkpoints,
            data=data.whole.only("train.parquet", "validation.parquet", "labels.json"),
            body=weights,
            architecture=body.without(*weights_of(body.files)),
        )
        for label, weights in variants
    ]
    beside = {} if simple is None else {"simple": simple.whole}
    return run(
        stages.evaluation(problem.kind),
        problem.name,
        problem=problem.kind,
        bootstrap_samples=experiment.evaluation.bootstrap_samples,
        confidence=experiment.evaluation.confidence,
        seed=experiment.seed,
        data=data.whole.only("train.parquet", "test.parquet", "labels.json"),
        model=tuned[0] / "model",
        from_scratch=tuned[1] / "model" if len(tuned) > 1 else None,
        **beside,
    )


def train_baseline(
    problem: Downstream, data: Artifact, experiment: Experiment, run: StageCaller
) -> Artifact | None:
    """The field's simple model, trained on the rows that the encoder is fine-tuned on.

    None if the experiment asks for none, or the problem has none.
    """
    if not experiment.evaluation.simple_baseline or not problems.has_simple(problem.kind):
        return None
    return run(
        stages.baseline(problem.kind),
        problem.name,
        problem=problem.kind,
        train_examples=problem.train_examples,
        seed=experiment.seed,
        data=data.whole.only("train.parquet", "validation.parquet", "test.parquet", "labels.json"),
    )
