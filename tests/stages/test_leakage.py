"""Whether rows of a test split are found in what a model learnt from."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tasks.contract import Silent
from tasks.data.held_out import identifiers, write_held_out
from tasks.pages import leakage_card
from tasks.stages.leakage import look_for_leakage
from tests.support.shown import shown

TESTED = "The heron painted a gentle badger in Quito on a bright day."


def look(folder: Path, corpora: list[str], rows: list[str], tokens: list[str]) -> dict[str, float]:
    tables = {"corpus": ("text", corpora), "rows": ("text", rows), "tokens": ("tokens", tokens)}
    for name, (column, texts) in tables.items():
        values = [text.split() if column == "tokens" else text for text in texts]
        table = {"document": [f"{name}-{n}" for n in range(len(texts))], column: values}
        pd.DataFrame(table).to_parquet(folder / f"{name}.parquet")
    write_held_out(folder / "held_out.parquet", identifiers("page", TESTED))
    (folder / "out").mkdir()
    return look_for_leakage(
        corpora=[folder / "corpus.parquet"],
        rows=[folder / "rows.parquet", folder / "tokens.parquet"],
        held_out=folder / "held_out.parquet",
        out=folder / "out",
        monitor=Silent(),
    )


def test_a_document_that_holds_a_test_row_is_counted_and_told(tmp_path: Path) -> None:
    corpora = [f"Once upon a time there was much rain in the town. {TESTED}", "Nothing of it."]
    metrics = look(tmp_path, corpora, [TESTED, "another row"], [TESTED, "one more"])
    assert metrics == {"trained_on": 6.0, "leaking": 3.0, "near": 0.0}
    page = (shown(leakage_card.show, tmp_path / "out") / "card.md").read_text()
    assert "3 of the 6" in page
    assert "may be too good" in page


def test_what_shares_nothing_with_the_test_is_told_too(tmp_path: Path) -> None:
    metrics = look(tmp_path, ["Nothing of it."], ["another row"], ["one more"])
    assert metrics == {"trained_on": 3.0, "leaking": 0.0, "near": 0.0}
    assert "None of the 3" in (shown(leakage_card.show, tmp_path / "out") / "card.md").read_text()
