"""What it looks like when MLflow cannot be reached, or its database is locked by another process.

An outage must not end a training of hours: what MLflow was to be told waits, and is told later. A
request that MLflow refuses is no outage but a mistake of ours, and is never hidden. Its code for
both is INTERNAL_ERROR: only one from a server, or with a broken connection behind it, is an outage.
"""

from __future__ import annotations

import time

import requests
from mlflow.exceptions import MlflowException, RestException

# What a server that is gone, overloaded or without its database makes of a request.
_CODES = ("TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED")
_FROM_A_SERVER = "API request to "  # how MLflow's client begins what it says of an answer
_NO_PREFECT = "Failed to reach API at "  # how Prefect's client says that nobody answers
_KINDS = (ConnectionError, TimeoutError, requests.RequestException)


def is_outage(problem: BaseException) -> bool:
    """Whether a problem is MLflow being out of reach, and would be gone with it."""
    if not isinstance(problem, MlflowException):
        return _is_broken_connection(problem)
    if problem.error_code != "INTERNAL_ERROR":
        return problem.error_code in _CODES
    behind = problem.__cause__ or problem.__context__
    remote = isinstance(problem, RestException) or str(problem).startswith(_FROM_A_SERVER)
    return remote or _is_broken_connection(behind)


def _is_broken_connection(problem: BaseException | None) -> bool:
    """Also to a database, known by the name of its problem: SQLAlchemy is slow to import."""
    names = {f"{kind.__module__}.{kind.__name__}" for kind in type(problem).__mro__}
    return isinstance(problem, _KINDS) or "sqlalchemy.exc.OperationalError" in names


def refusal(problem: BaseException) -> str:
    """What a person is to do where a server does not know them, does not allow it, or is not there.

    Empty for all other problems. MLflow's and Prefect's answers are known by their status: what
    they say beside it is no help, and Prefect is not imported for it.
    """
    if isinstance(problem, MlflowException):
        status = problem.get_http_status_code()
        if status == 401:
            return (
                "MLflow does not know you: set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD to your name and password there"
            )
        if status == 403:
            return (
                f"MLflow does not allow this to you ({reason(problem)}): ask its administrator for "
                "the permission EDIT on it, or give yours another name"
            )
    if type(problem).__name__ == "PrefectHTTPStatusError":
        status = getattr(getattr(problem, "response", None), "status_code", 0)
        if status in (401, 403):
            return (
                f"Prefect does not let you in ({status}): set PREFECT_API_AUTH_STRING to the "
                "user:password of that server"
            )
    if str(problem).startswith(_NO_PREFECT):
        return (
            f"no Prefect server answers at {str(problem).removeprefix(_NO_PREFECT)} "
            "(PREFECT_API_URL): start it, or correct the address; without one, a run brings its own"
        )
    return ""


class Rest:
    """After an outage, a while in which MLflow is not asked again: each try takes seconds."""

    SECONDS = 15.0

    def __init__(self) -> None:
        self._until = 0.0

    def begin(self) -> None:
        """MLflow was out of reach just now."""
        self._until = time.monotonic() + self.SECONDS

    def __bool__(self) -> bool:
        """Whether it is still too early to ask again."""
        return time.monotonic() < self._until


def reason(problem: BaseException) -> str:
    """The problem in a line."""
    text = " ".join(str(problem).split())
    return text if len(text) < 200 else f"{text[:200]} …"
