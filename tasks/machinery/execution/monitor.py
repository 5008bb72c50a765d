"""Reports of a stage while it works, passed on to the terminal, MLflow, Prefect and a file."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tasks.contract import Draw, with_warning
from tasks.machinery.execution.display import Display, Reached
from tasks.machinery.execution.loss_line import LossLine
from tasks.machinery.orchestration.progress import Progress
from tasks.machinery.store.checkpoints import newest_checkpoint, step_of
from tasks.machinery.tracking.outage import Rest
from tasks.machinery.tracking.recording import (
    PICTURES,
    pictures_by_step,
    read_curve,
    replay,
)
from tasks.machinery.tracking.tracked_run import TrackedRun

_SHOW_EVERY = 0.2  # seconds, on the terminal
_PUBLISH_EVERY = 5.0  # seconds, in Prefect: each is a request


class StageMonitor:
    """The monitor of a stage that runs in a flow.

    Args:
        title: its name for people.
        folder: folder of the artifact: metrics by step are stored there too.
        run: the stage's run in MLflow; None while that is unreachable.
        display: the terminal.
        check: raises if the folder is no longer this process's; called every few seconds.
        draw: draws what the stage looks at; None of a stage that looks at nothing.
    """

    def __init__(
        self,
        title: str,
        folder: Path,
        run: TrackedRun | None,
        display: Display,
        check: Callable[[], None] = lambda: None,
        *,
        draw: Draw | None = None,
    ) -> None:
        self.title, self.run, self.display, self._check = title, run, display, check
        self._draw, self._seen = draw, list[Any]()
        self._folder = folder
        self._one_at_a_time = threading.Lock()  # a point, or a run that is opened late
        self.checkpoints: Path | None = folder / "checkpoints"
        self.facts: dict[str, str | float] = {}
        self._loss = LossLine()
        self._file = folder / "metrics.jsonl"
        self._go_on()
        self._unit, self._since, self._from = "", time.monotonic(), 0
        self._shown = self._published = 0.0
        self._left: float | None = None
        self._progress = Progress()
        for _, _, values in read_curve(self._file):
            self._loss.add(values)

    def _go_on(self) -> None:
        """Truncate the curve at the checkpoint that training resumes from, and send it to MLflow.

        Later steps are recomputed to the same values. A step that MLflow has is not sent again; a
        step that was lost in a kill is sent.
        """
        checkpoint = newest_checkpoint(self.checkpoints) if self.checkpoints else None
        last = step_of(checkpoint) if checkpoint else 0
        curve = list(read_curve(self._file))
        kept = [point for point in curve if point[0] <= last]
        # A validation comes after the checkpoint of its step, so it may run twice.
        self._known = {(step, name) for step, _, values in kept for name in values if step == last}
        partial = self._file.with_suffix(".partial")
        partial.write_text("".join(_line(*point) for point in kept))
        partial.replace(self._file)
        for step, picture in pictures_by_step(self._folder).items():
            if step > last:
                picture.unlink()
        if self.run is not None:
            replay(self.run, self._file)

    def _send(self, step: int, values: Mapping[str, float]) -> None:
        now = time.time()
        with self._one_at_a_time:
            with self._file.open("a") as file:
                file.write(_line(step, now, values))
            if self.run is not None:
                self.run.log(step, values, now)

    @contextlib.contextmanager
    def taking_up(self, begin: Callable[[], TrackedRun | None]) -> Iterator[None]:
        """If MLflow was unreachable, keep trying to open the run while the block runs."""
        ended = threading.Event()

        def attempt() -> None:
            while self.run is None and not ended.wait(Rest.SECONDS):
                self._take_up(begin())

        thread = threading.Thread(target=attempt, name="taking up", daemon=True)
        if self.run is None:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            if thread.is_alive():
                thread.join(3)  # a run that it still opens gets its reports at the end

    def _take_up(self, run: TrackedRun | None) -> None:
        """Report to a run that was opened late what it missed."""
        if run is None:
            return
        with self._one_at_a_time:
            replay(run, self._file)
            run.note(self.facts)
            self.run = run

    def progress(self, done: int, total: int, unit: str) -> None:
        """Show how far the stage is, at most a few times a second."""
        now = time.monotonic()
        if unit != self._unit or done < self._from:  # a new phase has a pace of its own
            self._unit, self._since, self._from = unit, now, done
        moved = done - self._from
        known = total > 0 and moved > 0
        self._left = (now - self._since) / moved * (total - done) if known else None
        if now - self._shown > _SHOW_EVERY or done == total:
            self._shown = now
            reached = Reached(done, total, unit, self._left, self._loss.latest())
            self.display.progress(self.title, reached)
        if now - self._published > _PUBLISH_EVERY:
            self._published = now
            self._check()
            if total > 0:
                self._publish(done, total, unit)

    def _publish(self, done: int, total: int, unit: str) -> None:
        """Move the progress artifact in Prefect."""
        left = "" if self._left is None else f", about {self._left:.0f} s left"
        share = min(100.0, 100.0 * done / total)
        latest = f", {self._loss.latest()}" if self._loss.losses else ""
        self._progress.move(share, f"{self.title}: {done:,} of {total:,} {unit}{left}{latest}")

    def end(self) -> None:
        """Set the progress to complete, and show the curve of a training."""
        self._progress.end(f"{self.title}: complete")
        if whole := self._loss.whole():
            self.say(whole)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Store the metrics of a step and what was seen in it, and send both to MLflow."""
        while self._seen:
            self._picture(step, self._seen.pop())
        new = {name: value for name, value in metrics.items() if (step, name) not in self._known}
        if not new:
            return
        values = {name: float(value) for name, value in new.items()}
        self._loss.add(values)
        if self._left is not None:
            values["time_left"] = self._left
        self._send(step, values)

    def look(self, seen: Any) -> None:
        """Keep what is to be looked at until its step is known."""
        self._seen = [seen]

    def _picture(self, step: int, seen: Any) -> None:
        """Draw what was seen in a step, store it and send it to MLflow."""
        if self._draw is None:
            return
        file = self._folder / PICTURES / f"{step:08}.png"
        file.parent.mkdir(exist_ok=True)
        partial = file.with_suffix(".partial")
        self._draw(seen).save(partial, format="png")
        with self._one_at_a_time:
            partial.replace(file)
            if self.run is not None:
                self.run.picture(step, file)

    def note(self, **facts: str | float) -> None:
        """Store facts, and set them as tags of the run."""
        self.facts.update(facts)
        if self.run is not None:
            self.run.note(facts)

    def say(self, text: str) -> None:
        """Show a message on the terminal, and in Prefect's log."""
        self.display.remark(f"{self.title}: {text}")

    def warn(self, text: str) -> None:
        """Show a warning, and store it: a run that reuses the artifact shows it again."""
        self.note(warning=with_warning(self.facts, text))
        self.say(f"Warning: {text}")


def _line(step: int, at: float, values: Mapping[str, float]) -> str:
    """A point of the curve as it is stored."""
    return json.dumps({"step": step, "time": at, **values}) + "\n"
