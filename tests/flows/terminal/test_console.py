"""What the terminal says of the results and of an interruption."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from flows.terminal.console import Terminal, evaluation_facts, results_table, verdicts
from tasks.machinery.execution.summary import StageSummary
from tasks.machinery.naming.title import Title

FACTS = {
    "majority": "glad",
    "headline": "accuracy",
    "metrics": {"accuracy": {"words": "accuracy", "unit": "share", "better": "higher"}},
}

FULLY = {"mood": "full"}


def measured(accuracy: float, low: float) -> dict[str, float]:
    values = {"accuracy": accuracy, "accuracy/low": low, "accuracy/high": accuracy + 0.05}
    values |= {"majority/accuracy": 0.5, "test_documents": 100.0}
    return {f"downstream/mood/{name}": value for name, value in values.items()}


def test_a_model_that_may_have_learnt_nothing_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text(json.dumps(FACTS))
    same = {"state": "cached", "fingerprint": "", "run_id": "", "seconds": 0.0, "pages": ""}
    titles = {Title("report"): "x", Title("evaluation", "mood"): str(tmp_path)}
    stages = [StageSummary(name=title, path=path, **same) for title, path in titles.items()]
    facts = evaluation_facts(stages)
    assert verdicts(measured(0.5, 0.4), ["mood"], facts, FULLY) == [
        "mood: no better than always answering glad: it may have learnt nothing"
    ]
    assert verdicts(measured(0.7, 0.6), ["mood"], facts, FULLY) == []
    gain = {"downstream/mood/gain/low": 0.1, "downstream/mood/gain/high": 0.2}
    both = verdicts(measured(0.51, 0.4) | gain, ["mood"], facts, FULLY)
    assert both[0] == "mood: pre-training helps"
    probed = verdicts(measured(0.51, 0.4) | gain, ["mood"], facts, {"mood": "probe"})
    assert probed[0] == (
        "mood: the pre-trained model tuned by probe, against random weights tuned in full: better"
    )
    assert both[1].startswith("mood: not shown to be better than always answering glad")


def test_a_gain_over_a_model_that_learnt_nothing_says_so() -> None:
    measures = measured(0.9, 0.8) | {
        "downstream/mood/gain/low": 0.3,
        "downstream/mood/gain/high": 0.5,
    }
    scratch = {"accuracy": 0.5, "accuracy/low": 0.4, "accuracy/high": 0.6}
    measures |= {f"downstream/mood/from_scratch/{name}": value for name, value in scratch.items()}
    assert verdicts(measures, ["mood"], {"mood": FACTS}, FULLY) == [
        "mood: pre-training helps",
        "mood: from scratch no better than always answering glad: it may have learnt nothing",
    ]


def test_an_interruption_says_where_it_came() -> None:
    terminal = Terminal(Console(file=io.StringIO()))
    assert terminal.interruption == "interrupted"
    terminal.interrupted("tokenizer", 0)
    assert terminal.interruption == "interrupted in tokenizer"
    terminal.interrupted("finetuning mood", 1234)
    assert terminal.interruption == "interrupted in finetuning mood at step 1,234"


def test_the_spread_over_seeds_has_a_column_and_a_line() -> None:
    measures = measured(0.7, 0.6)
    found = {"seeds": 3.0, "seeds_mean/accuracy": 0.69, "seeds_spread/accuracy": 0.012}
    assert "mean of seeds" not in printed(measures)
    measures |= {f"downstream/mood/{name}": value for name, value in found.items()}
    text = printed(measures)
    assert "mean of seeds" in text
    assert "0.690" in text
    assert "± 0.012" in text
    [line] = verdicts(measures, ["mood"], {"mood": FACTS}, FULLY)
    assert line.startswith("mood: over 3 training seeds, accuracy 69.0 ± 1.2 % (mean ± standard")


def printed(measures: dict[str, float]) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(results_table(measures, ["mood"]))
    return console.file.getvalue()
