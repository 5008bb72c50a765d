"""The state folder, and the addresses of the servers."""

from __future__ import annotations

import os
from pathlib import Path

from tasks.contract import StageError
from tasks.machinery.host.uris import sqlite_uri

# Schemes that MLflow accepts for its runs (folders no longer); a database may name its driver, such
# as postgresql+psycopg2.
_STORES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql")


def home() -> Path:
    """The folder with all state: `TEMPER_HOME`, or `.temper` in the working directory."""
    return Path(os.environ.get("TEMPER_HOME") or ".temper").absolute()


def store_folder() -> Path:
    """The folder of the artifacts."""
    return home() / "store"


def tracking_uri() -> str:
    """Where MLflow keeps runs: `MLFLOW_TRACKING_URI`, or a database in the state folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or own_database()


def own_database() -> str:
    """The database in the state folder, as MLflow names it."""
    return sqlite_uri(home() / "mlflow.db")


def make_home() -> None:
    """Create the state folder and Prefect's; Prefect creates its own only if the parent exists.

    Raises:
        StageError: it is not writable, or its name is not text.
    """
    problem = ""
    try:
        str(home()).encode()
    except UnicodeEncodeError:
        raise StageError(
            f"TEMPER_HOME: {ascii(str(home()))[1:-1]} is not UTF-8; set TEMPER_HOME to a folder "
            "whose path is"
        ) from None
    try:
        (home() / "prefect").mkdir(parents=True, exist_ok=True)
        if not os.access(home(), os.W_OK | os.X_OK):
            problem = "you have no write permission"
    except OSError as error:
        problem = str(error.strerror)
    if problem:
        raise StageError(
            f"TEMPER_HOME: cannot write to {home()} ({problem}); "
            "set TEMPER_HOME to a folder that you can write to"
        )


def require_addresses() -> None:
    """Check that the configured server addresses are well-formed; no connection is made.

    Raises:
        StageError: one is not.
    """
    uri = tracking_uri()
    scheme, separator, _ = uri.partition("://")
    is_store = separator and scheme.partition("+")[0] in _STORES
    if not is_store and not uri.startswith("databricks"):
        raise StageError(
            f"MLFLOW_TRACKING_URI is {uri!r}; accepted: "
            f"{', '.join(f'{name}://…' for name in _STORES)}; unset it to store the runs in "
            f"{home() / 'mlflow.db'}"
        )
    address = os.environ.get("PREFECT_API_URL", "")
    if address and not address.startswith(("http://", "https://")):
        raise StageError(
            f"PREFECT_API_URL is {address!r}; accepted: http://HOST:PORT/api; unset it to use a "
            "temporary server"
        )
