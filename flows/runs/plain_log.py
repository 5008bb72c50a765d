"""A person's mistake in Prefect's logs: what is wrong, without the way through Prefect's code."""

from __future__ import annotations

import logging

from prefect.exceptions import ParameterTypeError

from tasks.comparison.past_run import UnknownRunError
from tasks.contract import StageError
from tasks.experiment.mistakes import InvalidExperimentError

MISTAKES = (StageError, InvalidExperimentError, UnknownRunError, ParameterTypeError)
LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


def without_way(record: logging.LogRecord) -> bool:
    """Take the traceback from what is logged of a mistake; all is logged."""
    problem = record.exc_info[1] if record.exc_info else None
    if isinstance(problem, MISTAKES):
        record.msg, record.args, record.exc_info = str(problem), (), None
    return True


def log_mistakes_plainly() -> None:
    """From now on, in this process."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(without_way)
