"""Stage `report`: one page with the results of an experiment, with figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tasks.contract import Monitor
from tasks.experiment.training import FULL
from tasks.machinery.naming.markdown import escaped
from tasks.pages.generalization.sections import sections as sections_of
from tasks.pages.report.drawings import (
    confusion_section,
    gains_figure,
    is_figure,
    pretraining_section,
)
from tasks.pages.report.result import read_result
from tasks.pages.report.summary import count_gains, learnt, summarize
from tasks.pages.report.tables import headline_table, origin_section, verdicts

READ_NEXT = """## What to read next

- The page of each evaluation: all metrics, also by class where there are classes, and beside it
  every test row in `predictions.parquet` (only in the store if it is over 20 MB). The rows with the
  highest `loss` are the worst errors, or have wrong labels.
- The data cards: what was read, left out, and found in two splits.
- MLflow's table of runs, which has these numbers as columns beside those of other runs."""


def write_report(
    name: str,
    problems: list[str],
    confidence: float,
    *,
    pretraining: Path | None,
    evaluations: list[Path],
    origin: str = "",
    leakages: list[Path] | None = None,
    methods: list[str] | None = None,
    findings: list[Path] | None = None,
    found_by: list[str] | None = None,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Write `show/report.md` with its figures beside it, and `show/card.md`, the same without them.

    Args:
        name: name of the experiment.
        problems: name of each problem in the experiment, in the order of `evaluations`.
        confidence: coverage of the intervals, such as 0.95.
        pretraining: artifact of stage pretraining, if there was one.
        evaluations: artifacts of stage evaluation.
        origin: the description of the model, if it is not the one of `pretraining`.
        leakages: artifacts of stage leakage, one per problem, if its data are known.
        methods: how each pre-trained model is tuned, if not all are in full.
        findings: artifacts of the stages behind the evaluations, if there are any.
        found_by: their titles, in the same order.
        out: empty folder.
        monitor: receives the progress.

    Returns:
        `problems`, and `gains`: on how many of them the pre-trained model is shown to gain.
    """
    tuned = methods or [FULL] * len(problems)
    results = [read_result(*each) for each in zip(problems, evaluations, tuned, strict=True)]
    show = out / "show"
    show.mkdir()
    sections = [
        f"# {escaped(name)}: results",
        summarize(results, learnt(origin)),
        headline_table(results, confidence),
        *verdicts(results, confidence),
        *origin_section(origin, problems, leakages or []),
        *gains_figure(results, confidence, show, learnt(origin)),
        *pretraining_section(pretraining, show),
        *confusion_section(results, show),
        *sections_of(found_by or [], findings or [], show),
        READ_NEXT,
    ]
    write_page(show / "report.md", sections)
    write_page(show / "card.md", [text for text in sections if not is_figure(text)])
    monitor.progress(len(results), len(results), "problems")
    return {"problems": float(len(results)), "gains": float(count_gains(results))}


def write_page(path: Path, sections: Sequence[str]) -> None:
    """Write sections of Markdown, a blank line between them."""
    path.write_text("\n\n".join(sections) + "\n", encoding="utf-8")
