"""Where the state lives, and the environment that Prefect and MLflow read on import."""

from __future__ import annotations

import os
from pathlib import Path

from tasks.machinery.stage import StageError


def home() -> Path:
    """The folder with all state: `TEMPER_HOME`, or `.temper` in the working directory."""
    return Path(os.environ.get("TEMPER_HOME") or ".temper").absolute()


def store_folder() -> Path:
    """The folder of the artifacts."""
    return home() / "store"


def tracking_uri() -> str:
    """Where MLflow keeps runs: `MLFLOW_TRACKING_URI`, or a database in the state folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


def make_home() -> None:
    """Make the state folder; Prefect makes its own folder only where the parent is there.

    Raises:
        StageError: where it cannot be written to.
    """
    try:
        (home() / "prefect").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StageError(
            f"TEMPER_HOME: cannot write to {home()} ({error.strerror}); "
            "set TEMPER_HOME to a folder that is yours"
        ) from None


def prepare_environment() -> None:
    """Point Prefect, MLflow and Hugging Face at the state folder; what is set already wins.

    Must run before any of them is imported, since they read their settings then.
    """
    state = home()
    os.environ["TEMPER_HOME"] = str(state)  # absolute: child processes may run elsewhere
    defaults = {
        "PREFECT_HOME": state / "prefect",
        "PREFECT_LOCAL_STORAGE_PATH": state / "prefect" / "storage",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_TRACKING_URI": tracking_uri(),
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
