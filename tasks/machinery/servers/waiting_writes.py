"""Writes to the SQLite database of Prefect's server wait for each other instead of failing.

Prefect begins most of its transactions as DEFERRED. One that has read, and writes after another one
has written, fails at once: SQLite cannot let it wait, since what it read is old
(SQLITE_BUSY_SNAPSHOT, https://www.sqlite.org/isolation.html). The server answers 503. Programs ask
again; its pages show "Oops. Something went wrong". A transaction that begins as IMMEDIATE waits for
its turn before it reads, up to the minute of Prefect's setting.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any


def have_writes_wait() -> None:
    """Begin every transaction that Prefect asks for as IMMEDIATE; reads alone ask for none."""
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin = AioSqliteConfiguration.begin_transaction

    @asynccontextmanager
    async def begin_transaction(self: Any, session: Any, **_: Any) -> AsyncGenerator[Any, None]:
        async with begin(self, session, with_for_update=True) as transaction:
            yield transaction

    setattr(AioSqliteConfiguration, "begin_transaction", begin_transaction)  # noqa: B010  (mypy)
