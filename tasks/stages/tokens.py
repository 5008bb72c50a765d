"""Stage `tokens`: encode the corpus once, into flat arrays that are read through memory maps.

For each split four files, all `numpy.load`-able, the first three with `mmap_mode="r"`:

    SPLIT.tokens.npy     all tokens in a row, without special tokens: uint16, or uint32 for a
                         vocabulary of more than 65,536 entries
    SPLIT.sentences.npy  int64 [sentences + 1]: where each sentence begins in the tokens
    SPLIT.documents.npy  int64 [documents + 1]: where each document begins in the sentences
    SPLIT.bytes.npy      int64: bytes of all sentences in UTF-8, and one for what is behind each: a
                         blank, or the end of its document

Sentences and documents without a token are left out, but for the bytes, which are the same for any
tokenizer. Memory is constant in the corpus's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, DTypeLike, NDArray
from transformers import PreTrainedTokenizerFast

from tasks.contract import Monitor, StageError
from tasks.data.tables import read_texts
from tasks.data.text.fast_encoding import Encoder
from tasks.data.text.sentences import split_lines, split_sentences
from tasks.data.text.token_arrays import load_tokenizer
from tasks.experiment.corpus import Sentences
from tasks.machinery.naming.cut import cut

REPORTED_UNKNOWN = 0.01  # share of the characters
REFUSED_UNKNOWN = 0.5
LONGEST_WORD = 100  # characters of a word that WordPiece looks at

T = TypeVar("T")
R = TypeVar("R")


def encode_corpus(
    *,
    train: Path,
    validation: Path,
    tokenizer: Path,
    sentences: Sentences = "auto",
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Encode both splits of the corpus.

    Args:
        train: Parquet file with a column `text`, one document per row.
        validation: the same for the held-out documents.
        tokenizer: folder of a tokenizer.
        sentences: where a sentence ends: `auto` finds out, `line` takes each line for one.
        out: empty folder.
        monitor: receives the number of encoded documents.

    Returns:
        Counts of tokens, sentences and documents to train on (`validation_tokens`: held out),
        `characters_per_token`, `unknown_share`: the share of unknown tokens, and
        `unknown_characters`: the share of the characters that are in words with one.

    Raises:
        StageError: a split contains no token, or half of its characters are unknown.
    """
    loaded = load_tokenizer(tokenizer)
    found = {}
    for split, file in (("train", train), ("validation", validation)):
        found[split] = encode_split(file, loaded, out, split, monitor=monitor, sentences=sentences)
        if not found[split]["tokens"]:
            raise StageError(f"the {split} split of the corpus contains no token: it has no text")
    return found["train"] | {"validation_tokens": found["validation"]["tokens"]}


def encode_split(
    file: Path,
    tokenizer: PreTrainedTokenizerFast,
    out: Path,
    split: str,
    *,
    monitor: Monitor,
    sentences: Sentences = "auto",
) -> dict[str, float]:
    """Encode a Parquet file of documents into the three files of a split."""
    dtype = np.uint16 if len(tokenizer) <= 2**16 else np.uint32
    encoder, unknown, characters, text_bytes = Encoder(tokenizer), 0, 0, 0
    with (
        ArrayFile(out / f"{split}.tokens.npy", dtype) as tokens,
        ArrayFile(out / f"{split}.sentences.npy", np.int64) as begins,
        ArrayFile(out / f"{split}.documents.npy", np.int64) as documents,
    ):
        begins.append([0])
        documents.append([0])
        done, total = 0, pq.read_metadata(file).num_rows
        encoded = while_next(partial(encode_batch, encoder), read_documents(file, sentences))
        for batch, (ids, lengths, counts) in encoded:
            unknown += int(np.count_nonzero(ids == tokenizer.unk_token_id))
            characters += sum(map(len, chain.from_iterable(batch)))
            text_bytes += sum(map(bytes_of, chain.from_iterable(batch)))
            begins.append(tokens.length + np.cumsum(lengths))
            documents.append(begins.length - 1 - len(lengths) + np.cumsum(counts))
            tokens.append(ids)
            done += len(batch)
            monitor.progress(done, total, f"{split} documents")
    np.save(out / f"{split}.bytes.npy", np.int64(text_bytes))
    unknown_characters = encoder.lost / max(1, characters)
    _report_unknown(unknown_characters, encoder.example, split, monitor)
    return {
        "tokens": tokens.length,
        "sentences": begins.length - 1,
        "documents": documents.length - 1,
        "characters_per_token": characters / max(1, tokens.length),
        "unknown_share": unknown / max(1, tokens.length),
        "unknown_characters": unknown_characters,
    }


def bytes_of(sentence: str) -> int:
    """Bytes of a sentence in UTF-8, and one for what is behind it."""
    return (len(sentence) if sentence.isascii() else len(sentence.encode())) + 1


def _report_unknown(share: float, example: str, split: str, monitor: Monitor) -> None:
    """Report the share of the characters that a model cannot see.

    Raises:
        StageError: it is half of them.
    """
    if share < REPORTED_UNKNOWN:
        return
    said = (
        f"{share:.1%} of the characters of the {split} split are in words that the tokenizer does "
        f"not know, such as {cut(example, 60)!r}"
    )
    long = len(example) > LONGEST_WORD
    why = (
        f"a word of more than {LONGEST_WORD} characters is unknown as a whole: put blanks into it "
        "(k-mers of a sequence, for example)"
        if long
        else "raise tokenizer.vocab_size, or take a tokenizer that was trained on such text"
    )
    remedy = f"{why}, or set tokenizer.algorithm: bpe, which knows every byte"
    if share >= REFUSED_UNKNOWN:
        raise StageError(f"{said}; {remedy}")
    monitor.say(f"Warning: {said}; {remedy}")


def read_documents(file: Path, ends: Sentences = "auto") -> Iterator[list[list[str]]]:
    """Batches of documents, each a list of sentences."""
    split = split_sentences if ends == "auto" else split_lines
    for texts in read_texts(file):
        yield [split(text) for text in texts.to_pylist()]


def encode_batch(
    encoder: Encoder, documents: list[list[str]]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Encode documents: all tokens, the tokens of each sentence, the sentences of each document."""
    tokens, sizes = encoder.encode(list(chain.from_iterable(documents)))
    owners = np.repeat(np.arange(len(documents)), [len(document) for document in documents])
    counts = np.bincount(owners[sizes > 0], minlength=len(documents))
    return tokens, sizes[sizes > 0], counts[counts > 0]


def while_next(work: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
    """Each item and its result, computed in a thread while the next item is produced."""
    with ThreadPoolExecutor(1) as thread:
        running: tuple[T, Future[R]] | None = None
        for item in items:
            if running is not None:
                yield running[0], running[1].result()
            running = item, thread.submit(work, item)
        if running is not None:
            yield running[0], running[1].result()


class ArrayFile:
    """A one-dimensional .npy file that is written in chunks.

    The header contains the length, which is known at the end: numpy leaves room for it to grow.
    """

    def __init__(self, path: Path, dtype: DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self.length = 0
        self._file = path.open("wb")
        self._write_header()
        self._start = self._file.tell()

    def append(self, values: ArrayLike) -> None:
        """Append values."""
        piece = np.asarray(values, self.dtype)
        self._file.write(piece.tobytes())
        self.length += piece.size

    def __enter__(self) -> ArrayFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.seek(0)
        self._write_header()
        assert self._file.tell() == self._start, "the header has grown over the data"
        self._file.close()

    def _write_header(self) -> None:
        description = np.lib.format.dtype_to_descr(self.dtype)
        header = {"descr": description, "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self._file, header)
