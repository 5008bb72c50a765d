"""Token classification, against seqeval and the tokenizer's own alignment."""

import numpy as np
import pandas as pd
import pytest
from seqeval.metrics import classification_report
from seqeval.metrics.sequence_labeling import precision_recall_fscore_support
from transformers import BertTokenizerFast

from tasks.data.notices import Notices
from tasks.data.rows import Row
from tasks.experiment.problem import LabelledData
from tasks.problems import load, shape_of
from tasks.problems.token_classification.served import locate_words
from tests.support.tiny_models import tagged_sentences, wordpiece

problem = load("token-classification")
TAGS = ["O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER-x", "I-PER-x"]


def random_tags(seed, sentences=30):
    """Any tag after any other: most entities begin with an I-, or change type on the way."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, 12, sentences)
    return [[generator.choice(TAGS, n).tolist() for n in lengths] for _ in range(2)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(20))
def test_metrics_are_seqevals_also_for_invalid_tags(seed):
    gold, predicted = random_tags(seed)
    values = problem.measure(problem.count(gold, predicted, TAGS).sum(axis=0))
    expected = precision_recall_fscore_support(gold, predicted, average="micro")
    assert [values[name] for name in ("precision", "recall", "f1")] == pytest.approx(
        expected[:3], abs=1e-15
    )


def test_the_report_is_seqevals():
    gold, predicted = random_tags(1)
    expected = classification_report(gold, predicted, output_dict=True)
    report = problem.report(gold, predicted, TAGS)
    assert report["class"].tolist() == ["LOC", "ORG", "PER-x"]
    for name, *values in report.itertuples(index=False):
        assert values == pytest.approx(list(expected[name].values()))


def test_no_entity_anywhere_is_zero_and_not_an_error():
    gold, predicted = [["O", "O"]], [["O", "O"]]
    values = problem.measure(problem.count(gold, predicted, TAGS).sum(axis=0))
    assert values == {"f1": 0, "precision": 0, "recall": 0}


def test_labels_are_on_first_sub_words_where_the_tokenizer_itself_sees_them():
    tokenizer = wordpiece()
    rows = tagged_sentences(20, seed=0)
    rows["tokens"] = [[*words, "it's", "zzz-top", "o"] for words in rows["tokens"]]
    rows["tags"] = [[*tags, "O", "B-plant", "I-plant"] for tags in rows["tags"]]
    labels = ["O", "B-animal", "I-animal", "B-plant", "I-plant"]
    for example, words, tags in zip(
        problem.encode(rows, tokenizer, labels), rows["tokens"], rows["tags"], strict=True
    ):
        own = tokenizer(words, is_split_into_words=True)
        assert example.input_ids == own["input_ids"]
        first = [own.word_ids().index(word) for word in range(len(words))]
        assert list(example.positions) == first
        assert [labels[example.labels[i]] for i in first] == tags
        assert sum(label != -100 for label in example.labels) == len(words)


def cut_sentence():
    rows = pd.DataFrame(
        {
            "document": ["d"],
            "tokens": [["the", "cat", "zzz", "\u200d", "oak"]],
            "tags": [["O", "B-LOC", "O", "O", "B-LOC"]],
        }
    )
    tokenizer = wordpiece()
    tokenizer.model_max_length = 6  # [CLS] the cat z ##z [SEP]
    return rows, problem.encode(rows, tokenizer, TAGS)


def test_words_that_do_not_fit_are_counted_and_answered_with_o():
    rows, examples = cut_sentence()
    assert examples[0].positions == (1, 2, 3, -1, -1)
    assert examples[0].cut == 2
    logits = np.full((6, len(TAGS)), -9, dtype=np.float32)
    logits[:, TAGS.index("B-LOC")] = 9
    table = problem.decide(rows, examples, [logits], TAGS)
    assert table["predicted"][0] == ["B-LOC"] * 3 + ["O", "O"]
    assert np.isnan(table["probability"][0]).tolist() == [False] * 3 + [True, True]
    assert np.isnan(table["loss"][0]).tolist() == [False] * 3 + [True, True]
    values = problem.measure(problem.count(table["gold"], table["predicted"], TAGS).sum(axis=0))
    assert values["recall"] == 0.5, "the entity that does not fit counts as missed"


def test_words_are_found_by_their_characters():
    # "ab c de" as [CLS] a b c [UNK for de] [SEP]
    spans = [(0, 0), (0, 1), (1, 2), (3, 4), (5, 7), (0, 0)]
    assert locate_words(["ab", "c", "de"], spans) == (1, 3, 4)
    # Byte-level tokens may hold the space before the word.
    assert locate_words(["ab", "c", "de"], [(0, 2), (2, 4), (4, 7)]) == (0, 1, 2)


def read_conll(path):
    """Tokens and tags of the sentences of a CoNLL file."""
    blocks = "\n".join(line.strip() for line in path.read_text("utf-8").splitlines()).split("\n\n")
    pairs = [[line.split("\t") for line in block.splitlines()] for block in blocks if block]
    sentences = [[pair for pair in sentence if len(pair) == 2] for sentence in pairs]
    tokens, tags = ([[pair[i] for pair in s] for s in sentences if s] for i in (0, 1))
    return pd.DataFrame(
        {"document": [str(i) for i in range(len(tokens))], "tokens": tokens, "tags": tags}
    )


def test_real_tweets_are_aligned_as_by_the_tokenizer_and_scored_as_by_seqeval(shared_data):
    rows = read_conll(shared_data / "wnut17" / "test.conll")
    assert len(rows) == 1287
    labels = ["O", *sorted({tag for tags in rows["tags"] for tag in tags} - {"O"})]
    tokenizer = BertTokenizerFast(vocab=str(shared_data / "bert-vocab" / "vocab.txt"))
    assert len(tokenizer) == 30522
    examples = problem.encode(rows, tokenizer, labels)
    own = tokenizer(list(rows["tokens"]), is_split_into_words=True)
    for row, example in enumerate(examples):
        seen = {
            word: own.word_ids(row).index(word) for word in own.word_ids(row) if word is not None
        }
        expected = tuple(seen.get(word, -1) for word in range(len(rows["tokens"][row])))
        assert example.positions == expected
    generator = np.random.default_rng(0)
    guesses = [
        [tag if generator.random() < 0.7 else str(generator.choice(labels)) for tag in tags]
        for tags in rows["tags"]
    ]
    values = problem.measure(problem.count(rows["tags"], guesses, labels).sum(axis=0))
    expected = precision_recall_fscore_support(list(rows["tags"]), guesses, average="micro")
    assert [values[name] for name in ("precision", "recall", "f1")] == pytest.approx(expected[:3])


def test_confusion_counts_words_by_type():
    gold, predicted = [["B-LOC", "I-LOC", "O"]], [["B-LOC", "B-ORG", "I-PER-x"]]
    names, matrix = problem.confusion(gold, predicted, TAGS)
    assert names == ["O", "LOC", "ORG", "PER-x"]
    assert matrix[1].tolist() == [0, 1, 1, 0]
    assert matrix[0].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
    "tokens, counted",
    [(["en:Paul", "en:left"], 1), (["en:Paul", "left"], 0), (["at", "10:30"], 0), (["re:"], 0)],
)
def test_a_language_before_every_token_is_counted(tokens, counted):
    shape, notices = shape_of("token-classification"), Notices()
    row = Row("", "", {"tokens": tokens, "tags": ["O"] * len(tokens)}, "a.conll, line 1")
    assert shape.parse(row, LabelledData(problem="token-classification"), notices)["tokens"]
    assert sum(notices.counts.values()) == counted
