"""What a causal language model writes: its tokenizer, and continuations of held-out sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from tokenizers import Tokenizer, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from tasks.data.results import Demonstration
from tasks.data.text.token_arrays import EncodedCorpus

EXAMPLES = 5
SENTENCE = range(8, 33)  # tokens of a sentence to show
READS = ["input_ids", "attention_mask"]  # GPT-2 would take the types of tokens for tokens


def as_beginning(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """A tokenizer with the same tokens that puts the separator before a text, and nothing behind.

    So a text is the beginning of a document, as in training; a separator behind it would end it.
    """
    own = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    separator = tokenizer.sep_token
    after: Any = processors.TemplateProcessing(
        single=[separator, "$A"],
        pair=[separator, "$A", separator, "$B:1"],
        special_tokens=[(separator, tokenizer.sep_token_id)],
    )
    if isinstance(own.pre_tokenizer, pre_tokenizers.ByteLevel):  # a word begins behind its blank
        after = processors.Sequence([processors.ByteLevel(trim_offsets=True), after])
    own.post_processor = after
    names = tokenizer.special_tokens_map | {"bos_token": separator, "eos_token": separator}
    return PreTrainedTokenizerFast(tokenizer_object=own, model_input_names=READS, **names)


def continue_sentences(model: Any, tokenizer: Any, held_out: EncodedCorpus) -> Demonstration:
    """Beginnings of held-out sentences with their continuations; an example to continue."""
    found = list(cut_sentences(held_out, model.config.max_position_embeddings))
    rows = []
    for beginning, rest in found:
        given = [model.config.bos_token_id, *beginning]
        written = write_on(model, given, len(rest))
        rows.append([tokenizer.decode(each).strip() for each in (beginning, rest, written)])
    example = rows[0][0] if rows else tokenizer.decode(held_out.tokens[: SENTENCE[0]].tolist())
    return {
        "example": example,
        "header": ["beginning of a held-out sentence", "it continues", "the model continues"],
        "rows": rows,
    }


def cut_sentences(held_out: EncodedCorpus, positions: int) -> Iterator[tuple[list[int], list[int]]]:
    """The first and the second half of the first sentences of documents, as tokens.

    Args:
        held_out: the documents.
        positions: tokens that the model reads at most; one is the separator before the sentence.
    """
    found = 0
    for begin in held_out.sentences[held_out.documents[:-1].tolist()].tolist():
        stop = int(held_out.sentences[held_out.sentences.searchsorted(begin, "right")])
        if stop - begin in SENTENCE and stop - begin < positions:
            half = begin + (stop - begin) // 2
            yield held_out.tokens[begin:half].tolist(), held_out.tokens[half:stop].tolist()
            found += 1
        if found == EXAMPLES:
            return


@torch.no_grad()
def write_on(model: Any, tokens: list[int], most: int) -> list[int]:
    """The most likely next token again and again, up to `most`, or to the end of the document."""
    written: list[int] = []
    while len(written) < most:
        given = torch.tensor([[*tokens, *written]], device=model.device)
        best = int(model(input_ids=given, use_cache=False).logits[0, -1].argmax())
        if best == model.config.eos_token_id:
            break
        written.append(best)
    return written
