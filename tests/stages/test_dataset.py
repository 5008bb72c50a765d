"""Labelled rows: how they are checked and split, and what is said of those of no use."""

import json

import pyarrow.parquet as pq
import pytest

from tasks.contract import Silent, StageError
from tasks.experiment.problem import LabelledData
from tasks.pages import data_card
from tasks.sources import resolve
from tasks.stages.dataset import prepare_dataset
from tests.support.shown import shown

SPLITS = ("train", "validation", "test")


def prepare(path, out, seed=0, monitor=None, **fields):
    out.mkdir()
    data = LabelledData(name="x", **fields)
    source = resolve(str(path), "downstream.x.source", data.problem)
    return prepare_dataset(data, source, seed, out=out, monitor=monitor or Silent())


def table(out, split):
    return pq.read_table(out / f"{split}.parquet").to_pylist()


def write_csv(path, rows, header="text,label"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.fixture
def reviews(tmp_path):
    rows = [f"this is text number {n},{'good' if n % 3 else 'bad'}" for n in range(300)]
    return write_csv(tmp_path / "reviews.csv", rows)


def test_every_row_is_in_exactly_one_split_of_about_the_share_asked_for(reviews, tmp_path):
    metrics = prepare(reviews, tmp_path / "out")
    texts = [row["text"] for split in SPLITS for row in table(tmp_path / "out", split)]
    assert len(texts) == len(set(texts)) == 300 == metrics["rows"] == metrics["documents"]
    assert 40 <= metrics["test_rows"] <= 80
    assert 15 <= metrics["validation_rows"] <= 45
    assert json.loads((tmp_path / "out" / "labels.json").read_text()) == ["bad", "good"]


def test_the_same_rows_give_the_same_bytes_and_another_seed_another_split(reviews, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        prepare(reviews, tmp_path / name, seed)
    a, b, c = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*.*")
        }
        for name in "abc"
    )
    assert a == b
    assert [name for name in a if a[name] != c[name]]


def test_nothing_but_the_artifact_is_left(reviews, tmp_path):
    prepare(reviews, tmp_path / "out")
    names = {
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")
    }
    assert names == {
        *("train.parquet", "validation.parquet", "test.parquet", "held_out.parquet"),
        *("labels.json", "dataset.json", "tally.json"),
    }


def test_the_rows_of_a_document_stay_together(tmp_path):
    rows = [f"text number {n},{'ab'[n % 2]},book {n // 10}" for n in range(400)]
    prepare(write_csv(tmp_path / "t.csv", rows, "text,label,document"), tmp_path / "out")
    documents = [{row["document"] for row in table(tmp_path / "out", split)} for split in SPLITS]
    assert sum(map(len, documents)) == len(set.union(*documents)) == 40
    assert len(documents[2]) >= 3


def test_rows_with_the_same_text_stay_together_and_are_counted(tmp_path):
    rows = [f"text number {n % 100},{'ab'[n % 2]}" for n in range(300)]
    metrics = prepare(write_csv(tmp_path / "t.csv", rows), tmp_path / "out")
    texts = [{row["text"] for row in table(tmp_path / "out", split)} for split in SPLITS]
    assert sum(map(len, texts)) == 100
    assert metrics["duplicates"] == 200


def test_labels_that_look_alike_are_reported_where_the_rows_are_prepared(tmp_path):
    rows = [f"text number {n},{['pos', 'Pos', 'neg'][n % 3]}" for n in range(90)]
    monitor = Silent()
    prepare(write_csv(tmp_path / "t.csv", rows), tmp_path / "out", monitor=monitor)
    told = "labels that differ in case, punctuation or blanks only"
    assert told in " ".join(monitor.said)
    page = shown(data_card.show, tmp_path / "out") / "card.md"
    assert told in page.read_text()


@pytest.mark.parametrize("problem", ["text-classification", "token-classification"])
def test_texts_with_several_answers_are_told(tmp_path, problem):
    if problem == "text-classification":
        rows = [*(f"text number {n},{'ab'[n % 2]}" for n in range(100)), "text number 7,a"]
        source = write_csv(tmp_path / "t.csv", rows)
    else:
        source = sentences(tmp_path / "t.conll", "Redondo\tO\nBeach\tO\nis\tO\nno\tO\n7\tO\n")
    monitor = Silent()
    prepare(source, tmp_path / "out", monitor=monitor, problem=problem)
    said = " ".join(monitor.said)
    assert "texts that have several answers within their split: 1, for example" in said
    card = (shown(data_card.show, tmp_path / "out") / "card.md").read_text()
    assert "texts that have several answers within their split | 1" in card


def test_the_splits_of_a_folder_are_kept_and_a_missing_one_is_taken_from_training(tmp_path):
    (tmp_path / "data").mkdir()
    write_csv(tmp_path / "data" / "train.csv", [f"train {n},{'ab'[n % 2]}" for n in range(200)])
    write_csv(tmp_path / "data" / "test.csv", [f"test {n},{'ab'[n % 2]}" for n in range(50)])
    metrics = prepare(tmp_path / "data", tmp_path / "out")
    assert all(row["text"].startswith("test") for row in table(tmp_path / "out", "test"))
    assert metrics["test_rows"] == 50
    assert metrics["train_rows"] + metrics["validation_rows"] == 200
    assert metrics["validation_rows"] > 5


@pytest.fixture
def leaking(tmp_path):
    folder = tmp_path / "leaking"
    folder.mkdir()
    write_csv(
        folder / "train.csv", [f"train {n},{'ab'[n % 2]}" for n in range(100)] + [" test  7,b"]
    )
    write_csv(folder / "dev.csv", ["dev 1,a", "dev 2,b", "train  5,a", "test 9,b"])
    write_csv(folder / "test.csv", [f"test {n},{'ab'[n % 2]}" for n in range(50)])
    return folder


def test_an_overlap_of_splits_is_an_error_with_its_number_examples_and_the_way_out(
    leaking, tmp_path
):
    with pytest.raises(StageError) as error:
        prepare(leaking, tmp_path / "out")
    message = str(error.value)
    assert "1 train rows that are also in test" in message
    assert "1 train rows that are also in validation" in message
    assert "1 validation rows that are also in test" in message
    assert "test 9" in message
    assert "downstream.x.overlap: drop" in message


def test_an_overlap_can_be_dropped_and_the_test_stays_whole(leaking, tmp_path):
    monitor = Silent()
    metrics = prepare(leaking, tmp_path / "out", monitor=monitor, overlap="drop")
    assert metrics["dropped_rows"] == 3
    assert monitor.said == [
        "rows: 99 to train, 3 to validate, 50 to test; 2 labels",
        "left out: validation rows that are also in test: 1, for example 'test 9'",
        "left out: train rows that are also in validation: 1, for example 'train 5'",
        "left out: train rows that are also in test: 1, for example 'test 7'",
    ]
    assert (metrics["train_rows"], metrics["validation_rows"], metrics["test_rows"]) == (99, 3, 50)
    card = (shown(data_card.show, tmp_path / "out") / "card.md").read_text()
    assert "left out: train rows that are also in test | 1" in card
    assert "rows whose text or document is also in another split | 0" in card


def test_rows_like_a_test_row_are_counted_and_stay(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    rows = [f"train {n},{'ab'[n % 2]}" for n in range(9)]
    write_csv(folder / "train.csv", [*rows, "TEST 1!,b"])
    write_csv(folder / "dev.csv", ["dev 1,a", "dev 2,b"])
    write_csv(folder / "test.csv", ["test 1,a", "test 2,b"])
    monitor = Silent()
    metrics = prepare(folder, tmp_path / "out", monitor=monitor)
    assert (metrics["train_rows"], metrics["dropped_rows"]) == (10, 0)
    assert monitor.said[1:] == [
        "train rows like one of test but for case, punctuation and blanks: they stay: 1, for "
        "example 'TEST 1!'"
    ]


def test_a_split_that_is_taken_from_the_training_rows_is_told(tmp_path):
    source = write_csv(tmp_path / "t.csv", [f"text {n},{'ab'[n % 2]}" for n in range(100)])
    monitor = Silent()
    metrics = prepare(source, tmp_path / "out", monitor=monitor)
    said = "test rows taken from the training rows, as the source has no test split"
    assert f"{said} (test_share is 0.2): {metrics['test_rows']:.0f}" in monitor.said
    assert said in (shown(data_card.show, tmp_path / "out") / "card.md").read_text()


def test_documents_and_duplicates_are_counted_of_the_rows_that_stay(leaking, tmp_path):
    with (leaking / "train.csv").open("a") as file:
        file.write("test 7,b\ntest 7,b\ntrain 8,a\n")
    metrics = prepare(leaking, tmp_path / "out", overlap="drop")
    assert metrics["dropped_rows"] == 5
    assert metrics["duplicates"] == 1
    assert metrics["documents"] == 99 + 3 + 50


def test_a_split_that_dropping_empties_is_told(leaking, tmp_path):
    write_csv(leaking / "dev.csv", ["test 1,a", "test 2,b"])
    message = r"validation split of .* is empty after 3 rows that overlap were left out"
    with pytest.raises(StageError, match=message):
        prepare(leaking, tmp_path / "out", overlap="drop")


def test_a_document_in_two_given_splits_is_an_overlap(tmp_path):
    (tmp_path / "data").mkdir()
    for split in SPLITS:
        rows = [f"{split} {n},{'ab'[n % 2]},{split} {n}" for n in range(20)]
        write_csv(
            tmp_path / "data" / f"{split}.csv", [*rows, f"{split} x,a,both"], "text,label,document"
        )
    with pytest.raises(StageError, match="the same text or the same document"):
        prepare(tmp_path / "data", tmp_path / "out")


MISTAKES = {
    "no label": ([*["a,x", "b,y"] * 20, "c, "], "t.csv, line 42: the label is missing.*'label'"),
    "no text": (["a,x", " ,y"], "t.csv, line 3: column 'text' must be text, found an empty text"),
    "one label": (
        [f"text {n},x" for n in range(99)],
        "have the label 'x'; at least two different labels",
    ),
    "too few rows": (["a,x", "b,y"], "split of .*t.csv is empty .*2 documents"),
    "no rows": ([], "split of .*t.csv is empty .*0 documents"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_rows_that_cannot_be_learnt_from_are_told(tmp_path, mistake):
    rows, message = MISTAKES[mistake]
    with pytest.raises(StageError, match=message):
        prepare(write_csv(tmp_path / "t.csv", rows), tmp_path / "out")


def test_all_bad_rows_are_told_at_once(tmp_path):
    file = write_csv(tmp_path / "t.csv", ["a,x", *(f"c{n}, " for n in range(7)), "d,y"])
    with pytest.raises(StageError) as error:
        prepare(file, tmp_path / "out")
    assert starts(error) == [*(f"t.csv, line {n}" for n in (3, 4, 5)), "and 4 more rows"]


def test_what_ends_the_reading_is_told_below_the_bad_rows(tmp_path):
    file = write_csv(tmp_path / "t.csv", [*(f"c{n}, " for n in range(4)), "d,e,f", "g, "])
    with pytest.raises(StageError, match="3 cells, but the header has 2") as error:
        prepare(file, tmp_path / "out")
    lines = [*(f"t.csv, line {n}" for n in (2, 3, 4)), "and 1 more row", "t.csv, line 6"]
    assert starts(error) == lines


def starts(error):
    return [line.partition(":")[0] for line in str(error.value).splitlines()]


def test_shares_that_leave_nothing_to_train_on_are_told(reviews, tmp_path):
    with pytest.raises(StageError, match=r"test_share 0.7 .*validation_share 0.3.*below 1"):
        prepare(reviews, tmp_path / "out", test_share=0.7, validation_share=0.3)


def sentences(path, *more):
    first = "Redondo\tB-place\nBeach\tI-place\nis\tO\nno\tO\n"
    good = [f"{first}{n}\tB-number\n" for n in range(60)]
    path.write_text("\n".join([*good, *more]))
    return path


def test_tokens_keep_their_tags_and_all_tags_are_listed(tmp_path):
    source = sentences(tmp_path / "t.conll")
    metrics = prepare(source, tmp_path / "out", problem="token-classification")
    row = table(tmp_path / "out", "train")[0]
    assert row["tokens"][:2] == ["Redondo", "Beach"]
    assert row["tags"] == ["B-place", "I-place", "O", "O", "B-number"]
    labels = json.loads((tmp_path / "out" / "labels.json").read_text())
    assert labels == ["O", "B-number", "I-number", "B-place", "I-place"]
    assert metrics["rows"] == 60


BAD_TAGS = {
    "a\tE-place": r"line 361, token 1 \('a'\): tag 'E-place' ends no span: B-place",
    "a\tB-x\nb\tL-y": r"token 2 \('b'\): tag 'L-y' ends no span: B-y.*'B-x'",
    "a\tplace": r"tag 'place' is not a BIO tag; accepted: O, B-TYPE",
    "a\tB-": r"tag 'B-' is not a BIO tag",
}


@pytest.mark.parametrize("lines", BAD_TAGS)
def test_tags_that_are_no_bio_tags_are_told_with_their_line(tmp_path, lines):
    source = sentences(tmp_path / "t.conll", lines + "\n")
    with pytest.raises(StageError, match=BAD_TAGS[lines]):
        prepare(source, tmp_path / "out", problem="token-classification")


BAD_LISTS = {
    '{"tokens": ["a", "b"], "tags": ["O"]}': "2 tokens and 1 tags",
    '{"tokens": [], "tags": []}': "'tokens' must be a list of words, found an empty list",
    '{"tokens": "a b", "tags": ["O"]}': "'tokens' must be a list of words, found str 'a b'; .conll",
    '{"tokens": ["a"], "tags": [3]}': "'tags' must be a list of words, found int '3' at place 1",
    '{"tokens": ["\\ud800"], "tags": ["O"]}': "half a character",
}


@pytest.mark.parametrize("line", BAD_LISTS)
def test_lists_that_do_not_fit_are_told(tmp_path, line):
    (tmp_path / "t.jsonl").write_text(line + "\n")
    with pytest.raises(StageError, match=f"t.jsonl, line 1: .*{BAD_LISTS[line]}"):
        prepare(tmp_path / "t.jsonl", tmp_path / "out", problem="token-classification")


def test_a_conll_file_for_text_classification_is_told(tmp_path):
    with pytest.raises(
        StageError, match=r"t.conll, line 1: column 'text' must be text, found a list"
    ):
        prepare(sentences(tmp_path / "t.conll"), tmp_path / "out")


def test_labels_that_no_training_row_has_are_told(tmp_path):
    (tmp_path / "data").mkdir()
    write_csv(tmp_path / "data" / "train.csv", [f"train {n},{'ab'[n % 2]}" for n in range(50)])
    write_csv(tmp_path / "data" / "test.csv", ["new,c", "old,a"])
    message = r"downstream\.\w+\.columns\.label: no training row has 'c' \(1 in test\)"
    with pytest.raises(StageError, match=message):
        prepare(tmp_path / "data", tmp_path / "out")


def test_what_is_held_out_depends_on_the_test_rows_alone(tmp_path):
    outs = []
    for name, extra in (("a", []), ("b", ["train more,a"])):
        (tmp_path / name).mkdir()
        write_csv(
            tmp_path / name / "train.csv", [f"train {n},{'ab'[n % 2]}" for n in range(50)] + extra
        )
        write_csv(tmp_path / name / "test.csv", [f"test {n},{'ab'[n % 2]}" for n in range(20)])
        prepare(tmp_path / name, tmp_path / f"out {name}")
        outs.append((tmp_path / f"out {name}" / "held_out.parquet").read_bytes())
    assert outs[0] == outs[1]


def test_real_entities_are_read_from_conll_files(shared_data, tmp_path):
    fields = {"problem": "token-classification", "overlap": "drop"}
    metrics = prepare(shared_data / "wnut17", tmp_path / "out", **fields)
    assert metrics["test_rows"] == 1287
    assert metrics["rows"] + metrics["dropped_rows"] == 3394 + 1009 + 1287
    assert metrics["labels"] == 13


def test_stratified_splits_have_the_shares_for_each_label_and_keep_documents_together(tmp_path):
    rows = [f"text {n},{'rare' if n // 2 % 20 == 0 else 'usual'},d{n // 2}" for n in range(800)]
    source = write_csv(tmp_path / "t.csv", rows, "text,label,document")
    prepare(source, tmp_path / "out", stratified=True)
    found = {split: table(tmp_path / "out", split) for split in ("train", "validation", "test")}
    rare = {split: sum(row["label"] == "rare" for row in each) for split, each in found.items()}
    assert (len(found["test"]), rare["test"]) == (160, 8)
    assert (len(found["validation"]), rare["validation"]) == (80, 4)
    documents = [{row["document"] for row in each} for each in found.values()]
    assert sum(map(len, documents)) == len(set().union(*documents)) == 400
    write_csv(source, rows[::-1], "text,label,document")
    prepare(source, tmp_path / "again", stratified=True)
    assert {row["document"] for row in table(tmp_path / "again", "test")} == documents[2]


def test_a_stratified_split_that_the_source_has_is_used_as_it_is(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    write_csv(folder / "train.csv", [f"text {n},{'ab'[n % 2]}" for n in range(100)])
    write_csv(folder / "test.csv", [f"other {n},a" for n in range(9)])
    prepare(folder, tmp_path / "out", stratified=True)
    assert len(table(tmp_path / "out", "test")) == 9
    kept = table(tmp_path / "out", "validation")
    assert [sum(row["label"] == label for row in kept) for label in "ab"] == [5, 5]


def test_names_of_special_tokens_in_texts_are_counted(tmp_path):
    texts = ["a [SEP] b", "<s>old</s> new", "not [sep] nor <|", "the end<|endoftext|>"]
    rows = [f"{text} {n},{'good' if n % 3 else 'bad'}" for n in range(50) for text in texts]
    prepare(write_csv(tmp_path / "a.csv", rows), tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "tally.json").read_text())["facts"]
    what = next(name for name in facts if name.startswith("rows with the name of a special token"))
    assert facts[what] == 150
    assert "a [SEP] b" in facts[f"{what}: for example"]


def test_rows_that_an_annotator_of_prodigy_refused_are_left_out_and_counted(tmp_path):
    answers = ["accept", "reject", "ignore"]
    rows = [
        {"text": f"number {n}", "label": "ab"[n % 2], "answer": answers[n % 3], "_task_hash": n}
        for n in range(150)
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    assert prepare(path, tmp_path / "out")["rows"] == 50
    facts = json.loads((tmp_path / "out" / "tally.json").read_text())["facts"]
    said = "left out: rows that their annotator rejected or ignored, as Prodigy writes it"
    assert facts[said] == 100


def test_labels_that_no_test_row_has_are_counted(tmp_path):
    rows = [f"number {n},{'ab'[n % 2]}" for n in range(90)] + ["rare one,z", "rare two,z"]
    prepare(write_csv(tmp_path / "a.csv", rows), tmp_path / "out", stratified=True)
    facts = json.loads((tmp_path / "out" / "tally.json").read_text())["facts"]
    said = "labels that no test row has, so that nothing is measured of them"
    assert (facts[said], facts[f"{said}: for example"]) == (1, "'z' (1 to train)")
