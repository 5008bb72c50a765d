"""The servers of a team as `mlflow/compose.yaml` has them, without containers.

Commands and settings are read from that file. PostgreSQL is a real one, from this machine's
packages; the S3-compatible store is a stand-in (moto) with the same interface.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import requests

from tests.conftest import free_port
from tests.team.compose import Service
from tests.team.postgres import PASSWORD as DATABASE_PASSWORD
from tests.team.postgres import Postgres

ADMIN, ADMIN_PASSWORD = "admin", "s3cret-of-mlflow"
PREFECT_AUTH = "temper:s3cret-of-prefect"
S3_KEY, S3_SECRET = "temper", "s3cret-of-the-store"
SECRETS = (DATABASE_PASSWORD, ADMIN_PASSWORD, PREFECT_AUTH, S3_SECRET)
BUCKET = "mlflow"
VARIABLES = {
    "POSTGRES_PASSWORD": DATABASE_PASSWORD,
    "PREFECT_AUTH": PREFECT_AUTH,
    "MLFLOW_PASSWORD": ADMIN_PASSWORD,
    "MLFLOW_FORMS_KEY": "s3cret-of-the-forms",
    "STORE_PASSWORD": S3_SECRET,
}

# What this process has for its own tests, and what a person's shell has not.
_OURS = ("PREFECT_API_URL", "PREFECT_HOME", "PREFECT_LOCAL_STORAGE_PATH", "MLFLOW_TRACKING_URI")
_OURS += ("PREFECT_LOGGING_TO_API_ENABLED", "TEMPER_HOME")


class Team:
    """PostgreSQL, a store, Prefect and MLflow, on ports of their own.

    Args:
        folder: for logs and settings.
        database: an empty folder that PostgreSQL gets.
    """

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder = folder
        self.postgres = Postgres(database)
        self.ports = {name: free_port() for name in ("store", "prefect", "mlflow")}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.prefect = f"http://127.0.0.1:{self.ports['prefect']}/api"
        self.mlflow = f"http://127.0.0.1:{self.ports['mlflow']}"

    def start(self) -> None:
        """Start all of it, and wait until it answers."""
        self.postgres.start()
        self.start_store()
        subprocess.run(**self._words("bucket"), check=True)
        subprocess.run(**self._words("bucket"), check=True)  # as at each start: it is there
        self.start_servers()

    def start_store(self) -> None:
        """Start the stand-in of the object store, empty."""
        port = str(self.ports["store"])
        self._launch("store", [sys.executable, "-m", "moto.server", "-p", port], dict(os.environ))
        self._wait_for("store", f"http://127.0.0.1:{port}/moto-api/")

    def start_servers(self) -> None:
        """Start Prefect and MLflow."""
        self.launch("prefect")
        self.launch("mlflow")
        self._wait_for("prefect", f"{self.prefect}/health")
        self._wait_for("mlflow", f"{self.mlflow}/health")

    def launch(self, name: str, **variables: str) -> None:
        """Start a service, with more variables than the file gives it."""
        words = self._words(name)
        self._launch(name, words["args"], words["env"] | variables)

    def stop(self, *names: str) -> None:
        """Stop Prefect, MLflow or the store; all of them, and PostgreSQL, where none is named."""
        for name in names or ("worker", "prefect", "mlflow", "store"):
            process = self.running.pop(name, None)
            if process is not None:
                process.terminate()
                process.wait(timeout=30)
        if not names:
            self.postgres.stop()

    def log(self, name: str) -> str:
        """All that a server has said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def s3_bucket(self) -> Any:
        """The bucket of the artifacts."""
        store = boto3.resource(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.ports['store']}",
            aws_access_key_id=S3_KEY,
            aws_secret_access_key=S3_SECRET,
            region_name="us-east-1",
        )
        return store.Bucket(BUCKET)

    def environment(self, home: Path, user: str = ADMIN, password: str = "") -> dict[str, str]:
        """What a person sets to use these servers."""
        kept = {name: value for name, value in os.environ.items() if name not in _OURS}
        return kept | {
            "TEMPER_HOME": str(home),
            "PREFECT_API_URL": self.prefect,
            "PREFECT_API_AUTH_STRING": PREFECT_AUTH,
            "MLFLOW_TRACKING_URI": self.mlflow,
            "MLFLOW_TRACKING_USERNAME": user,
            "MLFLOW_TRACKING_PASSWORD": password or ADMIN_PASSWORD,
        }

    def add_user(self, name: str, password: str) -> None:
        """A person who is no administrator."""
        done = requests.post(
            f"{self.mlflow}/api/2.0/mlflow/users/create",
            json={"username": name, "password": password},
            auth=(ADMIN, ADMIN_PASSWORD),
            timeout=20,
        )
        assert done.status_code == 200, done.text

    def _words(self, name: str) -> dict[str, Any]:
        """Command and environment of a service, as `subprocess` names them."""
        service = Service(name, VARIABLES, self.ports | {"postgres": self.postgres.port})
        settings = self.folder / name
        settings.mkdir(exist_ok=True)
        kept = {key: value for key, value in os.environ.items() if key not in _OURS}
        kept |= {"PREFECT_HOME": str(settings)}
        return {"args": service.command(), "env": kept | service.environment(settings)}

    def _launch(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def _wait_for(self, name: str, address: str, seconds: float = 300) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.running[name].poll() is None:
            with contextlib.suppress(requests.RequestException):
                if requests.get(address, timeout=2).status_code == 200:
                    return
            time.sleep(0.2)
        raise AssertionError(f"no {name} at {address}: {self.log(name)[-2000:]}")


@contextlib.contextmanager
def team_servers(folder: Path, database: Path) -> Iterator[Team]:
    """Servers that are stopped afterwards, whatever comes."""
    team = Team(folder, database)
    try:
        team.start()
        yield team
    finally:
        with contextlib.suppress(AssertionError):  # it may not have come so far
            team.stop()
        shutil.rmtree(database, ignore_errors=True)
