"""Stage `pretraining`: a body learns from text alone.

It begins with random weights, and with the frequencies of the tokens in the bias of its output.

Batches are drawn on the fly from the memory-mapped tokens, as a function of the seed and the step.
Validation is on held-out documents: the sequences and the tokens hidden in them depend on the seed
and the length of a sequence, and 15 % are hidden whatever the training hides, so experiments on one
corpus compare. The result is measured on all of these sequences; the curve on the first of them
alone, the same at each point, which is why its metrics are called `quick_…`.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PretrainedConfig, PreTrainedModel

from tasks import families, objectives
from tasks.contract import Monitor, StageError
from tasks.data.tables import write_json
from tasks.data.text.drawing import Drawing, ExampleBatches
from tasks.data.text.token_arrays import EncodedCorpus, load_tokenizer
from tasks.data.text.token_frequencies import begin_with, frequencies, unigram_loss
from tasks.data.text.vocabulary import Vocabulary
from tasks.experiment.model import Model
from tasks.experiment.pretraining import Checkpoints, Pretraining
from tasks.models.building import head_of, new_model
from tasks.models.mask_filling import fill, hide_words
from tasks.objectives import Objective
from tasks.training import flops
from tasks.training.loop import Batch, Computation, Recipe, autocast, resolve_precision, train
from tasks.training.memory import fitting_rows
from tasks.training.microbatches import Splitting

VALIDATION_MASKING = 0.15
VALIDATIONS = 10  # points of the validation curve, each on so many sequences at most
QUICK_SEQUENCES = 512
TOKENS_AT_ONCE = 8192
LARGEST_EXPONENT = 700.0  # of a perplexity: a loss beyond it (nearly diverged) overflows a float


def pretrain(
    *,
    model: Model,
    pretraining: Pretraining,
    seed: int,
    tokens: Path,
    tokenizer: Path,
    out: Path,
    monitor: Monitor,
    checkpoints: Checkpoints | None = None,
) -> dict[str, float]:
    """Train a body from random weights, and write it to `out/model`.

    Args:
        model: size of the body.
        pretraining: what it learns, and how.
        seed: seed of weights, order, pairs and masks.
        tokens: folder of the stage `tokens`.
        tokenizer: folder of the tokenizer that made them.
        out: empty folder.
        monitor: is told the curves, and how far the training is.
        checkpoints: how often one is written.

    Returns:
        `validation_loss` (cross-entropy of masked tokens, in nats), `perplexity` (its exponential),
        `masked_accuracy`, with next-sentence prediction `nsp_loss` and `nsp_accuracy`;
        `unigram_loss` (what guessing by frequency would have), `parameters`, `tokens` seen,
        `epochs` over the corpus. The monitor is told the measured ones as `quick_…` on the way.

    Raises:
        StageError: the corpus is too small, or what `train` raises.
    """
    loaded = load_tokenizer(tokenizer)
    vocabulary = Vocabulary.of(loaded)
    objective = objectives.load(pretraining.objective)
    batches = training_batches(objective, tokens, vocabulary, pretraining, seed)
    held_out = validation_batches(objective, tokens, vocabulary, pretraining, seed)
    known = frequencies(EncodedCorpus.open(tokens, "train"), vocabulary)
    config = families.load(model.family).configure(model, loaded, pretraining.dropout)
    body = new_body(objective, config, known, seed)
    monitor.note(parameters=body.num_parameters(), examples=len(batches.examples))

    rows = len(held_out[0]["input_ids"])
    quick = held_out[: max(1, QUICK_SEQUENCES // rows)]
    history = train(
        body,
        batches,
        recipe(pretraining, seed),
        objective.losses,
        monitor,
        validate=lambda: {f"quick_{k}": v for k, v in measure(objective, body, quick).items()},
        validate_every=max(1, pretraining.steps // VALIDATIONS),
        checkpoints=checkpoints,
        computation=computation(objective, body, batches[0], pretraining),
    )
    with torch.no_grad(), autocast(pretraining.precision):
        found = measure(objective, body, held_out)

    body.save_pretrained(out / "model")
    loaded.model_max_length = model.max_positions
    loaded.save_pretrained(out / "model")
    texts = EncodedCorpus.open(tokens, "validation")
    metrics = {
        **found,
        "perplexity": math.exp(min(found["validation_loss"], LARGEST_EXPONENT)),
        "unigram_loss": unigram_loss(texts, known, vocabulary),
        "parameters": float(body.num_parameters()),
        "steps": history.steps,
        "tokens": history.tokens,
        "epochs": history.steps * pretraining.batch_size / len(batches.examples),
    }
    hidden = list(hide_words(texts, loaded))
    example = hidden[0][0] if hidden else f"{loaded.mask_token}."
    write_json(out / "model.json", {"task": "fill-mask", "example": [example]})
    write_json(out / "metrics.json", metrics)
    outcome = {
        "sequences": len(held_out) * rows,
        "quick_sequences": len(quick) * rows,
        "curves": history.curves("mlm_loss", "quick_validation_loss"),
        "examples": [[text, word, fill(text, body, loaded)] for text, word in hidden],
    }
    write_json(out / "pretraining.json", outcome)
    return metrics


def new_body(
    objective: Objective, config: PretrainedConfig, known: NDArray[np.float64], seed: int
) -> PreTrainedModel:
    """A body with random weights that knows the frequencies of its tokens, [vocabulary].

    Raises:
        StageError: a model of this configuration has no head that can be trained.
    """
    body = new_model(objective.AUTO_MODEL, config, seed)
    head_of(body)
    begin_with(known, body)
    return body


def recipe(pretraining: Pretraining, seed: int) -> Recipe:
    """How to train, from the fields of the experiment."""
    return Recipe(
        learning_rate=pretraining.learning_rate,
        warmup_share=pretraining.warmup_share,
        schedule=pretraining.schedule,
        weight_decay=pretraining.weight_decay,
        adam_beta2=pretraining.adam_beta2,
        max_gradient_norm=pretraining.max_gradient_norm,
        precision=pretraining.precision,
        log_every=pretraining.log_every,
        seed=seed,
        minutes=pretraining.minutes,
    )


def computation(
    objective: Objective, body: PreTrainedModel, batch: Batch, pretraining: Pretraining
) -> Computation:
    """How steps with batches like this one are computed on this machine."""
    size, length = batch["input_ids"].shape
    encoder = families.load(body.config.model_type).encoder_flops
    bf16 = resolve_precision(pretraining.precision) == "bf16"
    row = [(-(-a // size), b, c) for a, b, c in objective.head(body.config, batch)]
    return Computation(
        splitting=Splitting(
            rows=pretraining.micro_batch_size or fitting_rows(body, size, length, row, bf16=bf16),
            automatic=not pretraining.micro_batch_size,
            split=objective.split,
            counts=objective.counts,
        ),
        flops=flops.of_step(body.config, encoder, objective.head),
    )


def training_batches(
    objective: Objective, tokens: Path, vocabulary: Vocabulary, pretraining: Pretraining, seed: int
) -> ExampleBatches:
    """The batches to train on.

    Raises:
        StageError: the corpus gives fewer examples than one batch.
    """
    drawing = Drawing(
        length=pretraining.sequence_length, masking_share=pretraining.masking_share, seed=seed
    )
    corpus = EncodedCorpus.open(tokens, "train")
    examples = objective.examples(corpus, vocabulary, drawing)
    if len(examples) < pretraining.batch_size:
        raise StageError(
            f"the corpus gives {len(examples)} sequences of {drawing.length} tokens, fewer than "
            f"one batch ({pretraining.batch_size}): give it more text ({len(corpus.tokens)} tokens "
            "now), or lower pretraining.batch_size or pretraining.sequence_length"
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


def measure(objective: Objective, model: PreTrainedModel, batches: list[Batch]) -> dict[str, float]:
    """Metrics of a model, each a mean over the batches."""
    sums: dict[str, tuple[float, int]] = {}
    for batch in batches:
        moved = {name: tensor.to(model.device) for name, tensor in batch.items()}
        for name, (value, count) in objective.measure(model, moved).items():
            total, counted = sums.get(name, (0.0, 0))
            sums[name] = total + value, counted + count
    return {name: total / max(1, counted) for name, (total, counted) in sums.items()}
