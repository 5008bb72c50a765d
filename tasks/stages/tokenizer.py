"""Stage `tokenizer`: train a tokenizer on the corpus, or load a published one.

WordPiece (Schuster and Nakajima, 2012) as in BERT, byte-level BPE (Radford et al., 2019) as in
RoBERTa, or Unigram (Kudo, 2018) as in ALBERT. The corpus is read once, in batches: memory grows
with its distinct words, not its size. The artifact is a folder for `AutoTokenizer.from_pretrained`;
its bytes depend only on the corpus and the settings.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import tokenizers
from tokenizers import (
    AddedToken,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from tasks.contract import Monitor, StageError
from tasks.data.tables import read_texts
from tasks.data.text.folding import accents_in, byte_level_folding, folding
from tasks.data.text.subwords import unigram
from tasks.data.text.subwords.wordpiece import wordpiece_alphabet
from tasks.data.text.token_arrays import load_tokenizer
from tasks.data.text.word_counts import byte_level_words, train_on_words, wordpiece_words
from tasks.experiment.tokenizer import Tokenizer
from tasks.sources.published_tokenizers import (
    FIELD,
    PublishedTokenizer,
    read_vocabulary,
    require_consecutive,
    require_no_link_out,
)

BERT_TOKENS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
# RoBERTa's <s> and </s> are also its bos_token and eos_token.
ROBERTA_TOKENS = {
    "cls_token": "<s>",
    "pad_token": "<pad>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
    "bos_token": "<s>",
    "eos_token": "</s>",
}

FEWEST_ENTRIES = 32


def train_tokenizer(
    *,
    tokenizer: Tokenizer,
    published: PublishedTokenizer | None,
    corpus: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Write a tokenizer to `out`.

    Args:
        tokenizer: algorithm, size of the vocabulary, case.
        published: load this one; None trains one.
        corpus: Parquet file with a column `text` to train on.
        out: empty folder.
        monitor: receives the numbers of documents and words read.

    Returns:
        `vocabulary`: entries, special tokens included.

    Raises:
        StageError: the corpus has too little text, or the published tokenizer cannot be used.
    """
    if published is None:
        learn = {"wordpiece": train_wordpiece, "bpe": train_bpe, "unigram": train_unigram}
        made = learn[tokenizer.algorithm](tokenizer, corpus, monitor)
        size = len(made)
        if size < FEWEST_ENTRIES:
            raise StageError(
                f"only {size} vocabulary entries could be learnt from the corpus, which has too "
                "little text; add documents or lower tokenizer.min_frequency"
            )
        if tokenizer.strip_accents:
            report_accents(read_texts(corpus), monitor)
        if size != tokenizer.vocab_size:  # more, if all bytes are
            monitor.note(vocabulary=f"{size} learnt, {tokenizer.vocab_size} requested")
    else:
        made = load_published(published, monitor, lowercase=tokenizer.lowercase)
    made.save_pretrained(out)
    return {"vocabulary": float(len(load_tokenizer(out, expected=len(made))))}


def train_wordpiece(settings: Tokenizer, corpus: Path, monitor: Monitor) -> PreTrainedTokenizerFast:
    """Train WordPiece on the corpus, reproducibly.

    The library's trainer numbers the characters in the order of a hash map, which differs between
    processes, and breaks ties between merges by those numbers. Passing the characters in a fixed
    order as special tokens makes it deterministic.
    """
    normalizer = folding(lowercase=settings.lowercase, strip_accents=settings.strip_accents)
    frame = wordpiece({}, normalizer)
    words = wordpiece_words(read_corpus(corpus, monitor), frame, lowercase=settings.lowercase)
    fixed = [*BERT_TOKENS.values(), *wordpiece_alphabet(words, settings.vocab_size)]
    trainer = trainers.WordPieceTrainer(
        vocab_size=settings.vocab_size,
        min_frequency=settings.min_frequency,
        special_tokens=fixed,
        limit_alphabet=0,
        show_progress=False,
    )
    train_on_words(frame, trainer, words, monitor)
    return as_bert(wordpiece(frame.get_vocab(), normalizer))


def train_bpe(settings: Tokenizer, corpus: Path, monitor: Monitor) -> PreTrainedTokenizerFast:
    """Train byte-level BPE on the corpus; all 256 bytes are entries, so no token is unknown."""
    frame = tokenizers.Tokenizer(models.BPE())
    frame.normalizer = byte_level_folding(
        lowercase=settings.lowercase, strip_accents=settings.strip_accents
    )
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocab_size,
        min_frequency=settings.min_frequency,
        special_tokens=list(dict.fromkeys(ROBERTA_TOKENS.values())),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words = byte_level_words(
        read_corpus(corpus, monitor), frame.normalizer, lowercase=settings.lowercase
    )
    train_on_words(frame, trainer, words, monitor)
    return as_roberta(frame)


def train_unigram(settings: Tokenizer, corpus: Path, monitor: Monitor) -> PreTrainedTokenizerFast:
    """Train Unigram on the corpus; all 256 bytes are entries, so no token is unknown."""
    normalizer = byte_level_folding(
        lowercase=settings.lowercase, strip_accents=settings.strip_accents
    )
    texts = read_corpus(corpus, monitor)
    size = settings.vocab_size
    made = as_bert(unigram.train_unigram(texts, normalizer, size, BERT_TOKENS, monitor))
    # It includes the blank before it: "a [MASK]" has no token for a lone blank.
    made.add_special_tokens({"mask_token": AddedToken("[MASK]", lstrip=True, special=True)})
    return made


def as_roberta(frame: tokenizers.Tokenizer) -> PreTrainedTokenizerFast:
    """Give a byte-level BPE tokenizer RoBERTa's special tokens, pre-tokenizer and decoder."""
    # With a blank also before the first word, a word has the same tokens at every position.
    frame.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    frame.decoder = decoders.ByteLevel()
    vocabulary = frame.get_vocab()
    frame.post_processor = processors.RobertaProcessing(
        ("</s>", vocabulary["</s>"]), ("<s>", vocabulary["<s>"]), add_prefix_space=True
    )
    # It includes the blank before it: "a <mask>" has no token for a lone blank.
    mask = AddedToken("<mask>", lstrip=True, special=True)
    frame.add_special_tokens([mask])
    return PreTrainedTokenizerFast(
        tokenizer_object=frame,
        model_input_names=["input_ids", "attention_mask"],
        **(ROBERTA_TOKENS | {"mask_token": mask}),
    )


def load_published(
    published: PublishedTokenizer, monitor: Monitor, *, lowercase: bool
) -> PreTrainedTokenizerFast:
    """Load a published tokenizer, and check that pre-training can use it.

    Raises:
        StageError: it cannot be read, or lacks a special token that masked modelling needs.
    """
    location = published.location
    if Path(location).is_dir() and published.kind != "hub":
        require_no_link_out(Path(location))
    if published.kind == "vocabulary":
        # The normalizer that it was trained with: BERT's, which strips all marks with the case.
        normalizer = normalizers.BertNormalizer(lowercase=lowercase)
        made = as_bert(wordpiece(read_vocabulary(Path(location)), normalizer))
        require_usable(made, location)
        report_case(made, monitor, lowercase=lowercase)
        return made
    if published.kind == "merges":
        made = from_merges(Path(location))
        require_usable(made, location)
        return made
    revision = published.identity[location] if published.kind == "hub" else None
    try:
        loaded = AutoTokenizer.from_pretrained(
            location,
            revision=revision,
            local_files_only=published.kind == "folder",
            trust_remote_code=False,
        )
    except Exception as error:  # the library raises many types for malformed files
        reason = str(error).partition("\n")[0]
        raise StageError(f"{FIELD}: {location}: no tokenizer could be loaded ({reason})") from error
    require_usable(loaded, location)
    return loaded


def from_merges(folder: Path) -> PreTrainedTokenizerFast:
    """Byte-level BPE from a vocab.json and a merges.txt, with RoBERTa's special tokens.

    Raises:
        StageError: the two files do not fit together.
    """
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8-sig"))
    lines = (folder / "merges.txt").read_text(encoding="utf-8-sig").split("\n")
    pairs = [line.partition(" ") for line in lines if line and not line.startswith("#version")]
    try:
        frame = tokenizers.Tokenizer(models.BPE(vocabulary, [(one, two) for one, _, two in pairs]))
    except Exception as error:  # the library raises a bare Exception
        said = f"{FIELD}: {folder}: merges.txt does not fit vocab.json: {error}"
        raise StageError(said) from None
    missing = sorted(set(ROBERTA_TOKENS.values()) - vocabulary.keys())
    if missing:
        raise StageError(f"{FIELD}: {folder}: vocab.json lacks {', '.join(missing)}")
    return as_roberta(frame)


def report_accents(texts: Iterable[pa.StringArray], monitor: Monitor) -> None:
    """Report how many letters lose their accents, and the most frequent of them."""
    stripped = accents_in(texts)
    if stripped:
        [(most, _)] = stripped.most_common(1)
        monitor.say(
            f"accents are stripped from {stripped.total():,} letters, most often {most!r}; "
            "tokenizer.accents: keep keeps them"
        )
        monitor.note(accents_stripped=stripped.total())


def report_case(made: PreTrainedTokenizerFast, monitor: Monitor, *, lowercase: bool) -> None:
    """Report entries that are never used, since text is folded before it is looked up."""
    special = set(made.all_special_tokens)
    cased = [e for e in made.get_vocab() if e != e.lower() and e not in special]
    if lowercase and cased:
        monitor.say(
            f"Warning: {len(cased):,} of the {len(made):,} entries of the vocabulary have capital "
            f"letters, such as {min(cased)!r}, and are never used: tokenizer.lowercase is true. If "
            "the vocabulary is of a cased model, set it to false"
        )
        monitor.note(unused_entries=len(cased))


def require_usable(loaded: PreTrainedTokenizerFast, location: str) -> None:
    """Check that pre-training can use a tokenizer.

    Raises:
        StageError: it lacks a token that masked modelling needs, its mask is also another token,
            its entries are not numbered without a gap, or it has too few.
    """
    where = f"{FIELD}: {location}"
    missing = [name for name in BERT_TOKENS if getattr(loaded, name) is None]
    if missing or not loaded.is_fast:
        lacks = f"has no {', '.join(missing)}" if missing else "has no tokenizer.json"
        raise StageError(f"{where}: the tokenizer {lacks}, which masked modelling needs")
    others = {getattr(loaded, name) for name in BERT_TOKENS if name != "mask_token"}
    if loaded.mask_token in others:
        raise StageError(
            f"{where}: {loaded.mask_token!r} is its mask_token and also another special token; "
            "masked modelling needs a separate one"
        )
    require_consecutive(set(loaded.get_vocab().values()), location)
    if len(loaded) < FEWEST_ENTRIES:
        raise StageError(
            f"{where}: the tokenizer has {len(loaded)} entries, special tokens included; "
            f"accepted: at least {FEWEST_ENTRIES}"
        )


def wordpiece(
    vocabulary: dict[str, int], normalizer: normalizers.Normalizer
) -> tokenizers.Tokenizer:
    """BERT's tokenizer around a vocabulary, with a normalizer."""
    frame = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token=BERT_TOKENS["unk_token"]))
    frame.normalizer = normalizer
    frame.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    frame.decoder = decoders.WordPiece()
    return frame


def as_bert(frame: tokenizers.Tokenizer) -> PreTrainedTokenizerFast:
    """Give a WordPiece tokenizer BERT's special tokens.

    Not a `BertTokenizerFast`, which replaces its normalizer by a lower-casing one when loaded.
    """
    ids = [(token, frame.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    frame.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=frame,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **BERT_TOKENS,
    )


def read_corpus(corpus: Path, monitor: Monitor) -> Iterator[pa.StringArray]:
    """The texts of a Parquet file in batches; reports how many have been read."""
    done, total = 0, pq.read_metadata(corpus).num_rows
    for texts in read_texts(corpus):
        yield texts
        done += len(texts)
        monitor.progress(done, total, "documents")
