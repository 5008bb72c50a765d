"""The database of MLflow in a new state folder, copied: MLflow takes seconds to make one.

In the proof of the demo the command makes it itself.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

from tasks.machinery.host.uris import sqlite_uri


@cache
def _empty() -> Path:
    """An empty database of this MLflow."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = Path(tempfile.mkdtemp(prefix="temper-mlflow-"))
    SqlAlchemyStore(sqlite_uri(folder / "mlflow.db"), (folder / "mlartifacts").as_uri())
    return folder / "mlflow.db"


def make_state_folder(home: Path) -> None:
    """Make a state folder with an empty database of MLflow, if there is none."""
    if home.exists():
        return
    home.mkdir(mode=0o700, parents=True)
    shutil.copy(_empty(), home / "mlflow.db")
    with closing(sqlite3.connect(home / "mlflow.db")) as database, database:
        place = (home / "mlartifacts" / "0").as_uri()
        database.execute("UPDATE experiments SET artifact_location = ?", (place,))
