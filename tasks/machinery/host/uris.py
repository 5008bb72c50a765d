"""Paths in URIs, quoted in one place: a folder may be called `job%2Fbranch`, `what?` or `#1`.

SQLAlchemy takes what stands between `sqlite:///` and a question mark as the path, and unquotes
nothing. So a path with a question mark is handed to SQLite as a URI of its own, which SQLite
unquotes. It names the driver, since MLflow takes the rest of `sqlite:///` for a path and creates
its folder.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

_FILE = "file://"


def sqlite_uri(file: Path, driver: str = "") -> str:
    """The address of an SQLite database as SQLAlchemy reads it.

    Args:
        file: the database, by its absolute path.
        driver: such as `aiosqlite`; empty for SQLAlchemy's default.
    """
    scheme = f"sqlite+{driver}" if driver else "sqlite"
    if "?" not in str(file):
        return f"{scheme}:///{file}"
    return f"sqlite+{driver or 'pysqlite'}:///{file.as_uri()}?uri=true"


def existing_database(file: Path) -> str:
    """The URI by which `sqlite3` opens a database that exists, to read it.

    It is writable: a killed writer leaves a journal, which SQLite must roll back before it reads.
    `rw` creates no file, and reads a file that is write-protected.
    """
    return f"{file.absolute().as_uri()}?mode=rw"


def sqlite_file(uri: str) -> Path | None:
    """The file of an SQLite database by its address; None for any other address."""
    scheme, separator, rest = uri.partition(":///")
    path = rest.partition("?")[0]
    if scheme.partition("+")[0] != "sqlite" or not separator or path in ("", ":memory:"):
        return None
    return Path(unquote(path.removeprefix(_FILE)) if path.startswith(_FILE) else path)
