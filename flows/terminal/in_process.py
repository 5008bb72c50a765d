"""Running a flow in this process, as commands do: progress, signals, and error messages."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer

from flows.terminal.plain_console import PlainConsole
from tasks.contract import StageError, UnreachableError
from tasks.machinery.host.home import home, make_home, require_addresses
from tasks.machinery.naming.cut import cut
from tasks.machinery.naming.paths import place

if TYPE_CHECKING:
    from flows.terminal.console import Terminal
    from tasks.machinery.execution.runner import StageFailedError

INVALID, FAILED, INTERRUPTED = 2, 1, 130
KEPT = "completed work is kept: run the same command again to resume"
_MEMORY = (
    "Stop other programs, raise the limit of this process (`ulimit -v`, a container's), or set "
    "fewer rows in batch_size"
)

Result = TypeVar("Result")

# A log file has no width: nothing in it may be truncated.
out = PlainConsole(soft_wrap=True, width=None if sys.stdout.isatty() else 200)
err = PlainConsole(stderr=True, soft_wrap=True)


def stop(lines: Sequence[str], status: int = INVALID) -> NoReturn:
    """End the program with messages on what is wrong."""
    for line in "\n".join(lines).splitlines():
        err.print(f"temper: {line}", style="red", markup=False, highlight=False)
    raise typer.Exit(status)


def require_writable(option: str, file: Path | None) -> None:
    """Check in advance that results can be written to a file; end the program if not."""
    if file is None:
        return
    folder = file.absolute().parent
    if not folder.is_dir():
        stop([f"{option} {file}: no folder {folder}"])
    if not os.access(file if file.exists() else folder, os.W_OK):
        stop([f"{option} {file}: not writable; accepted: a file in a folder you can write to"])


def require_given(file: str) -> None:
    """Check in advance that a file or a folder with rows is there; end the program if not."""
    if file != "-" and not place(file).exists():
        stop(
            [
                f"FILE: there is no file or folder {file}; accepted: a file with rows, or - for "
                "lines; for a model of pictures one, or a folder"
            ]
        )


def ready() -> None:
    """Check the addresses of the servers and that they answer, and create the state folder.

    Raises:
        StageError: an address is not valid, or the folder cannot be written.
        UnreachableError: a server does not answer.
    """
    from tasks.machinery.servers.reachable import require_reachable_servers

    require_addresses()
    make_home()
    require_reachable_servers()


def prepare() -> None:
    """The same; a mistake ends the program."""
    try:
        ready()
    except StageError as error:
        stop([str(error)], FAILED if isinstance(error, UnreachableError) else INVALID)


@contextmanager
def serving(console: PlainConsole) -> Iterator[Terminal]:
    """A server and a place for the progress of the flows that the block calls.

    Raises:
        StageError: no server can be started.
    """
    verb = "connecting to" if os.environ.get("PREFECT_API_URL") else "starting"
    console.print(f"{verb} Prefect and MLflow …", highlight=False)
    # The terminal shows our progress; Prefect's log lines go to its server, for the UI.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    from tasks.machinery.servers.temporary_server import temporary_server

    server = temporary_server()  # it starts while the libraries are imported
    from flows.terminal.console import Terminal
    from tasks.machinery.execution.display import current_display, show_on

    terminal, before = Terminal(console), current_display()
    server.wait()
    with terminal:
        show_on(terminal)
        try:
            yield terminal
        finally:
            show_on(before)


def in_process(flow: Callable[[], Result]) -> Result:
    """Call a flow with its progress in the terminal; any error ends the program."""
    prepare()
    signal.signal(signal.SIGTERM, _interrupt)
    where = "interrupted"
    try:
        with serving(out) as terminal:
            try:
                return flow()
            finally:
                where = terminal.interruption
    except StageError as error:
        stop([str(error)], FAILED)
    except Exception as error:
        stop(_why(error), FAILED)
    except KeyboardInterrupt:
        stop([f"{_who_interrupted()}{where}", KEPT], INTERRUPTED)


def _why(error: Exception) -> list[str]:
    """The message of an error that is not raised as a person's mistake."""
    from tasks.machinery.execution.runner import StageFailedError  # takes seconds: not before
    from tasks.machinery.host.full_disk import full_disk
    from tasks.machinery.tracking.outage import unanswered

    if isinstance(error, StageFailedError):
        return _failure(error)
    known = full_disk(error, home()) or denied(error) or unanswered(error)
    said = known or f"{type(error).__name__}: {error}"
    return [str(said), KEPT]


def denied(error: BaseException) -> str:
    """The message if the system denies access to a file; empty for other problems."""
    numbers = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG)
    if not isinstance(error, OSError) or error.errno not in numbers or not error.filename:
        return ""
    if error.errno == errno.ENAMETOOLONG:
        return f"{cut(str(error.filename), 80)}: the name is too long; accepted: a shorter one"
    return (
        f"{error.filename}: {os.strerror(error.errno).lower()}. The state folder is {home()}; to "
        "use one that you can write to, set TEMPER_HOME"
    )


def full(error: Exception) -> str:
    """The message if a disk is full; empty for other problems."""
    from tasks.machinery.host.full_disk import full_disk

    return str(full_disk(error, home()) or "")


def _failure(error: StageFailedError) -> list[str]:
    """The message of a mistake in a person's data; any other error with its type."""
    if isinstance(error.cause, StageError):
        return [str(error), f"completed work is kept: fix that, then {KEPT.partition(': ')[2]}"]
    if isinstance(error.cause, MemoryError):
        return [f"{error.title} failed: no memory is left. {_MEMORY}", KEPT]
    return [f"{error.title} failed: {type(error.cause).__name__}: {error.cause}", KEPT]


def _who_interrupted() -> str:
    """The cause of an interruption from outside this terminal, as the start of a line."""
    from tasks.machinery.host.interruption import why_stopped
    from tasks.machinery.servers.servers import are_stopping

    reason = why_stopped()
    if reason:
        return f"{reason}: "
    return "`temper up`, whose servers this run uses, is stopping: " * are_stopping()


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt
