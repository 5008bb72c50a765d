"""Masked language modelling and next-sentence prediction, as in BERT (Devlin et al., 2019, 3.1).

An example is `[CLS] A [SEP] B [SEP]`. A is the beginning of a chunk of sentences of one document,
cut at a sentence boundary drawn again in each epoch; B is, with probability 1/2, the text that
follows A, else the text that follows the A of a chunk of another document. Both kinds of B begin
after a cut and end with the sequence or their document, so that neither segment alone, nor its
length, reveals the kind.

A document of a single sentence has no next one. It is still read, beside a B of another document,
but counts neither as a true nor as a false pair: the labels stay half and half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tasks.contract import StageError
from tasks.data.randomness import below, draw
from tasks.data.results import Metric
from tasks.data.text.drawing import Drawing
from tasks.data.text.masking import mask
from tasks.data.text.vocabulary import Vocabulary
from tasks.models.masked_prediction import (
    MASKED_METRICS,
    derive_masked,
    masked_head,
    masked_loss,
    measure_masked,
    only_its_own,
    predict,
    split_masked,
    unchanged,
)
from tasks.training.flops import Product

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tasks.data.results import Demonstration
    from tasks.data.text.token_arrays import EncodedCorpus
    from tasks.training.microbatches import Batch

HEADS = ("masked tokens", "sentence pairs")
FIELDS = ("masking_share", "masking")
_STORED = ("head",)
TASK = "fill-mask"
METRICS = {
    **MASKED_METRICS,
    "nsp_loss": Metric(
        "loss on held-out sentence pairs, nats per pair (chance: 0.693)", "nats", "lower"
    ),
    "nsp_accuracy": Metric("accuracy of next-sentence prediction", "share"),
}
TRAINING_LOSS = "mlm_loss"
REFERENCE = ("by frequency", "unigram_loss")
AROUND = 3  # special tokens around the two segments
CUT, KIND, OTHER = 20, 21, 22  # purposes of draws
IS_NEXT, IS_RANDOM, NO_PAIR = 0, 1, -100  # labels, as `BertForPreTraining` numbers them

Array = NDArray[np.int64]


def new_model(config: Any, seed: int) -> Any:
    """A model with random weights."""
    from transformers import AutoModelForPreTraining

    from tasks.models import building

    return building.new_model(AutoModelForPreTraining, config, seed)


def begin(model: Any, corpus: EncodedCorpus, vocabulary: Vocabulary) -> None:
    """Set the bias of the output to the frequencies of the tokens."""
    from tasks.data.text.token_frequencies import begin_with, frequencies

    begin_with(frequencies(corpus, vocabulary), model)


@dataclass(frozen=True)
class Chunks:
    """Chunks of sentences, none across documents, each as many as fit into a sequence.

    Attributes:
        sentences: [sentences + 1] where each sentence begins in the tokens; those longer than half
            of a sequence are cut into parts, which count as sentences.
        first, stop: [chunks] the sentences of a chunk.
        end: [chunks] where the document of a chunk ends in the tokens.
        pairs: [pairs] the chunks of two sentences or more, in the order of documents.
        own: [chunks, 2] which of `pairs` are of the document of a chunk, as a range.
    """

    sentences: Array
    first: Array
    stop: Array
    end: Array
    pairs: Array
    own: Array


def chunk(corpus: EncodedCorpus, budget: int) -> Chunks:
    """Cut documents into chunks of at most `budget` tokens, all documents at once.

    The last chunk of a document begins as early as it can: it shares sentences with the one before
    rather than be padded.
    """
    # One round of the loop makes one chunk of every document that still has sentences. Example:
    # one document of three sentences of 5 tokens, a budget of 10. `sentences` is [0, 5, 10, 15]
    # (where they begin in the tokens) and `documents` is [0, 3] (where documents begin in these).
    # The first round cuts sentences 0 to 2, the second what is left: sentence 2 alone.
    sentences, documents = cut_sentences(corpus, budget // 2)
    parts: list[tuple[Array, Array, Array]] = []
    open_documents = np.arange(len(documents) - 1)
    first, last = documents[:-1], documents[1:]
    while first.size:
        # `fit` is the sentence behind the last that fits: 10 tokens from 0 end at sentence 2.
        # `begin` is the first from which all the rest of the document fits: its last 10 tokens
        # begin with sentence 1. So the second chunk is (1, 3), not (2, 3): sentence 1 is in both.
        fit = np.searchsorted(sentences, sentences[first] + budget, side="right") - 1
        stop = np.minimum(fit, last)
        begin = np.maximum(
            np.searchsorted(sentences, sentences[last] - budget), documents[open_documents]
        )
        parts.append(
            (np.where(stop == last, np.minimum(begin, first), first), stop, open_documents)
        )
        goes_on = stop < last
        first, last, open_documents = stop[goes_on], last[goes_on], open_documents[goes_on]
    first, stop, document = (np.concatenate(part) for part in zip(*parts, strict=True))
    # The rounds gave all first chunks, then all second ones: sort them by document, then by place.
    # A chunk of two sentences or more can be cut into a pair. `own` is where the pairs of a chunk's
    # document begin and end in `pairs`: with pairs [0, 1, 4] in documents 0, 0 and 3, the chunks of
    # document 0 have (0, 2), and their random partner is drawn from the rest, here chunk 4.
    order = np.lexsort((stop, document))
    first, stop, document = first[order], stop[order], document[order]
    pairs = np.flatnonzero(stop - first >= 2)
    own = np.stack([np.searchsorted(document[pairs], document, side) for side in ("left", "right")])
    return Chunks(sentences, first, stop, sentences[documents[document + 1]], pairs, own.T)


def cut_sentences(corpus: EncodedCorpus, longest: int) -> tuple[Array, Array]:
    """Offsets of sentences, the long ones cut into equal parts, and of documents among them."""
    begins = np.asarray(corpus.sentences)
    lengths = np.diff(begins)
    parts = -(-lengths // longest)
    before = np.concatenate([[0], np.cumsum(parts)])
    owner = np.repeat(np.arange(len(lengths)), parts)
    part = np.arange(before[-1]) - before[owner]
    cuts = begins[owner] + part * lengths[owner] // parts[owner]
    return np.append(cuts, begins[-1]), before[corpus.documents]


@dataclass(frozen=True)
class SentencePairs:
    """The sentence pairs of a corpus: an example for each chunk."""

    tokens: NDArray[np.unsignedinteger]
    chunks: Chunks
    vocabulary: Vocabulary
    drawing: Drawing

    def __len__(self) -> int:
        return len(self.chunks.first)

    def draw(self, indices: Array, epochs: Array) -> dict[str, Array]:
        """A batch of masked pairs, with `next_sentence_label` [batch]."""
        chunks, seed = self.chunks, self.drawing.seed
        has_next = chunks.stop[indices] - chunks.first[indices] >= 2
        random = (draw(seed, KIND, epochs, indices) >> np.uint64(63)).astype(bool) | ~has_next
        source = np.where(random, self._other(indices, epochs), indices)
        begin_a = chunks.sentences[chunks.first[indices]]
        size_a = chunks.sentences[self._cut(indices, epochs)] - begin_a
        begin_b = chunks.sentences[self._cut(source, epochs)]
        size_b = np.minimum(chunks.end[source] - begin_b, self.drawing.length - AROUND - size_a)
        batch = self._lay_out(begin_a, size_a, begin_b, size_b)
        label = np.where(has_next, np.where(random, IS_RANDOM, IS_NEXT), NO_PAIR)
        masked = mask(batch["input_ids"], self.vocabulary, self.drawing, indices, epochs)
        return batch | masked | {"next_sentence_label": label}

    def _cut(self, indices: Array, epochs: Array) -> Array:
        """The sentence that a chunk is cut before in an epoch; the end of one without a pair."""
        first, stop = self.chunks.first[indices], self.chunks.stop[indices]
        choices = np.maximum(stop - first - 1, 1)
        return first + 1 + below(draw(self.drawing.seed, CUT, epochs, indices), choices)

    def _other(self, indices: Array, epochs: Array) -> Array:
        """A chunk with a pair, of another document."""
        low, high = self.chunks.own[indices].T
        others = len(self.chunks.pairs) - (high - low)
        number = below(draw(self.drawing.seed, OTHER, epochs, indices), others)
        return self.chunks.pairs[np.where(number < low, number, number + high - low)]

    def _lay_out(
        self, begin_a: Array, size_a: Array, begin_b: Array, size_b: Array
    ) -> dict[str, Array]:
        """`[CLS] A [SEP] B [SEP]` and padding, by arithmetic on places: no loop over examples."""
        # All examples at once: a row for each, a column for each place. Example: a length of 8,
        # A and B of 2 tokens. Then stop_a is 3 and stop_b is 6, where the separators stand:
        #   column   0     1   2   3     4   5   6     7
        #   token    CLS   a0  a1  SEP   b0  b1  SEP   PAD
        column = np.arange(self.drawing.length)
        stop_a = (1 + size_a)[:, None]
        stop_b = (2 + size_a + size_b)[:, None]
        in_a, in_b = (column > 0) & (column < stop_a), (column > stop_a) & (column < stop_b)
        # Column 1 reads the first token of A, at begin_a; column stop_a + 1 that of B, at begin_b.
        # Places outside of both are of no use: they read token 0, which is then written over.
        place = np.where(
            in_a, begin_a[:, None] + column - 1, begin_b[:, None] + column - stop_a - 1
        )
        ids = self.tokens[np.where(in_a | in_b, place, 0)].astype(np.int64)
        ids[~(in_a | in_b)] = self.vocabulary.pad
        ids[:, 0] = self.vocabulary.cls
        ids[(column == stop_a) | (column == stop_b)] = self.vocabulary.sep
        return {
            "input_ids": ids,
            "attention_mask": (column <= stop_b).astype(np.int64),
            "token_type_ids": ((column > stop_a) & (column <= stop_b)).astype(np.int64),
        }


def examples(corpus: EncodedCorpus, vocabulary: Vocabulary, drawing: Drawing) -> SentencePairs:
    """The sentence pairs of a corpus.

    Raises:
        StageError: fewer than two documents have two sentences.
    """
    chunks = chunk(corpus, drawing.length - AROUND)
    own = np.diff(chunks.own[chunks.pairs], axis=1)
    if not own.size or int(own.max()) == len(chunks.pairs):
        documents = len(corpus.documents) - 1
        raise StageError(
            f"no sentence pairs can be drawn: {'one' if own.size else 'none'} of {documents} "
            "documents has two sentences, but two such documents are needed: add documents, set "
            "corpus.sentences: line if each line is a sentence, split text files into more "
            "documents with corpus.documents: paragraph (if that is not set yet), or set "
            "pretraining.objective: mlm"
        )
    return SentencePairs(corpus.tokens, chunks, vocabulary, drawing)


def losses(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """The sum of both cross-entropies, each a mean in nats (of a hidden token, of a pair)."""
    from torch.nn import functional

    output = predict(model, batch)
    masked = masked_loss(output.prediction_logits, batch["targets"])
    label = batch["next_sentence_label"]
    total = functional.cross_entropy(
        output.seq_relationship_logits.float(), label, ignore_index=NO_PAIR, reduction="sum"
    )
    pair = total / (label != NO_PAIR).sum().clamp(min=1)
    return {"loss": masked + pair, "mlm_loss": masked, "nsp_loss": pair}


def counts(batch: Batch) -> dict[str, int]:
    """The hidden tokens, and the pairs."""
    pairs = int((batch["next_sentence_label"] != NO_PAIR).sum())
    return {"mlm_loss": len(batch["targets"]), "nsp_loss": pairs}


def head(config: Any, batch: Batch) -> list[Product]:
    """The hidden tokens, and the pooler with two answers for each row."""
    rows, width = len(batch["input_ids"]), config.hidden_size
    return [*masked_head(config, batch), (rows, width, width), (rows, width, 2)]


held = head


def measure(model: nn.Module, batch: Batch) -> dict[str, tuple[float, int]]:
    """Loss and accuracy on the hidden tokens, and on the pairs."""
    from torch.nn import functional

    output = predict(model, batch)
    label = batch["next_sentence_label"]
    logits = output.seq_relationship_logits.float()
    loss = functional.cross_entropy(logits, label, ignore_index=NO_PAIR, reduction="sum")
    right = (logits.argmax(-1) == label).sum()
    pairs = int((label != NO_PAIR).sum())
    return measure_masked(output.prediction_logits, batch["targets"]) | {
        "nsp_loss": (float(loss), pairs),
        "nsp_accuracy": (float(right), pairs),
    }


derive, split, encoders = derive_masked, split_masked, only_its_own
stored_model = stored_tokenizer = unchanged


def demonstrate(model: Any, tokenizer: Any, held_out: EncodedCorpus) -> Demonstration:
    """Sentences with a word hidden, and the guesses of the model."""
    from tasks.models.mask_filling import fill_masks

    return fill_masks(model, tokenizer, held_out)
