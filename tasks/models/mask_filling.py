"""Examples of a masked language model: sentences with a hidden word, and its best predictions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from tasks.data.results import Demonstration
from tasks.data.text.token_arrays import EncodedCorpus

EXAMPLES = 5
GUESSES = 3
SENTENCE = range(8, 33)  # tokens of a sentence to show


def fill_masks(model: Any, tokenizer: Any, held_out: EncodedCorpus) -> Demonstration:
    """Held-out sentences with a hidden word and the model's predictions; an example to fill."""
    hidden = list(hide_words(held_out, tokenizer))
    return {
        "example": hidden[0][0] if hidden else f"{tokenizer.mask_token}.",
        "header": ["held-out sentence", "hidden", "guesses"],
        "rows": [[text, word, fill(text, model, tokenizer)] for text, word in hidden],
    }


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
    """The most likely words for the hidden one, with their probabilities."""
    inputs = tokenizer(text, return_tensors="pt").to(model.device)
    logits = model(**inputs)[0][0]
    place = int((inputs["input_ids"][0] == tokenizer.mask_token_id).nonzero()[0])
    best = logits[place].softmax(-1).topk(GUESSES)
    guesses = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return ", ".join(f"{tokenizer.decode([token]).strip()} {share:.0%}" for token, share in guesses)
