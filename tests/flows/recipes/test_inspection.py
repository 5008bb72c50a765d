"""What a plan sees of the sources: the beginning of each local file, and nothing of others."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.recipes.inspection import labelled_source, text_source
from tasks.contract import StageError
from tasks.experiment.corpus import Corpus
from tasks.experiment.problem import Downstream

COMMIT = "0123456789" * 4


def problem(source, **fields):
    return Downstream.model_validate({"name": "x", "source": str(source)} | fields)


def test_the_first_row_of_every_file_is_looked_at_and_no_other(tmp_path):
    (tmp_path / "train.csv").write_text("text,label\na,b\nc\n")
    (tmp_path / "test.csv").write_text("text,label\na,b\n")
    assert labelled_source(problem(tmp_path)).kind == "files"
    (tmp_path / "test.csv").write_text("text,label\n ,b\n")
    with pytest.raises(StageError, match=r"downstream.x.source: test.csv, line 2: column 'text'"):
        labelled_source(problem(tmp_path))


def test_empty_parts_of_a_table_are_passed_over_but_not_all(tmp_path):
    rows = pa.table({"text": ["a"], "label": ["b"]})
    pq.write_table(rows, tmp_path / "part-0.parquet")
    pq.write_table(rows.slice(1), tmp_path / "part-1.parquet")
    labelled_source(problem(tmp_path))
    pq.write_table(rows.slice(1), tmp_path / "part-0.parquet")
    with pytest.raises(StageError, match="none of its 2 files contains a row"):
        labelled_source(problem(tmp_path))
    with pytest.raises(
        StageError, match=r"part-0.parquet contains no rows: add content or remove it"
    ):
        text_source(Corpus(source=str(tmp_path / "part-0.parquet")))


def test_shares_count_for_the_splits_that_files_do_not_give(tmp_path):
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).write_text("text,label\na,b\n")
    labelled_source(problem(tmp_path, test_share=0.95))
    with pytest.raises(StageError, match="their sum must be below 1"):
        labelled_source(problem(tmp_path / "train.csv", test_share=0.95))


def test_what_is_built_in_or_on_the_hub_is_not_read():
    assert text_source(Corpus(source="builtin:pydocs")).kind == "pydocs.text"
    assert text_source(Corpus(source=f"hf:owner/name@{COMMIT}")).kind == "hub"


def test_a_column_of_splits_is_refused_where_it_would_not_be_read():
    fields = {"columns": {"split": "part"}}
    with pytest.raises(StageError, match=r"downstream.x.columns.split: 'part' is not read of buil"):
        labelled_source(problem("builtin:pydocs-library", **fields))


def test_a_table_without_a_header_is_read_by_the_numbers_of_its_columns(tmp_path):
    (tmp_path / "t.csv").write_text("1,a fine day\n0,rain\n")
    labelled_source(problem(tmp_path / "t.csv", columns={"text": 1, "label": 0}))
    text_source(Corpus.model_validate({"source": str(tmp_path / "t.csv"), "text_column": 1}))


@pytest.mark.parametrize("given", ["", "  "])
def test_no_data_are_chosen_without_a_word(given):
    with pytest.raises(StageError, match=r"^corpus\.source: not given; state where to find"):
        text_source(Corpus(source=given))
    with pytest.raises(StageError, match=r"^downstream\.x\.source: not given; state where"):
        labelled_source(problem(given))
