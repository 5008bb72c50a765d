"""What a person did wrong is in Prefect's logs in words; a defect, with the way to it."""

from __future__ import annotations

import pytest
from prefect import flow, task

from flows.runs.plain_log import log_mistakes_plainly, log_old_names
from tasks.contract import StageError
from tasks.experiment.experiment import Experiment

log_mistakes_plainly()


@flow
def count(many: int) -> int:
    if many > 9:
        raise StageError(f"found {many}; accepted: 0 to 9")
    return 1 // many


@flow
def read(experiment: Experiment) -> str:
    log_old_names()
    return experiment.downstream[0].columns.text


@flow
def ask() -> None:
    @task
    def fail() -> None:
        raise StageError("no such file")

    fail()


@pytest.mark.usefixtures("prefect")
@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: count(10), "found 10; accepted: 0 to 9"),
        (lambda: count("x"), "many: Input should be a valid integer"),
        (ask, "no such file"),
    ],
)
def test_a_mistake_is_logged_without_a_traceback(call, said, caplog) -> None:
    with pytest.raises(Exception, match=r"accepted|valid integer|no such file"):
        call()
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert any(said in record.getMessage() for record in errors)
    assert not any(record.exc_info for record in errors)


@pytest.mark.usefixtures("prefect")
def test_a_defect_is_logged_with_its_traceback(caplog) -> None:
    with pytest.raises(ZeroDivisionError):
        count(0)
    assert any(record.exc_info for record in caplog.records if record.levelname == "ERROR")


@pytest.mark.usefixtures("prefect")
def test_an_old_name_that_a_deployment_stores_is_read_and_logged(caplog) -> None:
    stored = {"downstream": [{"name": "mood", "text_column": "body"}]}
    assert read(stored) == "body"
    warnings = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    old = "experiment.downstream.0.text_column"
    assert f"{old} is an old name, read as experiment.downstream.0.columns.text" in warnings
