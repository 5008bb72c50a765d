"""Where the progress of a run is shown: a terminal, or only the log."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from prefect import get_run_logger
from prefect.exceptions import MissingContextError

from tasks.machinery.host.small_files import report_by

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reached:
    """How far a stage is.

    Attributes:
        done: of `total`, in `unit`s; a total of 0 is unknown.
        left: seconds; None while unknown.
        latest: the loss of a training, its trend and speed.
    """

    done: int
    total: int
    unit: str
    left: float | None = None
    latest: str = ""


class Display(Protocol):
    """Where progress is shown while an experiment runs."""

    def started(self, title: str) -> None:
        """A stage begins."""

    def progress(self, title: str, found: Reached) -> None:
        """Progress of a stage."""

    def finished(self, title: str, state: str, seconds: float, why: str) -> None:
        """A stage has ended as completed, cached or failed."""

    def interrupted(self, title: str, step: int) -> None:
        """A stage was interrupted; `step` is that of its newest checkpoint, 0 without one."""

    def say(self, text: str) -> None:
        """A warning for the person, beside the progress."""

    def remark(self, text: str) -> None:
        """A message that is not a warning."""


class Quiet:
    """A display that shows nothing: for flows without a terminal."""

    def started(self, title: str) -> None:
        """Show nothing."""

    def progress(self, title: str, found: Reached) -> None:
        """Show nothing."""

    def finished(self, title: str, state: str, seconds: float, why: str) -> None:
        """Show nothing."""

    def interrupted(self, title: str, step: int) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Write it to the log, which Prefect shows."""
        try:
            get_run_logger().warning(text)
        except MissingContextError:
            LOGGER.warning(text)

    def remark(self, text: str) -> None:
        """Write it to the log."""
        try:
            get_run_logger().info(text)
        except MissingContextError:
            LOGGER.info(text)


_display: Display = Quiet()


def show_on(display: Display) -> None:
    """Show the progress of the flows of this process on a display."""
    global _display  # noqa: PLW0603  (a flow's parameters are what a form shows: a display is not one)
    _display = display


def current_display() -> Display:
    """Where the flows of this process show their progress."""
    return _display


report_by(lambda text: current_display().say(text))
