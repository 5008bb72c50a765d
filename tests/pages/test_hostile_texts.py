"""Texts, names and labels from data stay text on every page."""

from __future__ import annotations

import json
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tasks.contract import Silent
from tasks.data.tally import Tally
from tasks.machinery.tracking.links import note_of
from tasks.machinery.tracking.tags import FLOW_RUN_NAME, FLOW_RUN_URL
from tasks.pages import data_card, decision_card, evaluation_card, leakage_card, pretraining_card
from tasks.pages.explanations import coloured
from tasks.pages.generalization import mislabelled_card, near_duplicates_card, slices_card
from tasks.problems import Metric
from tasks.stages.leakage import verdict
from tasks.stages.report import write_report
from tests.stages.test_report import write_evaluation, write_pretraining
from tests.support.hostile import HOSTILE, OURS, Shown, one_line

FORMULA = r"$\frac{a}{$"  # half a formula fails, a whole one would be typeset
LABELS = (*HOSTILE, FORMULA)
# A glyph that a font lacks is a warning in the terminal.
pytestmark = pytest.mark.filterwarnings("error:Glyph")


def rewritten(file: Path, **changes: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    folder = write_evaluation(tmp_path / "evaluation", (0.091, 0.07, 0.113), majority=0.6)
    count = len(LABELS)
    report = {"class": LABELS}
    report |= {name: [0.5] * count for name in ("precision", "recall", "f1")}
    report |= {"support": [7] * count}
    square = [[int(x != y) for x in range(count)] for y in range(count)]
    rewritten(folder / "classes.json", report=report, names=LABELS, confusion=square)
    worst = dict.fromkeys(("text", "truth", "answer", "score"), HOSTILE[1]) | {"right": False}
    rewritten(folder / "rows.json", worst=[worst], points=[])
    rewritten(folder / "evaluation.json", majority=HOSTILE[0], problem=HOSTILE[3])
    (folder / "predictions.parquet").write_bytes(b"")
    return folder


def pretraining(folder: Path) -> Path:
    write_pretraining(folder)
    rewritten(folder / "metrics.json", tokens=1e6, epochs=1.5)
    rewritten(folder / "pretraining.json", header=["text"], examples=[[each] for each in HOSTILE])
    (folder / "model" / "config.json").write_text(json.dumps({"model_type": HOSTILE[0]}))
    return folder


def require_text(card: Path, texts: tuple[str, ...]) -> None:
    """Check that texts are cells as they are, and that the page has elements of ours alone."""
    page = Shown(card.read_text())
    assert page.elements <= OURS
    assert page.sources <= {each.name for each in card.parent.glob("*.png")}
    cells = {one_line(cell) for cell in page.cells}
    assert {one_line(text) for text in texts} <= cells


def test_a_data_card(tmp_path: Path) -> None:
    tally = Tally(HOSTILE[0], "rows", ("train", "test"), "rows")
    for label in (*LABELS, "a\x1bb"):
        tally.add("train", label, label, (label,), (label, label))
    tally.write(tmp_path / "tally.json", dict.fromkeys(HOSTILE, HOSTILE[-1]))
    data_card.show(tmp_path, tmp_path)
    require_text(tmp_path / "card.md", LABELS)


def test_an_evaluation(evaluation: Path, tmp_path: Path) -> None:
    evaluation_card.show(evaluation, tmp_path)
    require_text(tmp_path / "card.md", LABELS)
    assert HOSTILE[0] in Shown((tmp_path / "card.md").read_text()).text


def test_a_pretraining(tmp_path: Path) -> None:
    pretraining_card.show(pretraining(tmp_path / "pretraining"), tmp_path)
    require_text(tmp_path / "card.md", HOSTILE)


def test_a_decision(tmp_path: Path) -> None:
    estimate = {"value": 0.5, "low": 0.4, "high": 0.6}
    row = {"before": estimate, "after": estimate, "difference": estimate, "rows": 9}
    row |= {"unit": "share", "verdict": "worse", "blocks": True}
    rows = [row | {"kind": "all", "name": "accuracy"}]
    rows += [row | {"kind": "part", "name": each} for each in HOSTILE]
    decision = {"outcome": "kept", "reasons": HOSTILE, "rows": rows, "documents": 9}
    decision |= {"parts": "F1 by class", "problem": HOSTILE[0], "rule": {}, "remarks": HOSTILE}
    (tmp_path / "decision.json").write_text(json.dumps(decision))
    decision_card.show(tmp_path, tmp_path)
    require_text(tmp_path / "card.md", HOSTILE)


def leakage(folder: Path, example: str) -> Path:
    folder.mkdir(exist_ok=True)
    found = {"sentence": verdict(9, 1, 0, example), "leaks": True}
    (folder / "leakage.json").write_text(json.dumps(found))
    return folder


@pytest.mark.parametrize("example", HOSTILE)
def test_a_search_for_leakage(tmp_path: Path, example: str) -> None:
    leakage_card.show(leakage(tmp_path, example), tmp_path)
    page = Shown((tmp_path / "card.md").read_text())
    assert page.elements == {"h1", "p", "strong"}
    assert f"“{one_line(example)}”" in one_line(page.text)


def test_a_report(evaluation: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_report(
        HOSTILE[0],
        ["mood"],
        0.95,
        pretraining=pretraining(tmp_path / "pretraining"),
        evaluations=[evaluation],
        origin="of unknown origin",
        leakages=[leakage(tmp_path / "leakage", HOSTILE[0])],
        out=tmp_path / "out",
        monitor=Silent(),
    )
    for name in ("card.md", "report.md"):
        require_text(tmp_path / "out" / "show" / name, ())


@pytest.mark.parametrize("name", HOSTILE)
def test_the_note_of_a_run_in_mlflow(name: str) -> None:
    page = Shown(note_of({FLOW_RUN_NAME: name, FLOW_RUN_URL: "http://here"}))
    assert page.sources <= {"http://here"}
    assert page.elements <= {"p", "a"}


def finding(folder: Path, **facts: object) -> Path:
    folder.mkdir()
    facts |= {"sentences": HOSTILE, "rows": "9 texts", "confidence": 0.95}
    (folder / "finding.json").write_text(json.dumps(facts))
    return folder


def test_slices(tmp_path: Path) -> None:
    estimate = {"rows": 9, "documents": 9, "value": 0.5, "low": 0.4, "high": 0.6, "p": 0.01}
    estimate |= {"difference": -0.1, "difference_low": -0.2, "difference_high": -0.05}
    slices = [estimate | {"column": each, "name": each, "verdict": "worse"} for each in LABELS]
    facts = {"columns": HOSTILE, "left_out": HOSTILE, "too_many": False, "slices": slices}
    found = finding(tmp_path / "slices", metric=asdict(Metric("accuracy")), **facts)
    slices_card.show(found, tmp_path)
    require_text(tmp_path / "card.md", tuple(f"{each}: {each}" for each in LABELS))


def test_mislabelled_rows(tmp_path: Path) -> None:
    shares = {"probability": 0.9, "probability_of_label": 0.1, "split": "test"}
    first = [shares | dict.fromkeys(("text", "label", "suggested"), each) for each in LABELS]
    facts = {"accuracy": 0.9, "splits": {"test": [1, 9]}, "first": first, "few": HOSTILE}
    facts |= {"pairs": [[each, each, 1] for each in LABELS], "simple": HOSTILE[0]}
    found = finding(tmp_path / "mislabelled", input="text", truth="label", **facts)
    (found / "mislabelled.csv").touch()
    mislabelled_card.show(found, tmp_path)
    require_text(tmp_path / "card.md", LABELS)


def test_near_duplicates(tmp_path: Path) -> None:
    found = finding(tmp_path / "near", first=[[each, "train", each, each] for each in LABELS])
    (found / "near_duplicates.csv").touch()
    near_duplicates_card.show(found, tmp_path)
    require_text(tmp_path / "card.md", LABELS)


class Elements(HTMLParser):
    """The elements of a page of HTML, with the names of their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[tuple[str, ...]] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.add((tag, *(name for name, _ in attributes)))

    def handle_data(self, data):
        self.text += data


def test_words_in_colour() -> None:
    ours = {("article",), ("h3",), ("p", "class"), ("span", "class"), ("span", "style", "title")}
    for text in HOSTILE:
        row = dict.fromkeys(("truth", "answer", "said", "without", "explained"), text)
        row |= {"right": False, "texts": {"text": text}, "values": {"occlusion": [0.5]}}
        row |= {"pieces": [["text", 0, len(text) // 2]]}
        page = Elements(coloured.row_article(row, {"occlusion": 0.1}, {"occlusion"}))
        assert page.found <= ours
        assert text in page.text
