"""The environment variables that Prefect's and MLflow's clients and servers read."""

from __future__ import annotations

import os

from tasks.machinery.host.home import home, own_database
from tasks.machinery.host.uris import sqlite_uri
from tasks.machinery.naming.secrets import sign_in_of, without_credentials

# Variables that torch reads when it is imported.
COMPUTING = {
    # Large pages for large tensors: a step takes a seventh less time here.
    "THP_MEM_ALLOC_ENABLE": "1",
    # OpenMP threads spin briefly, then sleep. With the default spin, any other load on one of two
    # cores makes a step six times slower.
    "GOMP_SPINCOUNT": "10000",
}


def prepare_environment(*, with_servers: bool = True) -> str:
    """Point Prefect, MLflow and Hugging Face at the state folder; variables already set win.

    Must run before any of them is imported, since they read their settings on import.

    Args:
        with_servers: use the servers that `temper up` started on this state folder, if healthy.

    Returns:
        Why the servers of `temper up` are not used although they were started; usually empty.
    """
    from tasks.machinery.servers.databases import PREFECT_DATABASES
    from tasks.machinery.servers.servers import addresses

    keep_sign_in_apart()
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
        # A training waits for an unreachable server for seconds, not for minutes.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
        "TOKENIZERS_PARALLELISM": "true",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_DATASETS_CACHE": state / "datasets",
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    database = sqlite_uri(state / "prefect" / "prefect.db", "aiosqlite")
    if database.endswith("?uri=true") and not PREFECT_DATABASES & os.environ.keys():
        defaults[max(PREFECT_DATABASES)] = (
            database  # Prefect's own default would end at the question mark
        )
    for name, value in defaults.items():
        os.environ.setdefault(name, str(value))
    return problem


def keep_sign_in_apart() -> None:
    """Move user and password from the addresses of servers to the variables that exist for them.

    Libraries print, tag and store addresses; these variables they only send. If those are set, they
    count, as they do for the libraries. Addresses of databases have no such variables.
    """
    for address in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
        given = os.environ.get(address, "")
        user, password = sign_in_of(given)
        if not given.startswith(("http://", "https://")) or not user or not password:
            continue
        os.environ[address] = without_credentials(given)
        if address == "PREFECT_API_URL":
            os.environ.setdefault("PREFECT_API_AUTH_STRING", f"{user}:{password}")
        else:
            os.environ.setdefault("MLFLOW_TRACKING_USERNAME", user)
            os.environ.setdefault("MLFLOW_TRACKING_PASSWORD", password)
