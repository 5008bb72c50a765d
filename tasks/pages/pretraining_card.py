"""What a pre-training shows to people: its loss curves, its numbers, and a few masks filled in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from tasks.data.text.token_arrays import EncodedCorpus
from tasks.pages.figures import draw_curves, write_figure
from tasks.pages.numbers import table
from tasks.training.loop import TrainingHistory

EXAMPLES = 5
GUESSES = 3
SENTENCE = range(8, 33)  # tokens of a sentence to show


@dataclass(frozen=True)
class Outcome:
    """What a pre-training came to.

    Attributes:
        metrics: the stage's metrics.
        history: the curves.
        sequences: held-out sequences that the metrics were measured on.
        quick_sequences: the first of them, that the points of the curve were measured on.
        held_out: the held-out documents.
    """

    metrics: dict[str, float]
    history: TrainingHistory
    sequences: int
    quick_sequences: int
    held_out: EncodedCorpus


def write_card(
    out: Path, outcome: Outcome, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast
) -> list[str]:
    """Write `figures/loss.png`, and `show/card.md` with a copy of it; returns a text to fill in."""
    write_figure(draw_loss(outcome), out / "figures" / "loss.png")
    shutil.copytree(out / "figures", out / "show")
    hidden = list(hide_words(outcome.held_out, tokenizer))
    rows = [[text, word, fill(text, model, tokenizer)] for text, word in hidden]
    page = ["# Pre-training", "", *describe(outcome), ""]
    if rows:
        page += [table(["held-out sentence", "hidden", "guesses"], rows), ""]
    (out / "show" / "card.md").write_text("\n".join(page), encoding="utf-8")
    return [hidden[0][0] if hidden else f"{tokenizer.mask_token}."]


def draw_loss(outcome: Outcome) -> Figure:
    """Loss of masked tokens in training and on held-out text, beside guessing by frequency."""
    metrics, history = outcome.metrics, outcome.history
    steps, losses = history.curve("mlm_loss")
    reference = [(steps[0], metrics["unigram_loss"]), (steps[-1], metrics["unigram_loss"])]
    return draw_curves(
        f"Masked tokens: {metrics['validation_loss']:.2f} nats on held-out text",
        f"Cross-entropy a masked token; guessing by frequency has {metrics['unigram_loss']:.2f}; "
        f"curve on {outcome.quick_sequences:,} of the {outcome.sequences:,} held-out sequences",
        {
            "training": list(zip(steps, losses, strict=True)),
            "held out": list(zip(*history.curve("quick_validation_loss"), strict=True)),
            "by frequency": reference,
        },
        x="step",
        y="nats",
    )


def describe(outcome: Outcome) -> Iterator[str]:
    """The numbers, a line each."""
    metrics = outcome.metrics
    yield (
        f"{metrics['parameters']:,.0f} parameters have seen {metrics['tokens']:,.0f} tokens: "
        f"{metrics['epochs']:.2f} passes over the corpus."
    )
    yield ""
    yield (
        f"- held-out masked tokens: {metrics['validation_loss']:.3f} nats (perplexity "
        f"{metrics['perplexity']:.1f}), {100 * metrics['masked_accuracy']:.1f} % right, on "
        f"{outcome.sequences:,} sequences; guessing by frequency has {metrics['unigram_loss']:.3f}"
    )
    if "nsp_accuracy" in metrics:
        yield (
            f"- held-out sentence pairs: {metrics['nsp_loss']:.3f} nats (a coin: 0.693), "
            f"{100 * metrics['nsp_accuracy']:.1f} % right"
        )


def hide_words(
    held_out: EncodedCorpus, tokenizer: PreTrainedTokenizerFast
) -> Iterator[tuple[str, str]]:
    """Sentences of different documents with a word of one token hidden, and that word."""
    found = 0
    for begin in held_out.sentences[held_out.documents[:-1].tolist()].tolist():
        stop = held_out.sentences[held_out.sentences.searchsorted(begin, "right")]
        words = tokenizer.decode(held_out.tokens[begin:stop].tolist()).split()
        whole = [place for place, word in enumerate(words) if _is_whole(word, tokenizer)]
        if stop - begin in SENTENCE and whole:
            place = min(whole, key=lambda place: abs(2 * place - len(words)))
            text = " ".join([*words[:place], tokenizer.mask_token, *words[place + 1 :]])
            yield text, words[place]
            found += 1
        if found == EXAMPLES:
            return


def _is_whole(word: str, tokenizer: PreTrainedTokenizerFast) -> bool:
    return word.isalpha() and len(word) > 3 and len(tokenizer.tokenize(word)) == 1


@torch.no_grad()
def fill(text: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> str:
    """The likeliest words for the hidden one, with their probabilities."""
    inputs = tokenizer(text, return_tensors="pt").to(model.device)
    logits = model(**inputs)[0][0]
    place = int((inputs["input_ids"][0] == tokenizer.mask_token_id).nonzero()[0])
    best = logits[place].softmax(-1).topk(GUESSES)
    guesses = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return ", ".join(f"{tokenizer.decode([token]).strip()} {share:.0%}" for token, share in guesses)
