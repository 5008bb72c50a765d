"""Plain messages in Prefect's logs.

Mistakes are logged without a traceback through Prefect's code. Old names of fields in the
parameters of a deployment are logged with the new names.
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
from tasks.machinery.naming.secrets import redact_logs

MISTAKES = (StageError, InvalidExperimentError, UnknownRunError, ParameterTypeError)
LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


def without_way(record: logging.LogRecord) -> bool:
    """Remove the traceback from the log record of a mistake; always returns True."""
    problem = record.exc_info[1] if record.exc_info else None
    if isinstance(problem, MISTAKES):
        record.msg, record.args, record.exc_info = str(problem), (), None
    return True


def log_mistakes_plainly() -> None:
    """Log mistakes in this process without tracebacks from now on, and all without credentials."""
    redact_logs()
    for name in LOGGERS:
        logging.getLogger(name).addFilter(without_way)


def log_old_names() -> None:
    """Log each field that this flow run got under its old name, with the new one."""
    context = FlowRunContext.get()
    given = context.flow_run.parameters if context and context.flow_run else {}
    for line in notes(given):
        get_run_logger().warning(line)
