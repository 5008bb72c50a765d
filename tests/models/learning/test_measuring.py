"""A pre-training that ends near the loss of the frequencies alone is reported."""

from __future__ import annotations

import pytest

from tasks.contract import Silent
from tasks.models.learning.measuring import report_plateau

REFERENCE = ("by the frequencies of the tokens", "unigram_loss")


@pytest.mark.parametrize(
    ("loss", "known", "is_reported"),
    [(6.45, 6.5, True), (6.3, 6.5, False), (0.99, 1.0, True), (0.9, 1.0, False)],
)
def test_a_loss_near_its_reference_is_reported(
    loss: float, known: float, is_reported: bool
) -> None:
    monitor = Silent()
    report_plateau({"validation_loss": loss, "unigram_loss": known}, REFERENCE, monitor)
    assert (monitor.facts.get("plateau") == "true") == is_reported
    said = " ".join([*monitor.said, str(monitor.facts.get("warning", ""))])
    assert ("has learnt hardly anything from the text yet" in said) == is_reported


def test_without_the_reference_nothing_is_reported() -> None:
    monitor = Silent()
    report_plateau({"validation_loss": 9.0}, REFERENCE, monitor)
    assert not monitor.facts
