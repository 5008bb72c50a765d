"""A PostgreSQL server in a folder of its own, as the tests of a team's servers need one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import free_port

USER, PASSWORD = "temper", "s3cret-of-the-database"
DATABASES = ("prefect", "mlflow", "mlflow_auth")
INSTALL = "apt-get install -y postgresql"


def program(name: str) -> str:
    """Where a program of PostgreSQL is: Debian keeps those of the server out of the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda at: int(at.parent.name))
    found = shutil.which(name, path=os.pathsep.join(map(str, reversed(folders)))) or shutil.which(
        name
    )
    if found is None:
        required = "postgresql" in os.environ.get("TEMPER_TEST_REQUIRES", "").split()
        (pytest.fail if required else pytest.skip)(
            f"no PostgreSQL: {name} is not installed ({INSTALL})"
        )
    return found


class Postgres:
    """A server on 127.0.0.1 that asks for a password, with the databases of a team.

    Args:
        folder: an empty folder for all that it keeps; it becomes the server's.
    """

    def __init__(self, folder: Path) -> None:
        self.data, self.log = folder / "data", folder / "postgres.log"
        self.port = free_port()
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")

    def start(self) -> None:
        """Start it; the first time, make its data and its databases."""
        new = not self.data.is_dir()
        if new:
            self._make()
        options = f"-p {self.port} -k '' -c listen_addresses=127.0.0.1 -c max_connections=200"
        self._as_owner("pg_ctl", "-D", self.data, "-l", self.log, "-w", "-o", options, "start")
        if new:
            for name in DATABASES:
                self.client("createdb", name)

    def stop(self) -> None:
        """Stop it, even with open connections."""
        self._as_owner("pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")

    def uri(self, database: str, driver: str = "") -> str:
        """A database as SQLAlchemy names it; the password comes from PGPASSWORD."""
        return f"postgresql{driver}://{USER}@127.0.0.1:{self.port}/{database}"

    def client(self, name: str, *words: str | Path) -> str:
        """Call one of PostgreSQL's client programs; what it says."""
        known = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": USER}
        done = subprocess.run(
            [program(name), *map(str, words)],
            env=os.environ | known | {"PGPASSWORD": PASSWORD},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _make(self) -> None:
        secret = self.data.with_name("password")
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(secret, "postgres")
        words = ["-D", self.data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}"]
        self._as_owner("initdb", *words)
        secret.unlink()

    def _as_owner(self, name: str, *words: str | Path) -> None:
        """Run a program of the server: root may not."""
        command = [program(name), *map(str, words)]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/"
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"
