"""Stage `pretraining`: train an encoder, or a decoder, on text alone.

It starts from random weights, with the log-frequencies of the tokens as the output bias if it has
one, and where the experiment says so with embeddings by counting; or from the weights of a given
model.

Batches are drawn on the fly from the memory-mapped tokens, as a function of the seed and the step.
Validation is on held-out documents: the sequences and the tokens hidden in them depend on the seed
and the length of a sequence, and 15 % are hidden, single ones, independent of the training, so
experiments on one corpus are comparable. The result is measured on all of these sequences; the
curve only on the first of them, the same at each point, so its metrics are called `quick_…`. With
labelled texts, each point also tells how well their labels are told from the encoder's features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel

from tasks import families, objectives
from tasks.contract import Monitor, StageError
from tasks.data.tables import write_json
from tasks.data.text.drawing import Drawing, ExampleBatches
from tasks.data.text.token_arrays import EncodedCorpus, load_tokenizer
from tasks.data.text.vocabulary import Vocabulary
from tasks.data.text.word_boundaries import WordBoundaries
from tasks.experiment.model import Model
from tasks.experiment.pretraining import Checkpoints, Pretraining
from tasks.models.bodies import load_all
from tasks.models.building import set_embeddings
from tasks.models.continuing import given_configuration
from tasks.models.learning.measuring import evaluate, measure, report_plateau
from tasks.models.learning.online_probe import METRICS, OnlineProbe
from tasks.models.text_computation import text_computation
from tasks.objectives import Objective
from tasks.training.computation import Computation
from tasks.training.loop import Batch, Optimization, train

VALIDATION_MASKING = 0.15
VALIDATIONS = 10  # points of the validation curve, each on at most QUICK_SEQUENCES sequences
QUICK_SEQUENCES = 512
TOKENS_AT_ONCE = 8192


def pretrain(
    *,
    model: Model | None,
    pretraining: Pretraining,
    seed: int,
    tokens: Path,
    tokenizer: Path,
    embeddings: Path | None = None,
    start: Path | None = None,
    probed: Path | None = None,
    out: Path,
    monitor: Monitor,
    checkpoints: Checkpoints | None = None,
) -> dict[str, float]:
    """Train a model, and write it to `out/model`.

    Args:
        model: family and size of a model with random weights; None with `start`.
        pretraining: what it learns, and how.
        seed: seed of weights, order, pairs and masks.
        tokens: folder of the stage `tokens`.
        tokenizer: folder of the tokenizer that made them.
        embeddings: vectors to begin with, as stage `embeddings` writes them; None: random ones.
        start: folder of the model whose training continues, with the tokenizer's vocabulary.
        probed: folder of stage `dataset` with labelled texts to probe the encoder with.
        out: empty folder.
        monitor: receives the curves and the progress.
        checkpoints: how often to write a checkpoint.

    Returns:
        The metrics of the objective, `validation_loss` among them; `parameters`, `tokens` seen,
        `epochs` over the corpus. The monitor gets the measured ones as `quick_…` on the way. With
        `start`, unless its head is new, also `start_loss`: the validation loss before the training.
        With `probed` also `probe_accuracy`, likewise on the way.

    Raises:
        StageError: the corpus is too small, whole words are to be hidden and the tokenizer does not
            tell where they begin, or what `train` raises.
    """
    loaded = load_tokenizer(tokenizer)
    vocabulary = Vocabulary.of(loaded)
    objective = objectives.load(pretraining.objective)
    words = WordBoundaries.of(loaded) if pretraining.masking == "words" else None
    batches = training_batches(objective, tokens, vocabulary, pretraining, seed, words)
    held_out = validation_batches(objective, tokens, vocabulary, pretraining, seed)
    texts, unseen = (EncodedCorpus.open(tokens, split) for split in ("train", "validation"))
    before: dict[str, float] = {}
    if start is not None:
        config = given_configuration(start, pretraining.dropout, len(loaded))
        network = objective.new_model(config, seed)
        new = load_all(network, start)
        report_head(new, monitor)
        if not new:
            untrained = evaluate(objective, network, held_out, pretraining.precision)
            before = {"start_loss": untrained["validation_loss"]}
    elif model is not None:
        config = families.load(model.family).configure(model, loaded, pretraining.dropout)
        network = objective.new_model(config, seed)
        objective.begin(network, texts, vocabulary)
    else:
        raise ValueError("neither the size of a new model nor a given one")
    if embeddings is not None:
        set_embeddings(network, np.load(embeddings))
    stored = objective.stored_model(network)
    monitor.note(parameters=stored.num_parameters(), examples=len(batches.examples))
    if stored is not network:
        monitor.note(trained_parameters=network.num_parameters())

    rows = len(held_out[0]["input_ids"])
    quick = held_out[: max(1, QUICK_SEQUENCES // rows)]
    probe = None if probed is None else OnlineProbe.of(probed, loaded, pretraining)
    look = partial(probe, stored) if probe else dict[str, float]
    history = train(
        network,
        batches,
        optimization(pretraining, seed),
        objective.losses,
        monitor,
        validate=lambda: {
            f"quick_{name}": value
            for name, value in (measure(objective, network, quick) | look()).items()
        },
        validate_every=max(1, pretraining.steps // VALIDATIONS),
        checkpoints=checkpoints,
        computation=computation(objective, network, batches[0], pretraining),
    )
    found = evaluate(objective, network, held_out, pretraining.precision) | look()

    stored.save_pretrained(out / "model")
    reader = objective.stored_tokenizer(loaded)
    reader.model_max_length = loaded.model_max_length if model is None else model.max_positions
    reader.save_pretrained(out / "model")
    metrics = {
        **found,
        **objective.derive(found, texts, unseen, vocabulary),
        **before,
        "parameters": float(stored.num_parameters()),
        "steps": history.steps,
        "tokens": history.seen,
        "epochs": history.steps * pretraining.batch_size / len(batches.examples),
    }
    report_plateau(metrics, objective.REFERENCE, monitor)
    shown = objective.demonstrate(network, reader, unseen)
    write_json(out / "model.json", {"task": objective.TASK, "example": [shown["example"]]})
    write_json(out / "metrics.json", metrics)
    training, held_out_loss = objective.TRAINING_LOSS, "quick_validation_loss"
    curves = history.curves(training, held_out_loss)
    outcome = {
        "measured": [
            {"name": n, **asdict(metric)}
            for n, metric in {**objective.METRICS, **(METRICS if probe else {})}.items()
        ],
        "sequences": len(held_out) * rows,
        "quick_sequences": len(quick) * rows,
        "curves": {"training": curves[training], "held out": curves[held_out_loss]},
        "reference": objective.REFERENCE,
        "header": shown["header"],
        "examples": shown["rows"],
        **({"probe": probe.outcome(history)} if probe else {}),
    }
    write_json(out / "pretraining.json", outcome)
    return metrics


def report_head(new: Sequence[str], monitor: Monitor) -> None:
    """Report weights of the head that the given model does not have."""
    if new:
        monitor.note(new_head=len(new))
        monitor.say(
            f"Warning: the model to start from lacks {len(new)} weights of this objective's head "
            f"({new[0]}, …), which are random at first"
        )


def optimization(pretraining: Pretraining, seed: int) -> Optimization:
    """How to train, from the fields of the experiment."""
    return Optimization.of(
        pretraining, log_every=pretraining.log_every, seed=seed, minutes=pretraining.minutes
    )


def computation(
    objective: Objective, network: PreTrainedModel, batch: Batch, pretraining: Pretraining
) -> Computation:
    """How to compute steps with batches like this one on this machine."""
    size, length = batch["input_ids"].shape
    return text_computation(
        network,
        head=objective.head,
        split=objective.split,
        counts=objective.counts,
        micro_batch_size=pretraining.micro_batch_size,
        batch_size=size,
        length=length,
        row=[(-(-a // size), b, c) for a, b, c in objective.held(network.config, batch)],
        precision=pretraining.precision,
        encoders=objective.encoders(network.config),
        recomputes=pretraining.gradient_checkpointing,
    )


def training_batches(  # noqa: PLR0917
    objective: Objective,
    tokens: Path,
    vocabulary: Vocabulary,
    pretraining: Pretraining,
    seed: int,
    words: WordBoundaries | None = None,
) -> ExampleBatches:
    """The batches to train on; with `words`, whole words are hidden.

    Raises:
        StageError: the corpus has fewer examples than one batch.
    """
    drawing = Drawing(
        length=pretraining.sequence_length,
        masking_share=pretraining.masking_share,
        seed=seed,
        words=words,
    )
    corpus = EncodedCorpus.open(tokens, "train")
    examples = objective.examples(corpus, vocabulary, drawing)
    if len(examples) < pretraining.batch_size:
        raise StageError(
            f"the corpus gives {len(examples)} sequences of {drawing.length} tokens, fewer than "
            f"one batch ({pretraining.batch_size}): add text ({len(corpus.tokens)} tokens now), or "
            "lower pretraining.batch_size or pretraining.sequence_length"
        )
    return ExampleBatches(examples, pretraining.steps, pretraining.batch_size, seed)


def validation_batches(
    objective: Objective, tokens: Path, vocabulary: Vocabulary, pretraining: Pretraining, seed: int
) -> list[Batch]:
    """The sequences to validate on, spread over the held-out documents."""
    drawing = Drawing(
        length=pretraining.sequence_length, masking_share=VALIDATION_MASKING, seed=seed
    )
    corpus = EncodedCorpus.open(tokens, "validation")
    try:
        examples = objective.examples(corpus, vocabulary, drawing)
    except StageError as error:
        raise StageError(f"validation: {error}; or raise corpus.validation_share") from error
    count = min(len(examples), pretraining.validation_sequences)
    rows = max(1, min(count, TOKENS_AT_ONCE // pretraining.sequence_length))
    batches = ExampleBatches(examples, count // rows, rows, seed)
    return [batches[step] for step in range(len(batches))]
