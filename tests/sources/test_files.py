"""What is read from files, and what is said about files that cannot be read."""

import gzip
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.contract import StageError
from tasks.data.rows import Column, Columns
from tasks.experiment.corpus import Corpus
from tasks.machinery.store.fingerprint import key_part
from tasks.sources import resolve
from tasks.sources.files import documents
from tasks.sources.lines import File, lines

LABELLED = Columns(
    (Column("text", "downstream.x.columns.text"), Column("label", "downstream.x.columns.label")),
    "document",
)
TAGGED = Columns((Column("tokens", "downstream.x.columns.tokens"), Column("tags", "…")), "document")


def ignore(done, total, unit):
    pass


def texts(path, **corpus):
    source = resolve(str(path), "corpus.source", "text")
    return {d.name: d.text for d in source.documents(Corpus(**corpus), ignore)}


def rows(path, columns=LABELLED):
    return list(resolve(str(path), "downstream.x.source").rows(columns, ignore))


def values(path):
    return [(row.values["text"], row.values["label"]) for row in rows(path)]


def test_a_single_text_file_is_read_by_paragraph_named_by_its_line(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\n\n\nthree\n", encoding="utf-8")
    assert texts(tmp_path / "a.txt") == {"a.txt:1": "one\ntwo", "a.txt:5": "three"}


def test_a_folder_is_read_by_file_in_the_order_of_names(tmp_path):
    (tmp_path / "b.md").write_text("second\n\nfile")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.txt").write_text("first")
    (tmp_path / ".hidden.txt").write_text("no")
    assert list(texts(tmp_path).items()) == [("a/x.txt", "first"), ("b.md", "second\n\nfile")]


def test_lines_can_be_documents_and_line_ends_of_windows_are_no_text(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffone\r\n\r\ntwo\r\n".encode())
    assert texts(tmp_path / "a.txt", documents="line") == {"a.txt:1": "one", "a.txt:3": "two"}


def test_every_format_of_table_gives_the_same_texts(tmp_path):
    cells = ['a, "quoted" one', "two\nlines", "None", "007"]
    quoted = ('"' + cell.replace('"', '""') + '"' for cell in cells)
    (tmp_path / "t.csv").write_text("id,text\n" + "".join(f"1,{cell}\n" for cell in quoted))
    (tmp_path / "t.jsonl").write_text("".join(json.dumps({"text": c}) + "\n" for c in cells))
    pq.write_table(pa.table({"text": cells}), tmp_path / "t.parquet")
    for name in ("t.csv", "t.jsonl", "t.parquet"):
        assert list(texts(tmp_path / name).values()) == cells, name


def test_labels_stay_the_text_that_they_are(tmp_path):
    (tmp_path / "t.csv").write_text("text,label\na,None\nb,007\nc,NA\nd,true\n")
    assert values(tmp_path / "t.csv") == [("a", "None"), ("b", "007"), ("c", "NA"), ("d", "true")]


def test_names_of_files_tell_the_splits(tmp_path):
    for name in ("train-00000-of-00002.csv", "train-00001-of-00002.csv", "my.dev.csv"):
        (tmp_path / name).write_text("text,label\na,b\n")
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "0.csv").write_text("text,label\na,b\n")
    assert sorted(row.split for row in rows(tmp_path)) == ["test", "train", "train", "validation"]


def test_a_file_named_after_a_split_is_never_passed_over_in_silence(tmp_path):
    (tmp_path / "train.csv").write_text("text,label\na,b\n")
    (tmp_path / "README").write_text("about")
    source = resolve(str(tmp_path), "downstream.x.source", "text-classification")
    assert source.remarks() == ["the file README is passed over, as it is of another type"]
    (tmp_path / "test.xlsx").write_bytes(b"PK")
    with pytest.raises(StageError, match=r"test.xlsx is named after the test split, but a .xlsx"):
        resolve(str(tmp_path), "downstream.x.source", "text-classification")
    (tmp_path / "test.csv").write_text("text,label\nc,d\n")
    source = resolve(str(tmp_path), "downstream.x.source", "text-classification")
    assert source.remarks() == ["2 files of other types are passed over, such as README"]


def test_differently_named_files_of_one_split_are_told(tmp_path):
    for name in ("train-1.csv", "train-2.csv", "dev.csv", "valid.csv", "test.csv"):
        (tmp_path / name).write_text("text,label\na,b\n")
    source = resolve(str(tmp_path), "downstream.x.source", "text-classification")
    assert source.remarks() == ["2 files are the validation split: dev.csv, valid.csv"]


@pytest.mark.parametrize("name", ["dev_{}", "validation_{}", "validation-{}", "{}/dev", "dev.{}"])
def test_the_two_development_sets_of_mnli_are_never_one(tmp_path, name):
    own, other = (f"{name.format(of)}.tsv" for of in ("matched", "mismatched"))
    for file in ("train.tsv", own, other):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(f"text\tlabel\n{file}\ta\n")
    found = sorted((row.split, row.values["text"]) for row in rows(tmp_path))
    assert found == [("train", "train.tsv"), ("validation", own)]
    [said] = resolve(str(tmp_path), "f", "text-classification").remarks()
    assert said.startswith(f"{other} is no part of {own}, and is passed over; evaluate_also: [")
    (tmp_path / own).unlink()
    assert sorted(row.split for row in rows(tmp_path)) == ["train", "validation"]


def test_tables_of_cola_have_no_header_and_their_splits_by_name(tmp_path):
    (tmp_path / "train.tsv").write_text('gj04\t1\t\tOur "friends" won.\ngj04\t0\t*\tWon our.\n')
    (tmp_path / "dev.tsv").write_text("gj04\t1\t\tThe sailors rode.\n")
    columns = Columns((Column("3", "f.columns.text"), Column("1", "f.columns.label")), "document")
    found = [(row.split, row.values["3"], row.values["1"]) for row in rows(tmp_path, columns)]
    assert found == [
        ("validation", "The sailors rode.", "1"),
        ("train", 'Our "friends" won.', "1"),
        ("train", "Won our.", "0"),
    ]
    (tmp_path / "test.tsv").write_text("index\tsentence\n0\tBill coughed.\n")
    with pytest.raises(StageError, match=r"test\.tsv.*(has 2 cells|held back, as in GLUE)"):
        rows(tmp_path, columns)


def test_a_test_file_whose_labels_are_held_back_is_told_with_what_to_do(tmp_path):
    (tmp_path / "train.tsv").write_text("sentence\tlabel\na\tx\n")
    (tmp_path / "test.tsv").write_text("index\tsentence\n0\tb\n")
    columns = Columns((Column("sentence", "f.text"), Column("label", "f.label")), "document")
    with pytest.raises(StageError, match=r"no column 'label' \(f\.label\).*as in GLUE.*move it"):
        rows(tmp_path, columns)


def test_tables_of_tabs_and_packed_tables_are_read(tmp_path):
    cells = ['"Well," he said', "plain", '"in ""quotes"" whole"']
    lines = ["text\tlabel", *(f"{cell}\tb" for cell in cells)]
    (tmp_path / "t.tsv").write_text("\n".join(lines) + "\n")
    wanted = [('"Well," he said', "b"), ("plain", "b"), ('in "quotes" whole', "b")]
    assert values(tmp_path / "t.tsv") == wanted
    (tmp_path / "p.tsv.gz").write_bytes(gzip.compress((tmp_path / "t.tsv").read_bytes()))
    assert values(tmp_path / "p.tsv.gz") == wanted
    (tmp_path / "t.tsv").write_text("text\tlabel\na\tb\tc\n")
    with pytest.raises(StageError, match=r"t.tsv, line 2: 3 cells, but the header has 2"):
        values(tmp_path / "t.tsv")


def test_a_single_file_has_no_split_whatever_its_name(tmp_path):
    (tmp_path / "train.csv").write_text("text,label\na,b\n")
    assert [row.split for row in rows(tmp_path / "train.csv")] == [""]


def test_the_document_column_is_read_where_there_is_one(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "a", "label": 1, "document": 7}\n')
    assert rows(tmp_path / "t.jsonl")[0].document == "7"


def test_sentences_with_tags_are_found_by_the_line_of_their_first_token(tmp_path):
    (tmp_path / "t.conll").write_text("\nRedondo\tB-place\nBeach\tI-place\n\t\nnow\tO\n")
    found = [(row.where, row.values) for row in rows(tmp_path / "t.conll", TAGGED)]
    assert found == [
        ("t.conll, line 2", {"tokens": ["Redondo", "Beach"], "tags": ["B-place", "I-place"]}),
        ("t.conll, line 5", {"tokens": ["now"], "tags": ["O"]}),
    ]


def test_identity_is_the_content_and_moving_a_folder_changes_nothing(tmp_path):
    for folder in ("here", "there"):
        (tmp_path / folder / "sub").mkdir(parents=True)
        (tmp_path / folder / "sub" / "a.txt").write_text("the same")
    here, there = (resolve(str(tmp_path / f), "f").identity for f in ("here", "there"))
    assert here == there
    (tmp_path / "there" / "sub" / "a.txt").write_text("another")
    assert resolve(str(tmp_path / "there"), "f").identity != here


def test_what_a_document_is_by_default_is_in_the_identity(tmp_path):
    (tmp_path / "a.txt").write_text("one\n\ntwo")
    folder, file = (resolve(str(p), "f", "text") for p in (tmp_path, tmp_path / "a.txt"))
    assert key_part(folder) != key_part(file)
    assert folder.name == file.name == "a.txt"
    assert texts(tmp_path) == {"a.txt": "one\n\ntwo"}
    assert texts(tmp_path / "a.txt") == {"a.txt:1": "one", "a.txt:3": "two"}


MISTAKES = {
    "two encodings": (
        "a.txt",
        b"caf\xc3\xa9\nna\xefve\n",
        ["a.txt, line 2", "byte 8", "not UTF-8", "as line 1 is", "iconv -f ISO-8859-1"],
    ),
    "two encodings, the other first": (
        "a.txt",
        b"na\xefve\ncaf\xc3\xa9\n",
        ["a.txt, line 2", "not Latin-1, as line 1 is"],
    ),
    "utf-16 cut off": ("a.txt", "a\nb".encode("utf-16")[:-1], ["a.txt, line", "not UTF-16"]),
    "binary": ("a.txt", b"one\ntw\0o\n", ["line 2", "zero byte", "byte 6"]),
    "csv without the column": (
        "t.csv",
        b"txt,label\na,b\n",
        ["'text'", "did you mean txt.", "'label'"],
    ),
    "csv without a header": ("t.csv", b"so good,1\n", ["no column 'text'", "{text: 1, label: 0}"]),
    "csv with a column twice": ("t.csv", b"text,text\na,b\n", ["twice", "'text'"]),
    "csv with a long row": (
        "t.csv",
        b"text,label\na,b\nc,d,e\n",
        ["t.csv, line 3", "3 cells", "2"],
    ),
    "csv with a short row": ("t.csv", b"text,label\n\na\n", ["t.csv, line 3", "1 cells"]),
    "csv with an open quote": ("t.csv", b'text,label\n"a,b\n', ["t.csv, line 2", "not valid CSV"]),
    "json cut off": ("t.jsonl", b'{"text": "a"}\n{"text": "b\n', ["t.jsonl, line 2", "column 10"]),
    "json without the key": ("t.jsonl", b'{"Text": "a"}\n', ["line 1", "did you mean Text."]),
    "json array": ("t.jsonl", b'["a"]\n', ["line 1", "is not a JSON object"]),
    "json of a number": ("t.jsonl", b'{"text": 5}\n', ["line 1", "must be text, found 5"]),
    "parquet cut off": (
        "t.parquet",
        b"PAR1 and then nothing",
        ["t.parquet", "not a complete Parquet"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_file_that_cannot_be_read_is_named_with_its_line(tmp_path, mistake):
    name, content, words = MISTAKES[mistake]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StageError) as error:
        texts(tmp_path / name)
    assert [word for word in words if word not in str(error.value)] == [], str(error.value)


def test_a_parquet_file_without_the_column_tells_which_it_has(tmp_path):
    pq.write_table(pa.table({"body": ["a"]}), tmp_path / "t.parquet")
    with pytest.raises(StageError, match=r"no column 'text' \(corpus.text_column\).*'body'"):
        texts(tmp_path / "t.parquet")


def test_a_line_without_a_tag_is_named(tmp_path):
    (tmp_path / "t.conll").write_text("a\tO\nb\n")
    with pytest.raises(StageError, match=r"t.conll, line 2: 'b' is not a row: .* token and a tag"):
        rows(tmp_path / "t.conll", TAGGED)


def test_places_that_do_not_exist_are_told_with_the_nearest_name(tmp_path):
    (tmp_path / "books.txt").write_text("text")
    with pytest.raises(
        StageError, match=r"corpus.source: there is no file.*did you mean .*books.txt"
    ):
        resolve(str(tmp_path / "book.txt"), "corpus.source")
    with pytest.raises(StageError, match=r" exists, but the rest of the path does not"):
        resolve(str(tmp_path / "no" / "such" / "folder"), "corpus.source")


def test_folders_and_files_with_nothing_in_them_are_told(tmp_path):
    with pytest.raises(StageError, match="found nothing in the folder"):
        resolve(str(tmp_path), "corpus.source", "text")
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    with pytest.raises(StageError, match=r"only .pdf in the folder.*accepted: .txt"):
        resolve(str(tmp_path), "corpus.source", "text")
    with pytest.raises(StageError, match=r"is a .pdf; accepted: .txt, .md"):
        resolve(str(tmp_path / "a.pdf"), "corpus.source", "text")
    (tmp_path / "b.txt").touch()
    with pytest.raises(StageError, match=r"b.txt is empty"):
        resolve(str(tmp_path), "corpus.source", "text")
    for number in range(9):
        (tmp_path / f"c{number}.txt").touch()
    with pytest.raises(StageError, match=r"b.txt, c0.txt, .*c6.txt and 2 more are empty .*them"):
        resolve(str(tmp_path), "corpus.source", "text")


def test_names_that_leave_the_split_open_are_told(tmp_path):
    (tmp_path / "train.csv").write_text("text,label\na,b\n")
    (tmp_path / "more.csv").write_text("text,label\na,b\n")
    with pytest.raises(StageError, match=r"more.csv: the name has no split"):
        rows(tmp_path)
    (tmp_path / "more.csv").rename(tmp_path / "train-test.csv")
    with pytest.raises(StageError, match="two splits, test and train"):
        rows(tmp_path)


def test_reading_leaves_nothing_behind(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    (tmp_path / "t.csv").write_text("text\na\n")
    texts(tmp_path / "t.csv")
    assert list(home.iterdir()) == []


def test_links_to_folders_are_followed(tmp_path):
    (tmp_path / "texts" / "own").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "texts" / "own" / "a.txt").write_text("one")
    (tmp_path / "elsewhere" / "b.txt").write_text("two")
    (tmp_path / "texts" / "linked").symlink_to(tmp_path / "elsewhere")
    assert texts(tmp_path / "texts") == {"linked/b.txt": "two", "own/a.txt": "one"}


def test_links_out_of_a_folder_are_told(tmp_path):
    folder, elsewhere = tmp_path / "texts", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "a.txt").write_text("one")
    (folder / "b.txt").symlink_to("a.txt")
    (elsewhere / "c.txt").write_text("two")
    assert resolve(str(folder), "corpus.source", "text").remarks() == []
    (folder / "d.txt").symlink_to(elsewhere / "c.txt")
    [told] = resolve(str(folder), "corpus.source", "text").remarks()
    assert f"out of the folder: d.txt, which is {elsewhere}/c.txt" in told
    (folder / "linked").symlink_to(elsewhere)
    [told] = resolve(str(folder), "corpus.source", "text").remarks()
    assert told.startswith("2 files are read through links out of the folder, such as d.txt")


def test_a_link_back_and_a_link_to_nothing_are_told(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "back").symlink_to(tmp_path)
    with pytest.raises(StageError, match=r"back is a link back to .*remove the link"):
        texts(tmp_path)
    (tmp_path / "back").unlink()
    (tmp_path / "b.txt").symlink_to("gone.txt")
    with pytest.raises(StageError, match=r"b.txt is a link to gone.txt, which does not exist"):
        texts(tmp_path)


@pytest.mark.parametrize("name", ["b.txt", "test"])
def test_a_pipe_in_a_folder_is_told_and_not_waited_for(tmp_path, name):
    (tmp_path / "train.csv").write_text("text,label\na,b\n")
    (tmp_path / "a.txt").write_text("one")
    os.mkfifo(tmp_path / name)
    holds = "text" if name == "b.txt" else "rows"
    with pytest.raises(StageError, match=rf"{name} is neither a file nor a folder, but a device"):
        resolve(str(tmp_path), "corpus.source", holds)


@pytest.mark.parametrize("name", [b"caf\xe9.txt", b"sub/caf\xe9.txt"])
def test_a_file_whose_name_is_no_text_is_told(tmp_path, name):
    (tmp_path / "sub").mkdir()
    file = tmp_path / os.fsdecode(name)
    file.write_text("one")
    for place in (file, tmp_path):
        with pytest.raises(
            StageError, match=r"corpus.source: .* not UTF-8: '.*caf.udce9.txt'; rena"
        ):
            resolve(str(place), "corpus.source", "text")


def test_a_line_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("tasks.sources.lines.LONGEST", 1_000)
    with gzip.open(tmp_path / "a.csv.gz", "wb") as file:
        file.write(b"text,label\n" + b"0" * 1_000_000)
    with pytest.raises(StageError, match=r"a.csv.gz, line 2: longer than 1.0 kB; accepted: text"):
        list(lines(File(tmp_path / "a.csv.gz", "a.csv.gz")))
    (tmp_path / "b.txt").write_bytes(b"0" * 999 + b"\nend")
    assert [len(line) for _, line in lines(File(tmp_path / "b.txt", "b.txt"))] == [999, 3]
    (tmp_path / "c.txt").write_text("0" * 2_000, encoding="utf-16")
    with pytest.raises(StageError, match=r"c.txt, line 1: longer than"):
        list(lines(File(tmp_path / "c.txt", "c.txt")))


def test_a_file_that_was_changed_since_the_run_was_planned_is_refused(tmp_path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("old words are here\n\nand more old words\n")
    source = resolve(str(file), "corpus.source", holds="text")
    file.write_text("new words are here\n\nand more new words\n")
    with pytest.raises(StageError, match=r"a\.txt was changed after the run was planned"):
        list(documents(source, Corpus(source=str(file)), lambda *_: None))


def test_progress_counts_the_megabytes_of_the_files_that_were_read(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.txt").write_text("text " * 300_000)
    told = []
    source = resolve(str(tmp_path), "corpus.source", "text")
    list(source.documents(Corpus(), lambda *progress: told.append(progress)))
    assert told == [(0, 5, "MB"), (1, 5, "MB"), (3, 5, "MB")]


def test_a_plan_opens_some_of_very_many_files_and_the_stage_all(tmp_path):
    for number in range(1500):
        (tmp_path / f"{number:04}.txt").write_text(f"The text {number}.")
    (tmp_path / "0001.txt").write_bytes(b"binary \x00 text")
    source = resolve(str(tmp_path), "corpus.source", "text")
    assert len(source.first_documents(Corpus())) == 750
    with pytest.raises(StageError, match=r"0001\.txt, line 1"):
        list(source.documents(Corpus(), ignore))
    (tmp_path / "0002.txt").write_bytes(b"binary \x00 text")
    with pytest.raises(StageError, match=r"0002\.txt, line 1"):
        resolve(str(tmp_path), "corpus.source", "text").first_documents(Corpus())


def test_what_the_content_of_files_shows_is_told_with_an_example(tmp_path):
    (tmp_path / "train.csv").write_bytes("text;label\nna\xefve, so;b\nb;a\n".encode("latin-1"))
    (tmp_path / "dev.csv").write_text("text;label\na;b\n", encoding="utf-16")
    (tmp_path / "test").write_text('{"text": "a", "label": "b"}\n')
    source = resolve(str(tmp_path), "downstream.x.source", "text-classification")
    assert len(list(source.rows(LABELLED, ignore))) == 4
    assert source.guesses(rows=True) == [
        ("files in UTF-16", "dev.csv"),
        ("tables separated by semicolons, by their first lines", "dev.csv"),
        ("files read as .jsonl by their content", "test"),
        ("files read as Latin-1, a guess: they are not UTF-8", "train.csv"),
        ("tables separated by semicolons, by their first lines", "train.csv"),
    ]
    assert source.remarks() == []
    (tmp_path / "dev.csv").write_text("text,label\n\ufefféa,b\n", encoding="utf-8-sig")
    (tmp_path / "train.csv").write_text("text,label\na,b\n")
    (tmp_path / "test").unlink()
    assert resolve(str(tmp_path), "x", "text-classification").guesses(rows=True) == []


@pytest.mark.parametrize("words", ["train dev test", "training valid testing", "Train val EVAL"])
def test_every_usual_spelling_of_the_splits_is_known(tmp_path, words):
    for word in words.split():
        (tmp_path / f"{word}.csv").write_text("text,label\na,b\n")
    assert {row.split for row in rows(tmp_path)} == {"train", "validation", "test"}


def test_json_beside_data_describes_them_unless_it_is_named_after_a_split(tmp_path):
    (tmp_path / "train").mkdir()
    pq.write_table(pa.table({"text": ["a"], "label": ["b"]}), tmp_path / "train" / "0.parquet")
    (tmp_path / "train" / "state.json").write_text("{}")
    (tmp_path / "info.json").write_text("{}")
    source = resolve(str(tmp_path), "downstream.x.source", "text-classification")
    assert list(source.identity) == ["train/0.parquet"]
    assert source.remarks() == ["2 files of other types are passed over, such as info.json"]
    (tmp_path / "test.json").write_text('[{"text": "c", "label": "d"}]')
    assert sorted(row.split for row in rows(tmp_path)) == ["test", "train"]


def test_a_single_file_is_what_its_content_is(tmp_path):
    (tmp_path / "SMSSpam").write_text("ham\tGo until, jurong\nspam\tFree entry\n")
    columns = Columns((Column("1", "columns.text"), Column("0", "columns.label")), "document")
    source = resolve(str(tmp_path / "SMSSpam"), "downstream.x.source", "text-classification")
    found = [row.values for row in source.rows(columns, ignore)]
    assert [(row["1"], row["0"]) for row in found] == [
        ("Go until, jurong", "ham"),
        ("Free entry", "spam"),
    ]
    (tmp_path / "notes.txt").write_text("Where the data come from.\nAnd why.\n")
    with pytest.raises(StageError, match=r"is a .txt of text without labels; accepted: .jsonl"):
        resolve(str(tmp_path / "notes.txt"), "downstream.x.source", "text-classification")
    assert list(texts(tmp_path / "notes.txt")) == ["notes.txt:1"]
    (tmp_path / "novel").write_text("Call me Ishmael.\n\nSome years ago.\n")
    assert list(texts(tmp_path / "novel").values()) == ["Call me Ishmael.", "Some years ago."]


def test_a_column_tells_the_splits(tmp_path):
    (tmp_path / "t.csv").write_text("text,label,set\na,b,Training\nc,d,dev\ne,f,test\n")
    columns = Columns(LABELLED.needed, "document", Column("set", "downstream.x.columns.split"))
    assert [row.split for row in rows(tmp_path / "t.csv", columns)] == [
        "train",
        "validation",
        "test",
    ]
    (tmp_path / "t.csv").write_text("text,label,set\na,b,train\nc,d,blind\n")
    with pytest.raises(StageError, match=r"line 3: column 'set' must be the split, found 'blind'"):
        rows(tmp_path / "t.csv", columns)


def test_articles_of_wikiextractor_are_documents_in_files_without_an_ending(tmp_path):
    (tmp_path / "AA").mkdir()
    article = '<doc id="{0}" url="u" title="T{0}">\nT{0}\n\nThe text {0}.\nMore.\n\n</doc>\n'
    for part in (0, 1):
        text = "".join(article.format(2 * part + number) for number in range(2))
        (tmp_path / "AA" / f"wiki_0{part}").write_text(text)
    found = texts(tmp_path)
    assert list(found) == ["AA/wiki_00:2", "AA/wiki_00:9", "AA/wiki_01:2", "AA/wiki_01:9"]
    assert found["AA/wiki_01:9"] == "T3\n\nThe text 3.\nMore.\n"
    by_line = texts(tmp_path, documents="line")
    assert by_line["AA/wiki_00:4"] == "The text 0."
    assert not any("doc" in text for text in by_line.values())
    (tmp_path / "AA" / "more.txt").write_text("Now an ending shows what is text.")
    assert list(texts(tmp_path)) == ["AA/more.txt"]


def test_nested_values_of_json_are_columns_by_their_path(tmp_path):
    file = tmp_path / "nested.jsonl"
    row = {"data": {"text": "fine"}, "annotations": [{"label": "good"}]}
    file.write_text(json.dumps(row) + "\n")
    needed = Column("data.text", "x.columns.text"), Column("annotations.0.label", "…")
    columns = Columns(needed, "document")
    [found] = rows(file, columns)
    assert (found.values["data.text"], found.values["annotations.0.label"]) == ("fine", "good")
    absent = Columns((Column("data.body", "x.columns.text"),), "document")
    with pytest.raises(StageError, match=r"no column 'data\.body'"):
        rows(file, absent)


def test_a_column_with_a_usual_name_is_hinted_at(tmp_path):
    (tmp_path / "rows.csv").write_text("sentence,label\nfine,good\n")
    with pytest.raises(
        StageError,
        match=r"no column 'text' .*; a usual name is there: write columns: \{text: sentence\}",
    ):
        rows(tmp_path / "rows.csv")


def test_hidden_entries_are_counted_but_those_of_programs(tmp_path):
    for name in (".data/b.txt", ".more.txt", ".git/config", ".DS_Store", "a.txt", "in/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a text that is one")
    said = resolve(str(tmp_path), "corpus.source", "text").remarks()
    assert said == ["2 hidden entries are passed over, as the name begins with a dot: .data"]


def test_a_folder_with_hidden_entries_alone_says_so(tmp_path):
    (tmp_path / ".data").mkdir()
    with pytest.raises(StageError, match=r"found nothing in .*a hidden entry is passed .*: \.data"):
        resolve(str(tmp_path), "corpus.source", "text")


def test_a_link_to_a_device_is_told_from_one_to_nothing(tmp_path):
    (tmp_path / "a.txt").symlink_to("/dev/null")
    with pytest.raises(StageError, match=r"a\.txt is a link to /dev/null, which is neither"):
        resolve(str(tmp_path), "corpus.source", "text")
