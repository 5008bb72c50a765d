"""Where the state lives, and the environment that Prefect and MLflow read on import."""

from __future__ import annotations

import os
from pathlib import Path

from tasks.machinery.stage import StageError

# Where MLflow keeps runs (no longer in folders); of databases also with a driver, as
# postgresql+psycopg2.
_STORES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql")

# What torch reads when it is imported.
COMPUTING = {
    # It takes large pages for its large tensors: a seventh less time for a step here.
    "THP_MEM_ALLOC_ENABLE": "1",
    # Its threads wait for each other a moment by turning, then asleep. By default they turn for so
    # long that other work on one of two processors makes a step six times slower.
    "GOMP_SPINCOUNT": "10000",
}


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
    return f"sqlite:///{home() / 'mlflow.db'}"


def make_home() -> None:
    """Make the state folder; Prefect makes its own folder only where the parent is there.

    Raises:
        StageError: where it cannot be written to.
    """
    problem = ""
    try:
        (home() / "prefect").mkdir(parents=True, exist_ok=True)
        if not os.access(home(), os.W_OK | os.X_OK):
            problem = "it is read-only for you"
    except OSError as error:
        problem = str(error.strerror)
    if problem:
        raise StageError(
            f"TEMPER_HOME: cannot write to {home()} ({problem}); "
            "set TEMPER_HOME to a folder that is yours"
        )


def require_addresses() -> None:
    """Check that what is set as the address of a server is one; not that somebody answers there.

    Raises:
        StageError: it is none.
    """
    uri = tracking_uri()
    scheme, separator, _ = uri.partition("://")
    is_store = separator and scheme.partition("+")[0] in _STORES
    if not is_store and not uri.startswith("databricks"):
        raise StageError(
            f"MLFLOW_TRACKING_URI is {uri!r}; accepted: "
            f"{', '.join(f'{name}://…' for name in _STORES)}; unset it to keep the runs in "
            f"{home() / 'mlflow.db'}"
        )
    address = os.environ.get("PREFECT_API_URL", "")
    if address and not address.startswith(("http://", "https://")):
        raise StageError(
            f"PREFECT_API_URL is {address!r}; accepted: http://HOST:PORT/api; unset it to have a "
            "temporary server"
        )


def prepare_environment(*, with_servers: bool = True) -> str:
    """Point Prefect, MLflow and Hugging Face at the state folder; what is set already wins.

    Must run before any of them is imported, since they read their settings then.

    Args:
        with_servers: use those that `temper up` started on this state folder, if they are well.

    Returns:
        Why they are not used although there is a trace of them; mostly empty.
    """
    from tasks.machinery.servers import addresses  # it asks this module where the state is

    state = home()
    os.environ["TEMPER_HOME"] = str(state)  # absolute: child processes may run elsewhere
    both_set = {"PREFECT_API_URL", "MLFLOW_TRACKING_URI"} <= os.environ.keys()
    servers, problem = addresses() if with_servers and not both_set else ({}, "")
    defaults = servers | {
        "PREFECT_HOME": state / "prefect",
        "PREFECT_LOCAL_STORAGE_PATH": state / "prefect" / "storage",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_TRACKING_URI": servers.get("MLFLOW_TRACKING_URI") or own_database(),
        **COMPUTING,
        # A training waits for a server that is gone: for seconds, not for minutes.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
        "TOKENIZERS_PARALLELISM": "true",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_DATASETS_CACHE": state / "datasets",
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, str(value))
    return problem
