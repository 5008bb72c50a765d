"""Question answering, against SQuAD's definition: rows, windows, answers, metrics, and its use."""

from __future__ import annotations

import collections
import json
import re
import string
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from flows.commands.main import app
from tasks.contract import Silent, StageError
from tasks.data.held_out import HeldOut
from tasks.data.notices import Notices
from tasks.data.pairs import BETWEEN
from tasks.data.rows import Row
from tasks.data.same_text import content, digest_of
from tasks.experiment.experiment import Experiment
from tasks.experiment.mistakes import InvalidExperimentError, check
from tasks.experiment.problem import FineTuning, LabelledData
from tasks.models.bodies import load_encoder, new_classifier
from tasks.models.files import auto_class, inputs_of, problem_of, require_head
from tasks.models.predictions import answer_rows
from tasks.models.written_text import as_beginning
from tasks.pages import data_card, evaluation_card
from tasks.problems import load, load_simple, shape_of
from tasks.problems.question_answering import served
from tasks.problems.question_answering.model import NOWHERE, locate
from tasks.problems.question_answering.scores import normalize
from tasks.problems.weighted import on_all_rows
from tasks.sources import resolve
from tasks.stages.dataset import prepare_dataset
from tests.support.learnt import learn
from tests.support.shown import shown
from tests.support.tiny_models import (
    FILLER,
    TELLING,
    asked_questions,
    wordpiece,
    write_body,
    write_data,
)

PROBLEM = "question-answering"
problem = load(PROBLEM)
shape = shape_of(PROBLEM)


# What follows is `evaluate-v2.0.py` of SQuAD, as it was published.


def published_normalize(s: str) -> str:
    def remove_articles(text: str) -> str:
        return re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", text)

    def remove_punc(text: str) -> str:
        return "".join(ch for ch in text if ch not in set(string.punctuation))

    return " ".join(remove_articles(remove_punc(s.lower())).split())


def published_f1(a_gold: str, a_pred: str) -> float:
    gold_toks, pred_toks = (published_normalize(s).split() for s in (a_gold, a_pred))
    common = collections.Counter(gold_toks) & collections.Counter(pred_toks)
    num_same = sum(common.values())
    if len(gold_toks) == 0 or len(pred_toks) == 0:
        return int(gold_toks == pred_toks)
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(pred_toks)
    recall = 1.0 * num_same / len(gold_toks)
    return (2 * precision * recall) / (precision + recall)


def published(gold: Sequence[str], predicted: str) -> tuple[float, float]:
    """F1 and exact match of an answer, as `get_raw_scores` computes them."""
    answers = [a for a in gold if published_normalize(a)] or [""]
    return (
        max(published_f1(a, predicted) for a in answers),
        max(int(published_normalize(a) == published_normalize(predicted)) for a in answers),
    )


PAIRS = [
    (["Denver Broncos"], "the Denver Broncos!"),
    (["Denver Broncos"], "Denver"),
    (["in the 1990s", "1990s"], "late 1990s"),
    (["a a b"], "b a"),
    (["x x y"], "x y y"),
    ([], ""),
    ([], "something"),
    (["something"], ""),
    (["The"], "the"),
    (["The"], ""),
    (["U.S.A."], "usa"),
    (["an apple-pie"], "applepie"),
    (["Saint Bernadette Soubirous"], "Soubirous  Bernadette\n"),
    (["\u00e9t\u00e9"], "\u00c9T\u00c9"),
    (["5,000"], "5000"),
]


@pytest.mark.parametrize(("gold", "predicted"), PAIRS)
def test_metrics_are_those_that_squad_publishes(gold: list[str], predicted: str) -> None:
    f1, exact = published(gold, predicted)
    for written in (gold, [{"text": each, "start": 0} for each in gold]):
        found = on_all_rows(problem.score([written], [predicted], []))
        assert found == {"f1": pytest.approx(f1, abs=1e-12), "exact_match": exact}


def test_metrics_of_many_rows_are_means_on_every_resample() -> None:
    draw = np.random.default_rng(0)
    words = ["a", "The", "cat,", "cat", "dog!", "owl", "-"]

    def text() -> str:
        return " ".join(str(word) for word in draw.choice(words, draw.integers(0, 5)))

    gold = [[text() for _ in range(draw.integers(0, 3))] for _ in range(200)]
    predicted = [text() for _ in gold]
    each = np.array([published(*pair) for pair in zip(gold, predicted, strict=True)])
    weights = draw.integers(0, 3, (20, len(gold))).astype(float)
    found = problem.score(gold, predicted, []).measure(weights)
    expected = weights @ each / weights.sum(axis=1, keepdims=True)
    assert found["f1"] == pytest.approx(expected[:, 0], abs=1e-12)
    assert found["exact_match"] == pytest.approx(expected[:, 1], abs=1e-12)
    nothing = problem.score(gold, predicted, []).measure(np.zeros((1, len(gold))))
    assert all(np.isfinite(values).all() for values in nothing.values())


TEXT = "  A cat saw the cat of Oslo."


def read(answer: Any, notices: Notices | None = None, text: str = TEXT, **columns: str) -> Any:
    data = LabelledData(name="x", problem=PROBLEM, columns=columns)
    values = {"question": " Who? ", "text": text, "answer": answer, "start": 16}
    row = Row("", "", values, "t.csv, line 2")
    return shape.parse(row, data, notices or Notices())["answer"]


def test_a_blank_answer_beside_others_is_left_out_and_counted() -> None:
    notices = Notices()
    assert read([{"text": ""}, {"text": "saw"}], notices) == [{"text": "saw", "start": 8}]
    assert notices.counts == {"blank answers beside others: left out": 1}


SECOND = [{"text": "cat", "start": 16}]


@pytest.mark.parametrize(
    "written",
    [
        [{"text": "cat", "start": 16}],
        [{"text": "cat", "answer_start": 16}],
        [{"text": "cat", "start": 16}, {"text": "cat", "answer_start": 16}],
        {"text": "cat", "start": 16},
        {"text": ["cat"], "answer_start": [16]},
        {"text": [" cat"], "answer_start": [15]},
        {"text": "cat", "start": "16"},
        {"text": "cat", "start": 16.0},
    ],
)
def test_answers_are_read_as_people_have_them(written: Any) -> None:
    notices = Notices()
    assert read(written, notices) == SECOND
    assert notices.counts == {}


def test_a_text_is_an_answer_with_a_first_character_beside_it_or_without() -> None:
    notices = Notices()
    assert read("cat", notices, answer_start="start") == SECOND
    assert read("Oslo", notices) == [{"text": "Oslo", "start": 23}]
    assert notices.counts == {}
    assert read("cat", notices) == [{"text": "cat", "start": 4}]
    [(what, count)] = notices.counts.items()
    assert (what.partition(":")[0][-13:], count) == ("several times", 1)


@pytest.mark.parametrize("written", [[], "", " ", None, {"text": [], "answer_start": []}])
def test_no_answer_is_an_answer_and_is_counted(written: Any) -> None:
    notices = Notices()
    assert read(written, notices) == []
    assert notices.counts == {"questions that their text does not answer": 1}
    assert shape.answer({"answer": []}) == ""


def test_a_first_character_that_is_wrong_is_corrected_and_counted() -> None:
    notices = Notices()
    assert read([{"text": "cat", "start": 13}], notices) == SECOND
    [(what, count)] = notices.counts.items()
    assert "the nearest place" in what
    assert count == 1


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ([{"text": "dog", "start": 4}], "the answer 'dog' is not in its text; accepted: a part"),
        ("Cat", "the answer 'Cat' is not in its text"),
        (7, "contains int '7'; accepted: a list of answers such as"),
        (True, "contains bool 'True'; accepted"),
        ([7], "contains int '7'"),
        ({"start": 4}, "contains a dict; accepted"),
        ([{"text": "cat", "start": -1}], "int '-1' is no first character"),
        ([{"text": "cat", "start": "x"}], "str 'x' is no first character"),
        ([{"text": "cat", "start": 4.5}], "float '4.5' is no first character"),
        ({"text": ["cat"], "answer_start": []}, "1 answers and 0 first characters"),
        ({"text": ["cat"], "answer_start": 4}, "1 answers and int '4'"),
    ],
)
def test_what_is_no_answer_is_told_with_its_place(written: Any, said: str) -> None:
    with pytest.raises(StageError, match=rf"t\.csv, line 2: column 'answer'.*{re.escape(said)}"):
        read(written)


def test_a_row_without_a_question_or_a_text_is_told() -> None:
    for missing in ("question", "text"):
        values = {"question": "Who?", "text": TEXT, "answer": "cat", missing: " "}
        with pytest.raises(StageError, match=rf"line 2: column '{missing}' must be text"):
            shape.parse(Row("", "", values, "line 2"), LabelledData(problem=PROBLEM), Notices())


def test_rows_are_of_their_article_or_else_of_their_text() -> None:
    columns = shape.columns(LabelledData(problem=PROBLEM, columns={"document": "title"}))
    row = {"question": "Who?", "text": TEXT, "answer": "cat"}
    assert columns.document_of({**row, "title": "Cats"}) == "Cats"
    for title in ({}, {"title": None}, {"title": ""}):
        assert columns.document_of({**row, **title}) == digest_of(content(TEXT)).hex()
        alike = {**row, **title, "text": f"{TEXT.upper()} !"}
        assert columns.document_of(alike) == columns.document_of({**row, **title})


def squad(folder: Path, rows: int = 240, paragraphs: int = 3) -> Path:
    """A file of SQuAD: articles of paragraphs with two questions, one of them on what is absent."""
    draw = np.random.default_rng(3)
    articles = []
    for number in range(rows // (2 * paragraphs)):
        article: dict[str, Any] = {"title": f"Article {number}", "paragraphs": []}
        for place in range(paragraphs):
            words = [str(word) for word in draw.choice(FILLER, 6)]
            animal = str(draw.choice(TELLING["animal"]))
            context = f"{' '.join(words[:3])} {animal} {' '.join(words[3:])} {number} {place}"
            answer = {"text": animal, "answer_start": context.index(animal)}
            qas = [
                {"id": f"{number}-{place}-a", "question": "which animal", "answers": [answer]},
                {"id": f"{number}-{place}-b", "question": "which plant", "answers": []}
                | {"is_impossible": True, "plausible_answers": [answer]},
            ]
            article["paragraphs"].append({"context": context, "qas": qas})
        articles.append(article)
    file = folder / "squad.json"
    file.write_text(json.dumps({"version": "v2.0", "data": articles}))
    return file


def prepare(file: Path, out: Path, **fields: Any) -> Path:
    data = LabelledData(name="x", problem=PROBLEM, **fields)
    source = resolve(str(file), "downstream.x.source", data.kind)
    out.mkdir()
    prepare_dataset(data, source, 0, out=out, monitor=Silent())
    return out


def splits(folder: Path) -> dict[str, pd.DataFrame]:
    names = ("train", "validation", "test")
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in names}


def test_the_questions_of_an_article_stay_in_one_split(tmp_path: Path) -> None:
    data = prepare(squad(tmp_path), tmp_path / "data")
    found = splits(data)
    assert sum(map(len, found.values())) == 240
    documents = [set(table["document"]) for table in found.values()]
    assert sum(map(len, documents)) == len(set().union(*documents)) == 40
    for table in found.values():
        for row in table.itertuples():
            for answer in row.answer:
                begin = answer["start"]
                assert row.text[begin : begin + len(answer["text"])] == answer["text"]
        assert (table["answer"].map(len) == (table["question"] == "which animal")).all()
    facts = json.loads((data / "tally.json").read_text())["facts"]
    assert facts["questions that their text does not answer"] == 120


def test_rows_of_a_table_as_the_hub_has_squad_are_the_same_rows(tmp_path: Path) -> None:
    first = splits(prepare(squad(tmp_path), tmp_path / "one"))
    rows = [
        {"title": row.document, "context": row.text, "question": row.question}
        | {
            "answers": {
                "text": [each["text"] for each in row.answer],
                "answer_start": [each["start"] for each in row.answer],
            }
        }
        for table in first.values()
        for row in table.itertuples()
    ]
    columns = {"text": "context", "answer": "answers", "document": "title"}
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pd.DataFrame(rows).to_parquet(tmp_path / "t.parquet")
    for name in ("t.jsonl", "t.parquet"):
        other = splits(prepare(tmp_path / name, tmp_path / f"{name} data", columns=columns))
        for split, table in first.items():
            told = table.sort_values(["text", "question"])[["document", "text", "question"]]
            same = other[split].sort_values(["text", "question"])[list(told.columns)]
            assert same.to_dict("list") == told.to_dict("list")


def test_text_to_pre_train_on_is_held_back_for_the_text_of_a_question(tmp_path: Path) -> None:
    lines = ["question,text,answer"]
    for n in range(60):
        text = f"The heron painted a gentle badger in Quito on a bright day numbered {n}."
        lines.append(f"Who was it?,{text},{'badger' if n % 2 else 'heron'}")
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    data = prepare(tmp_path / "t.csv", tmp_path / "data")
    held_out, found = HeldOut([data / "held_out.parquet"]), splits(data)
    tested = found["test"]["text"][0]
    assert held_out.search("", tested).containing
    assert held_out.search("", f"It rained a lot there. {tested} So it went on.").containing
    assert not held_out.search("", found["train"]["text"][0]).containing


def tokenizer_of(longest: int, stride: int = 4, *, decoder: bool = False) -> Any:
    tokenizer = as_beginning(wordpiece()) if decoder else wordpiece()
    tokenizer.model_max_length = longest
    training = FineTuning(max_length=max(8, longest), stride=stride)
    with tempfile.TemporaryDirectory() as folder:
        problem.configure(tokenizer, training, train_file(Path(folder), [[], []]))
    return tokenizer


def train_file(folder: Path, answers: list[list[dict[str, Any]]]) -> Path:
    """The file with training rows of these answers."""
    file = folder / "train.parquet"
    spans = pa.list_(pa.struct({"text": pa.string(), "start": pa.int64()}))
    pq.write_table(pa.table({"answer": pa.array(answers, spans)}), file)
    return file


def long_text(words: int, seed: int) -> str:
    draw = np.random.default_rng(seed)
    return " ".join(str(word) for word in draw.choice([*FILLER, "Ostrich", "J.K."], words))


@pytest.mark.parametrize("decoder", [False, True])
@pytest.mark.parametrize("stride", [0, 4, 100])
@pytest.mark.parametrize("longest", [8, 12, 20, 64])
def test_windows_cover_a_text_and_give_every_short_answer_back(
    longest: int, stride: int, decoder: bool
) -> None:
    tokenizer = tokenizer_of(longest, stride, decoder=decoder)
    questions = ["is it old", "was it new " * 20, "a"]
    texts = [long_text(40, 0), long_text(15, 1), "  cat \n"]
    windows = list(served.windows_of(tokenizer, questions, texts))
    assert [window.row for window in windows] == sorted(window.row for window in windows)
    assert all(len(window.input_ids) <= longest for window in windows)
    cut = {window.row for window in windows if window.cut}
    assert cut >= {1} if longest < 64 else cut <= {1}
    for row, text in enumerate(texts):
        own = [window for window in windows if window.row == row]
        assert (own[0].begin, own[-1].end) == (0, len(text))
        covered = set()
        for window in own:
            covered |= {c for begin, end in window.spans.tolist() for c in range(begin, end)}
        assert covered == {c for c, letter in enumerate(text) if not letter.isspace()}
        for match in re.finditer(r"\S+", text):
            found = [locate(window, match.span()) for window in own]
            given = [
                text[window.spans[first, 0] : window.spans[last, 1]]
                for window, (first, last) in zip(own, found, strict=True)
                if (first, last) != NOWHERE
            ]
            assert set(given) <= {match[0]}
            if len(tokenizer(match[0])["input_ids"]) - 2 <= 1:
                assert given, "a word of one token is in some window"


def test_every_span_of_a_text_is_labelled_with_its_own_tokens() -> None:
    tokenizer = tokenizer_of(64)
    text = long_text(30, 5)
    [window] = served.windows_of(tokenizer, ["a"], [text])
    draw = np.random.default_rng(1)
    edges = [match.span() for match in re.finditer(r"\S+", text)]
    for _ in range(50):
        one, other = sorted(draw.integers(0, len(edges), 2))
        begin, end = edges[one][0], edges[other][1]
        first, last = locate(window, (begin, end))
        assert text[window.spans[first, 0] : window.spans[last, 1]] == text[begin:end]


def test_a_window_without_the_whole_answer_points_to_its_first_token() -> None:
    tokenizer = tokenizer_of(12, 3)
    named = ["cat", "dog", "owl", "oak", "fern"] * 2  # a window has room for eight words
    text = " ".join([*["the"] * 10, *named, *["the"] * 10])
    rows = pd.DataFrame({"question": ["a"], "text": [text]})
    whole = text.index("cat"), len(" ".join(named))
    for size, expected in ((7, True), (whole[1], False)):
        answers = [[{"text": text[whole[0] : whole[0] + size], "start": whole[0]}]]
        examples = problem.encode(rows.assign(answer=answers), tokenizer, [])
        labels = [tuple(example.labels) for example in examples]
        assert NOWHERE in labels
        assert (set(labels) != {NOWHERE}) == expected
        assert [example.cut for example in examples] == [
            int(not expected),
            *[0] * (len(labels) - 1),
        ]
    [none] = {
        tuple(each.labels) for each in problem.encode(rows.assign(answer=[[]]), tokenizer, [])
    }
    assert none == NOWHERE


def scores_of(windows: list[Any], high: dict[tuple[int, int, int], float]) -> list[Any]:
    """Zero scores but for some: by window, token and column (first, last)."""
    found = [np.zeros((len(window.input_ids) + 3, 2), np.float32) for window in windows]
    for (window, token, column), value in high.items():
        found[window][token, column] = value
    return found


def test_the_best_span_of_all_windows_is_the_answer_unless_none_is_better() -> None:
    tokenizer = tokenizer_of(12, 2)
    text = " ".join(f"{word}" for word in ["the", "cat", "of", "old", "oak", "dog"] * 4)
    rows = pd.DataFrame({"document": ["d"], "question": ["a"], "text": [text], "answer": [[]]})
    examples = problem.encode(rows, tokenizer, [])
    assert len(examples) > 2
    inside = [np.flatnonzero(each.spans[:, 0] < each.spans[:, 1]) for each in examples]
    one, other = int(inside[1][2]), int(inside[1][4])

    def answer(high: dict[tuple[int, int, int], float], some: Any = examples) -> Any:
        return problem.decide(rows, some, scores_of(some, high), []).iloc[0]

    best = {(1, one, 0): 5.0, (1, other, 1): 5.0}
    found = answer(best)
    spans = examples[1].spans
    assert found["start"] == spans[one, 0]
    assert found["predicted"] == text[spans[one, 0] : spans[other, 1]]
    assert 0 < found["probability"] < 1
    assert answer(best | {(1, other, 0): 9.0, (1, one, 1): 9.0})["predicted"] != "", "in order"
    sure = {(number, 0, column): 6.0 for number in range(len(examples)) for column in (0, 1)}
    nothing = answer(best | sure)
    assert (nothing["predicted"], nothing["start"]) == ("", -1)
    but_one = {key: value for key, value in sure.items() if key[0] != 1}
    assert answer(best | but_one)["predicted"] == found["predicted"], "one window has the answer"
    tokenizer.init_kwargs[served.CERTAIN] = True
    certain = problem.encode(rows, tokenizer, [])
    assert answer(best | sure, certain)["predicted"] == found["predicted"]


def test_an_answer_ends_where_it_begins_or_behind_it_and_is_not_too_long() -> None:
    draw = np.random.default_rng(0)
    scores = draw.normal(0, 1, (150, 2))
    spans = np.array([[0, 0], *((n, n + 1) for n in range(148)), [0, 0]], np.int32)
    value, first, last = served.best_part(scores, spans)
    expected = max(
        scores[i, 0] + scores[j, 1]
        for i in range(1, 149)
        for j in range(i, min(149, i + served.LONGEST))
    )
    assert value == pytest.approx(expected)
    assert scores[first, 0] + scores[last, 1] == pytest.approx(value)
    assert served.best_part(scores, np.zeros((150, 2), np.int32))[0] == -np.inf


def test_the_tokenizer_remembers_how_windows_are_made(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = tokenizer_of(12, 5)
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.init_kwargs[served.STRIDE] == 5
    assert served.is_certain(again) is False
    train = train_file(tmp_path, [[{"text": "a", "start": 0}]])
    problem.configure(tokenizer, FineTuning(), train)
    assert served.is_certain(tokenizer)


def test_the_majority_is_what_fits_the_training_best() -> None:
    answer = [{"text": "a cat", "start": 0}]
    rows = pd.DataFrame({"text": ["a cat is old"] * 4, "answer": [answer] * 3 + [[]]})
    found = problem.majority(rows, rows)
    assert found == ["a cat"] * 4
    assert problem.constant(found) == "the first words of the text"
    none = rows.assign(answer=[answer] + [[]] * 3)
    assert problem.majority(none, none) == [""] * 4
    assert problem.constant([""] * 4) == "nothing"


def test_the_simple_model_answers_with_the_words_beside_those_of_the_question() -> None:
    texts = [
        f"This is number {n} of many things. The capital of Land{n} is Big Town{n}. It rains there."
        for n in range(40)
    ]
    rows = pd.DataFrame(
        {
            "question": [f"What is the capital of Land{n}?" for n in range(40)],
            "text": texts,
            "answer": [
                [{"text": f"Big Town{n}", "start": text.index("Big")}]
                for n, text in enumerate(texts)
            ],
        }
    )
    simple = load_simple(PROBLEM)
    train, validation, test = rows[:20], rows[20:30], rows[30:].drop(columns="answer")
    found = simple.answer(train, validation, test, [])
    assert [normalize(each) for each in found] == [f"big town{n}" for n in range(30, 40)]
    odd = [[] if n % 2 else each for n, each in enumerate(rows["answer"])]
    other = [f"Who painted it, {n}?" if n % 2 else q for n, q in enumerate(rows["question"])]
    rows = rows.assign(answer=odd, question=other)
    test = rows[30:].drop(columns="answer")
    found = simple.answer(rows[:20], rows[20:30], test, [])
    assert [bool(each) for each in found] == [True, False] * 5


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Data, a model that has learnt them, its evaluation, and the simple model."""
    folder = tmp_path_factory.mktemp("world")
    data, body = write_data(folder / "data", PROBLEM, 400), write_body(folder / "body")
    training = FineTuning(epochs=12, batch_size=16, learning_rate=5e-3, max_length=14, stride=4)
    return learn(PROBLEM, training, folder, data, body)


def predictions(world: SimpleNamespace) -> pd.DataFrame:
    return pd.read_parquet(world.folder / "evaluation" / "predictions.parquet")


def test_it_learns_which_word_is_asked_for(world: SimpleNamespace) -> None:
    metrics = world.metrics
    assert metrics["f1"] > metrics["majority/f1"] + 0.2
    for name in problem.METRICS:
        assert metrics[f"{name}/low"] <= metrics[name] <= metrics[f"{name}/high"]
    table = predictions(world)
    assert list(table.columns[:7]) == [
        *("document", "question", "text", "gold", "predicted", "start", "probability")
    ]
    for row in table.itertuples():
        assert row.start == -1 or row.text[row.start :].startswith(row.predicted)
        assert (row.start == -1) == (row.predicted == "")


def test_some_rows_are_read_in_windows(world: SimpleNamespace) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(world.folder / "tuned" / "model")
    rows = asked_questions(80, 2)
    examples = problem.encode(rows, tokenizer, [])
    assert len(examples) > len(rows), "else the other tests of this file show less"
    assert world.trained["examples"] == 400


def test_new_questions_and_the_served_model_are_answered_as_evaluated(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    table = predictions(world)
    inputs = list(zip(table["question"], table["text"], strict=True))
    again = pd.concat(answer_rows(PROBLEM, world.folder / "tuned" / "model", inputs))
    assert list(again.columns) == ["question", "text", "predicted", "start", "probability"]
    assert list(again["predicted"]) == list(table["predicted"])
    (tmp_path / "components").mkdir()
    for name in ("model", "components/tokenizer"):
        (tmp_path / name).symlink_to(world.folder / "tuned" / "model")
    model = served._load_pyfunc(str(tmp_path))
    for given in (
        table[["text", "question"]],
        table[["question", "text"]].to_dict("records"),
        table[["question", "text"]].to_numpy(),
    ):
        found = model.predict(given)
        assert list(found["answer"]) == list(table["predicted"])
        assert list(found["start"]) == list(table["start"])
        assert list(found["score"]) == pytest.approx(list(table["probability"]), abs=1e-5)
    with pytest.raises(ValueError, match="found 1 column; accepted: question and text"):
        model.predict(["which animal"])
    assert len(model.predict([])) == 0


def test_the_model_says_what_it_reads(world: SimpleNamespace) -> None:
    card = json.loads((world.folder / "tuned" / "model.json").read_text())
    assert [list(row) for row in card["example"]] == [["question", "text"]] * 3
    config = json.loads((world.folder / "tuned" / "model" / "config.json").read_text())
    assert problem_of(config) == PROBLEM
    assert inputs_of(config, PROBLEM) == ["question", "text"]
    assert auto_class(config) == "AutoModelForQuestionAnswering"


def test_a_published_model_is_known_by_its_head() -> None:
    config = {"model_type": "bert", "architectures": ["BertForQuestionAnswering"]}
    assert problem_of(config) == PROBLEM
    assert inputs_of(config, PROBLEM) == ["question", "text"]
    require_head(PROBLEM, config, "mine")
    with pytest.raises(StageError, match="ends in ForQuestionAnswering; accepted with it"):
        require_head(PROBLEM, config | {"architectures": ["BertForMaskedLM"]}, "mine")


def test_pages_show_questions_with_their_answers(world: SimpleNamespace, tmp_path: Path) -> None:
    found = shown(evaluation_card.show, world.folder / "evaluation")
    page = (found / "card.md").read_text()
    assert "exact match" in page
    assert "F1 of words" in page
    assert "*majority* always answers" in page
    assert not (found / "confusion.png").exists()
    rows = json.loads((world.folder / "evaluation" / "rows.json").read_text())
    assert all(BETWEEN in row["text"] for row in rows["worst"])
    card = (shown(data_card.show, prepare(squad(tmp_path), tmp_path / "d")) / "card.md").read_text()
    assert "which animal" in card
    assert "none" in card


def test_the_place_of_an_answer_is_shown_also_in_a_long_text() -> None:
    text = f"{'word ' * 200}the cat{' word' * 200}"
    answer = {"text": "the cat", "start": text.index("the cat")}
    said, example = shape.shown({"question": "Who?", "text": text, "answer": [answer]})
    assert said == "the cat"
    assert "the cat" in example[:120]
    table = {"question": "Who?", "text": text, "gold": ["the cat"], "predicted": "cat"}
    described = problem.describe(table)
    assert (described.truth, described.answer, described.right) == ("the cat", "cat", True)
    assert "the cat" in described.text[:120]
    assert problem.describe(table | {"predicted": ""}).answer == "none"


def call(*words: str, given: str | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["predict", *words], input=given)
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.usefixtures("mlflow_database")
def test_predict_reads_questions_and_texts_and_answers_as_the_evaluation(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    table, model = predictions(world), str(world.folder / "tuned" / "model")
    file = tmp_path / "rows.csv"
    table[["text", "question"]].to_csv(file, index=False)
    status, out, err = call(model, str(file))
    assert status == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert list(rows[0]) == ["question", "text", "predicted", "start", "probability"]
    for column in ("question", "text", "predicted", "start"):
        assert [row[column] for row in rows] == list(table[column])
    lines = "".join(f"{q}\t{t}\n" for q, t in zip(table["question"], table["text"], strict=True))
    assert call(model, "-", given=lines)[1] == out
    both = table[["text", "question"]]
    both.rename(columns={"text": "q", "question": "r"}).to_csv(file, index=False)
    assert call(model, str(file), "--column", "r", "--second-column", "q")[1] == out
    status, out, err = call(model, str(squad(tmp_path, 12)))
    assert status == 0, err
    assert len(out.splitlines()) == 12


@pytest.mark.usefixtures("mlflow_database")
def test_predict_tells_of_questions_that_are_cut_and_of_rows_without_a_text(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    model = str(world.folder / "tuned" / "model")
    status, _, err = call(model, "-", given=f"{'was it ' * 30}\tthe cat is old\n")
    assert status == 0
    assert "1 questions cut short: they are longer than the model's input" in " ".join(err.split())
    status, _, err = call(model, "-", given="which animal\n")
    assert status == 2
    assert "two texts with a tab between them" in " ".join(err.split())
    (tmp_path / "rows.csv").write_text("question\nwhich animal\n")
    status, _, err = call(model, str(tmp_path / "rows.csv"))
    assert (status, "no column 'text' (--second-column)" in err) == (2, True), err


@pytest.mark.slow
def test_a_model_of_questions_is_stored_in_mlflow_with_its_head_and_served(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    import mlflow
    from mlflow.models import Model

    from tasks.machinery.tracking.logged_model import ServedBy, as_example, pipeline_of

    tuned, table = world.folder / "tuned", predictions(world)
    card = json.loads((tuned / "model.json").read_text())
    assert card["task"] == PROBLEM
    pipeline = pipeline_of(card["task"], tuned / "model")
    ServedBy(card["served"]).save_model(
        path=str(tmp_path / "logged"),
        mlflow_model=Model(),
        transformers_model=pipeline,
        task=pipeline.task,
        input_example=as_example(card["example"]),
        pip_requirements=["torch", "transformers"],
    )
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "logged"))
    assert loaded.metadata.get_input_schema().input_names() == ["question", "text"]
    found = loaded.predict(table[["question", "text"]])
    assert list(found["answer"]) == list(table["predicted"])
    again = mlflow.transformers.load_model(str(tmp_path / "logged"))
    assert type(again.model).__name__ == "BertForQuestionAnswering"


@pytest.mark.parametrize("kind", ["bert", "roberta", "gpt2", "llama"])
def test_the_weights_of_pre_training_are_taken_whatever_the_family_calls_them(
    kind: str, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    body = write_body(tmp_path / "body", kind)
    model = new_classifier(problem, body, [], FineTuning(max_length=16), 0)
    before = model.get_input_embeddings().weight.clone()
    load_encoder(model, body)
    weight = model.get_input_embeddings().weight
    assert not (weight == before).all()
    given = load_file(body / "model.safetensors").values()
    assert any(each.shape == weight.shape and (each == weight).all() for each in given)
    assert model.config.num_labels == 2


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama"])
def test_a_model_of_questions_can_be_fine_tuned_again(kind: str, tmp_path: Path) -> None:
    body = write_body(tmp_path / "body", kind)
    tuned = new_classifier(problem, body, [], FineTuning(max_length=16), 0)
    wordpiece().save_pretrained(tmp_path / "tuned")
    tuned.save_pretrained(tmp_path / "tuned")
    for name, labels in ((PROBLEM, []), ("text-classification", ["a", "b"])):
        model = new_classifier(load(name), tmp_path / "tuned", labels, FineTuning(max_length=16), 1)
        assert not (model.base_model.get_input_embeddings().weight == weight_of(tuned)).all()
        load_encoder(model, tmp_path / "tuned")
        expected = tuned.base_model.state_dict()
        for key, tensor in model.base_model.state_dict().items():
            if key in expected:  # a head may come with a pooler
                assert (tensor == expected[key]).all(), key


def weight_of(model: Any) -> Any:
    return model.base_model.get_input_embeddings().weight


def test_windows_are_no_field_of_texts_that_are_written() -> None:
    part = {"name": "x", "source": "a", "stride": 16}
    written = {"model": {"family": "gpt2"}, "pretraining": {"objective": "clm"}}
    with pytest.raises(InvalidExperimentError, match="counts only with question-answering"):
        downstream = [part | {"problem": "generation"}]
        check(Experiment.model_validate({**written, "downstream": downstream}))
    check(Experiment.model_validate({"downstream": [part | {"problem": PROBLEM}]}))
    around = ({"problem": PROBLEM},)
    assert FineTuning(stride=16).keyed(around)["stride"] == 16
    assert "stride" not in FineTuning().keyed(around)
    assert "stride" not in FineTuning(stride=16).keyed(({"problem": "generation"},))


def test_the_time_of_a_step_is_measured_for_questions_too() -> None:
    from tasks.experiment.model import Model as Size
    from tasks.timing.steps import time_finetuning

    size = Size(layers=1, hidden_size=16, heads=2, max_positions=32)
    training = FineTuning(batch_size=4, max_length=16)
    cost = time_finetuning(PROBLEM, size, training, 60, [8, 16])
    assert cost.step > 0
