"""Recognizing that MLflow is unreachable, or that its database is locked by another process.

An outage must not end a long training: reports wait, and are sent later. A request that MLflow
rejects is not an outage but an error in this code, and is never hidden. MLflow uses the code
INTERNAL_ERROR for both: only one from a server, or caused by a broken connection, is an outage.
"""

from __future__ import annotations

import time

import requests
from mlflow.exceptions import MlflowException, RestException

from tasks.machinery.naming.cut import cut
from tasks.machinery.naming.secrets import redacted
from tasks.machinery.servers.databases import is_damage, remedy

# The error codes of a server that is down, overloaded or without its database.
_CODES = ("TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED")
_FROM_A_SERVER = "API request to "  # the start of MLflow's message on a failed request
_NO_PREFECT = "Failed to reach API at "  # the start of Prefect's message if no server answers
_DAMAGED = "its database is damaged"
_KINDS = (ConnectionError, TimeoutError, requests.RequestException)


def is_outage(problem: BaseException) -> bool:
    """Whether a problem is caused by MLflow being unreachable."""
    if not isinstance(problem, MlflowException):
        return _is_broken_connection(problem)
    behind = problem.__cause__ or problem.__context__
    if problem.error_code != "INTERNAL_ERROR":
        return problem.error_code in _CODES or _is_damaged(behind)
    remote = isinstance(problem, RestException) or str(problem).startswith(_FROM_A_SERVER)
    return remote or _is_broken_connection(behind)


def _is_broken_connection(problem: BaseException | None) -> bool:
    """Also to a database, recognized by the name of the error: SQLAlchemy is slow to import."""
    names = {f"{kind.__module__}.{kind.__name__}" for kind in type(problem).__mro__}
    is_database = "sqlalchemy.exc.OperationalError" in names or _is_damaged(problem)
    return isinstance(problem, _KINDS) or is_database


def _is_damaged(problem: BaseException | None) -> bool:
    """Whether a database is damaged: the training goes on, and reports to a restored copy."""
    kind = type(problem)  # this one, not one of its kinds, such as an IntegrityError
    return f"{kind.__module__}.{kind.__name__}" == "sqlalchemy.exc.DatabaseError"


def unanswered(problem: BaseException) -> str:
    """The message if a server is unreachable, damaged or rejects us; empty for other problems."""
    if not is_outage(problem):
        return refusal(problem)
    said = reason(problem)
    if said.startswith(_DAMAGED):
        return f"MLflow cannot be used: {said}"
    return f"MLflow is unreachable: {said}. Start it, and try again"


def refusal(problem: BaseException) -> str:
    """What to do if a server rejects the credentials, denies permission, or does not answer.

    Empty for all other problems. MLflow's and Prefect's answers are recognized by their status,
    without importing Prefect; the rest of their messages does not help.
    """
    if isinstance(problem, MlflowException):
        status = problem.get_http_status_code()
        if status == 401:
            return (
                "MLflow rejected your credentials (401): set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD to your name and password there"
            )
        if status == 403:
            return (
                f"MLflow denied permission (403; {reason(problem)}): ask its administrator for "
                "the permission EDIT, or use another name"
            )
    if type(problem).__name__ == "PrefectHTTPStatusError":
        status = getattr(getattr(problem, "response", None), "status_code", 0)
        if status in (401, 403):
            return (
                f"Prefect rejected your credentials ({status}): set PREFECT_API_AUTH_STRING to the "
                "user:password of that server"
            )
    if str(problem).startswith(_NO_PREFECT):
        return (
            f"no Prefect server answers at {redacted(str(problem)).removeprefix(_NO_PREFECT)} "
            "(PREFECT_API_URL): start it, correct the address, or unset it to use a temporary one"
        )
    return ""


class Rest:
    """A pause after an outage, without requests to MLflow: each try takes seconds."""

    SECONDS = 15.0

    def __init__(self) -> None:
        self._until = 0.0

    def begin(self) -> None:
        """Start the pause: MLflow was unreachable just now."""
        self._until = time.monotonic() + self.SECONDS

    def __bool__(self) -> bool:
        """Whether the pause is not over yet."""
        return time.monotonic() < self._until


def reason(problem: BaseException) -> str:
    """The problem in one line, without credentials; of a damaged database what to do about it."""
    said = " ".join(redacted(str(problem)).split())
    if is_damage(said) and "sqlite3." in said:
        return f"{_DAMAGED} ({cut(said.partition(' [SQL')[0], 200)}): {remedy()}"
    return cut(said, 200)
