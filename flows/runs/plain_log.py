"""What a person should read in Prefect's logs.

A mistake: what is wrong, without the way through Prefect's code. And the old names of fields in
what a deployment stores.
"""

from __future__ import annotations

import logging

from prefect import get_run_logger
from prefect.context import FlowRunContext
from prefect.exceptions import ParameterTypeError

from tasks.comparison.past_run import UnknownRunError
from tasks.contract import StageError
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.experiment.renamed import notes

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


def log_old_names() -> None:
    """Log each field that this flow run was given by its old name, with the new one."""
    context = FlowRunContext.get()
    given = context.flow_run.parameters if context and context.flow_run else {}
    for line in notes(given):
        get_run_logger().warning(line)
