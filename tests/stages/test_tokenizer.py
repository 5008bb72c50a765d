"""The tokenizer stage: what it learns, that it is reproducible, and what it refuses."""

import hashlib
import json
import os
import random
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.contract import Silent, StageError
from tasks.data.text.token_arrays import load_tokenizer
from tasks.experiment.tokenizer import Tokenizer
from tasks.sources.published_tokenizers import resolve_published
from tasks.stages.tokenizer import BERT_TOKENS, train_tokenizer
from tests.conftest import ROOT

TEXTS = [
    "The quick brown fox jumps over the lazy dog. The dog sleeps.",
    "Pack my box with five dozen liquor jugs, and the fox with naïve 数字 words.",
    "A matrix is singular if its determinant is zero; it has no inverse.",
    "Arrays are broadcast against each other before the operation (see the notes).",
] * 5

TRAIN = """
import sys
from pathlib import Path
from tasks.contract import Silent
from tasks.experiment.experiment import Tokenizer
from tasks.stages.tokenizer import train_tokenizer
corpus, out, algorithm = sys.argv[1:]
Path(out).mkdir()
train_tokenizer(
    tokenizer=Tokenizer(algorithm=algorithm, vocab_size=300), published=None,
    corpus=Path(corpus), out=Path(out), monitor=Silent(),
)
"""


@pytest.fixture
def corpus(tmp_path):
    return write_texts(tmp_path / "train.parquet", TEXTS)


def write_texts(path, texts):
    pq.write_table(pa.table({"document": [str(n) for n in range(len(texts))], "text": texts}), path)
    return path


def trained(corpus, out, published=None, **settings):
    out.mkdir()
    monitor = Silent()
    metrics = train_tokenizer(
        tokenizer=Tokenizer(**({"vocab_size": 300} | settings)),
        published=published,
        corpus=corpus,
        out=out,
        monitor=monitor,
    )
    return load_tokenizer(out), metrics, monitor


def contents(folder):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def test_wordpiece_has_berts_special_tokens_and_pairs(corpus, tmp_path):
    tokenizer, metrics, _ = trained(corpus, tmp_path / "out")
    assert metrics == {"vocabulary": len(tokenizer)}
    assert tokenizer.convert_ids_to_tokens(range(5)) == [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
    ]
    pair = tokenizer("the fox", "the dog")
    assert tokenizer.decode(pair["input_ids"]) == "[CLS] the fox [SEP] the dog [SEP]"
    assert set(pair["token_type_ids"]) == {0, 1}


def test_case_is_folded_only_if_asked(corpus, tmp_path):
    folded, _, _ = trained(corpus, tmp_path / "folded", lowercase=True)
    cased, _, _ = trained(corpus, tmp_path / "cased", lowercase=False)
    assert folded.decode(folded("The naïve Fox")["input_ids"][1:-1]) == "the naive fox"
    assert cased.tokenize("The") != cased.tokenize("the")


def test_case_and_accents_are_two_settings(corpus, tmp_path):
    accented = write_texts(tmp_path / "accents.parquet", ["The Café is naïve."] * 9)
    made = {
        (lowercase, accents): trained(
            accented, tmp_path / f"{lowercase}-{accents}", lowercase=lowercase, accents=accents
        )[0]
        for lowercase in (True, False)
        for accents in ("strip", "keep")
    }
    found = {how: each.decode(each("Café")["input_ids"][1:-1]) for how, each in made.items()}
    assert found == {
        (True, "strip"): "cafe",
        (True, "keep"): "café",
        (False, "strip"): "Cafe",
        (False, "keep"): "Café",
    }


@pytest.mark.parametrize("algorithm", ["wordpiece", "bpe", "unigram"])
@pytest.mark.parametrize(
    ("one", "other"),
    [("फल", "फूल"), ("กำ", "กา"), ("كَتَبَ", "كُتِبَ"), ("שָׁלוֹם", "שלום"), ("が", "か")],
)
def test_the_marks_of_other_scripts_are_no_accents(tmp_path, algorithm, one, other):
    corpus = write_texts(tmp_path / "t.parquet", [f"{one} {other} é e É. Ελλάς ελλας", *TEXTS] * 9)
    settings = {"vocab_size": 400, "lowercase": True}
    tokenizer, _, monitor = trained(corpus, tmp_path / "out", algorithm=algorithm, **settings)
    assert "accents are stripped from 72 letters, most often 'ï'" in monitor.said[0]
    tokens = {word: tuple(tokenizer(word)["input_ids"]) for word in (one, other, "é", "e", "É")}
    assert tokens[one] != tokens[other]
    assert tokens["é"] == tokens["e"] == tokens["É"]
    assert tokenizer("Ελλάς")["input_ids"] == tokenizer("ελλας")["input_ids"]


def test_a_cased_vocabulary_that_is_lower_cased_is_told(corpus, tmp_path):
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "The", "fox", *"abcdefghijklmnopqrst"]
    entries += [f"##{letter}" for letter in "abcdefghij"]
    (tmp_path / "vocab.txt").write_bytes(b"\xef\xbb\xbf" + "\n".join(entries).encode())
    published = resolve_published(str(tmp_path / "vocab.txt"))
    _, _, monitor = trained(corpus, tmp_path / "folded", published, lowercase=True)
    assert "1 of the 37 entries" in monitor.said[0]
    assert "'The'" in monitor.said[0]
    tokenizer, _, monitor = trained(corpus, tmp_path / "cased", published, lowercase=False)
    assert monitor.said == []
    assert tokenizer.pad_token_id == 0, "the byte-order mark is no part of the first entry"


def test_a_vocabulary_with_merges_is_read(corpus, tmp_path):
    made, _, _ = trained(corpus, tmp_path / "made", algorithm="bpe", vocab_size=400)
    (tmp_path / "published").mkdir()
    made.backend_tokenizer.model.save(str(tmp_path / "published"))
    names = sorted(file.name for file in (tmp_path / "published").iterdir())
    assert names == ["merges.txt", "vocab.json"]
    published = resolve_published(str(tmp_path / "published"))
    tokenizer, metrics, _ = trained(corpus, tmp_path / "out", published)
    assert metrics["vocabulary"] == len(made)
    assert tokenizer("the <mask> fox")["input_ids"] == made("the <mask> fox")["input_ids"]
    (tmp_path / "published" / "merges.txt").write_text("#version: 0.2\nno such\n")
    with pytest.raises(StageError, match=r"merges.txt does not fit vocab.json"):
        trained(corpus, tmp_path / "again", resolve_published(str(tmp_path / "published")))


def test_byte_level_bpe_gives_back_any_text(corpus, tmp_path):
    tokenizer, _, _ = trained(
        corpus, tmp_path / "out", algorithm="bpe", vocab_size=400, lowercase=False
    )
    text = "Ωmega 🦊 naïve — naïve"
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True).strip() == text
    assert tokenizer.tokenize("a <mask> fox").count("Ġ") == 0


def test_unigram_gives_back_any_text(corpus, tmp_path):
    tokenizer, _, _ = trained(
        corpus, tmp_path / "out", algorithm="unigram", vocab_size=400, lowercase=False
    )
    draw = random.Random(7)
    alphabet = [
        "Ω",
        "🦊",
        "naïve",
        " ",
        "  ",
        "\n",
        "\t",
        "dog",
        "<0x41>",
        "<",
        "a",
        "数",
        "é",
        ".",
    ]
    for _ in range(200):
        text = "".join(draw.choices(alphabet, k=draw.randrange(12)))
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.unk_token_id not in ids
        decoded = tokenizer.decode(ids, skip_special_tokens=True)
        assert decoded == text.removeprefix(" "), repr(text)
    assert tokenizer.decode(tokenizer("a [MASK]")["input_ids"][1:-2]) == "a", "no lone blank"


def test_unigram_has_bytes_and_pieces_of_words_as_entries(corpus, tmp_path):
    tokenizer, metrics, _ = trained(corpus, tmp_path / "out", algorithm="unigram", vocab_size=330)
    assert metrics == {"vocabulary": 330}
    assert tokenizer.convert_ids_to_tokens(range(6)) == [*BERT_TOKENS.values(), "<0x00>"]
    assert len(tokenizer.tokenize("the other array operation")) < 20
    pair = tokenizer("the fox", "the dog")
    assert tokenizer.decode(pair["input_ids"]) == "[CLS] the fox[SEP] the dog[SEP]"
    assert set(pair["token_type_ids"]) == {0, 1}


def test_words_given_one_by_one_are_tokenized_as_in_a_text(corpus, tmp_path):
    for algorithm in ("wordpiece", "bpe", "unigram"):
        tokenizer, _, _ = trained(corpus, tmp_path / algorithm, algorithm=algorithm, vocab_size=400)
        words = ["the", "lazy", "dog", "sleeps"]
        assert (
            tokenizer(words, is_split_into_words=True)["input_ids"]
            == tokenizer(" ".join(words))["input_ids"]
        )


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["wordpiece", "bpe", "unigram"])
def test_processes_learn_the_same_bytes(corpus, tmp_path, algorithm):
    made = []
    for seed in ("1", "2", "3"):
        out = tmp_path / seed
        environment = os.environ | {"PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": seed}
        subprocess.run(
            [sys.executable, "-c", TRAIN, str(corpus), str(out), algorithm],
            check=True,
            cwd=ROOT,
            env=environment,
        )
        made.append(contents(out))
    assert made[0] == made[1] == made[2]


def test_real_text_is_learnt_reproducibly(shared_data, tmp_path):
    books = sorted((shared_data / "classic-books" / "books").glob("*.md"))[:2]
    texts = [block for book in books for block in book.read_text().split("\n\n")]
    corpus = write_texts(tmp_path / "books.parquet", texts)
    first, _, _ = trained(corpus, tmp_path / "first", vocab_size=2000)
    trained(corpus, tmp_path / "second", vocab_size=2000)
    assert len(first) == 2000
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert {"the", "book"} <= set(first.get_vocab())


def test_a_small_corpus_gives_what_it_has(corpus, tmp_path):
    tokenizer, _, monitor = trained(corpus, tmp_path / "out", vocab_size=5000)
    assert len(tokenizer) < 5000
    assert monitor.facts["vocabulary"] == f"{len(tokenizer)} learnt, 5000 requested"


def test_a_corpus_of_almost_nothing_is_refused(tmp_path):
    corpus = write_texts(tmp_path / "train.parquet", ["aaa"])
    with pytest.raises(StageError, match=r"only \d+ vocabulary entries"):
        trained(corpus, tmp_path / "out")


def test_a_published_vocabulary_is_loaded_whole(shared_data, corpus, tmp_path):
    published = resolve_published(str(shared_data / "bert-vocab" / "vocab.txt"))
    tokenizer, metrics, _ = trained(corpus, tmp_path / "out", published)
    assert metrics["vocabulary"] == 30522
    assert tokenizer("Hello, world!")["input_ids"] == [101, 7592, 1010, 2088, 999, 102]


def test_a_published_folder_keeps_its_tokens(corpus, tmp_path):
    original, _, _ = trained(corpus, tmp_path / "original", lowercase=False)
    published = resolve_published(str(tmp_path / "original"))
    copy, _, _ = trained(corpus, tmp_path / "copy", published, lowercase=True)
    assert copy("The Fox")["input_ids"] == original("The Fox")["input_ids"]


def test_a_published_tokenizer_executes_no_code(corpus, tmp_path):
    folder, mark = tmp_path / "published", tmp_path / "executed"
    trained(corpus, folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config |= {"auto_map": {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}, "tokenizer_class": "Evil"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w')\nclass Evil: ...\n")
    with pytest.raises(StageError, match="no tokenizer could be loaded"):
        trained(corpus, tmp_path / "out", resolve_published(str(folder)))
    assert not mark.exists()


@pytest.mark.parametrize("name", ["vocab.txt", "tokenizer_config.json", "chat_template.jinja"])
def test_a_link_out_of_a_published_folder_is_refused(corpus, tmp_path, name):
    folder, secret = tmp_path / "published", tmp_path / "secret"
    trained(corpus, folder)
    planned = resolve_published(str(folder))
    (folder / name).unlink(missing_ok=True)
    secret.write_text("root:x:0:0")
    (folder / name).symlink_to(secret)
    said = rf"{name} is a link to {secret}, outside of the folder"
    with pytest.raises(StageError, match=said):
        resolve_published(str(folder))
    with pytest.raises(StageError, match=said):  # it was put there after the run was planned
        trained(corpus, tmp_path / "out", planned)


def test_a_link_inside_a_published_folder_is_followed(corpus, tmp_path):
    trained(corpus, tmp_path / "published")
    before = resolve_published(str(tmp_path / "published"))
    (tmp_path / "published" / "tokenizer.json").rename(tmp_path / "published" / "own")
    (tmp_path / "published" / "tokenizer.json").symlink_to("own")
    assert resolve_published(str(tmp_path / "published")) == before


def test_a_link_that_is_not_read_may_lead_out_of_a_published_folder(corpus, tmp_path):
    folder = tmp_path / "published"
    trained(corpus, folder)
    before = resolve_published(str(folder))
    (tmp_path / "train.txt").write_text("a text\n")
    (folder / "train.txt").symlink_to(tmp_path / "train.txt")
    assert resolve_published(str(folder)) == before
    trained(corpus, tmp_path / "out", before)


def test_a_published_tokenizer_is_known_by_content_not_by_place(corpus, tmp_path):
    trained(corpus, tmp_path / "here")
    trained(corpus, tmp_path / "there")
    (tmp_path / "there" / "README.md").write_text("not part of the tokenizer")
    here, there = (resolve_published(str(tmp_path / name)) for name in ("here", "there"))
    assert here.location != there.location
    assert here.identity == there.identity


def test_nothing_published_resolves_to_nothing():
    assert resolve_published("") is None


def test_a_commit_of_the_hub_is_known_without_asking():
    commit = "0123456789abcdef0123456789abcdef01234567"
    found = resolve_published(f"hf:google-bert/bert-base-uncased@{commit}")
    assert found.identity == {"google-bert/bert-base-uncased": commit}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vocab.txt", b"", "is empty"),
        ("vocab.txt", b"the\nfox\n", r"lacks \[PAD\]"),
        ("vocab.txt", b"the\nfox\nthe\n", "'the' is on line 1 and on line 3"),
        ("vocab.txt", b"the\n\xff\xfe\n", "not UTF-8 at byte 4"),
        ("tokenizer.json", b"{}", "no tokenizer could be loaded"),
        ("notes.md", b"hello", "is a folder without a tokenizer"),
    ],
)
def test_broken_published_tokenizers_are_refused(corpus, tmp_path, name, content, message):
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / name).write_bytes(content)
    with pytest.raises(StageError, match=message):
        trained(corpus, tmp_path / "out", resolve_published(str(folder)))


def test_a_missing_file_names_the_field_and_the_nearest_one(tmp_path):
    (tmp_path / "vocab.txt").write_text("x")
    with pytest.raises(StageError, match=r"tokenizer\.published: .*did you mean .*/vocab\.txt"):
        resolve_published(str(tmp_path / "vocap.txt"))


def test_a_name_that_no_repository_can_have_is_refused():
    with pytest.raises(StageError, match="not a name on the Hub"):
        resolve_published("hf:a b")


def test_without_a_network_the_hub_is_refused_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(StageError, match="unreachable"):
        resolve_published("hf:google-bert/bert-base-uncased")
