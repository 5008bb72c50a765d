"""Progress in Prefect's UI, reported in the background: a dead server delays no step."""

from __future__ import annotations

import contextlib
import contextvars
import threading
import uuid
import warnings

PATIENCE = 2.0  # seconds


class Progress:
    """A progress artifact of the task run in whose context it is created."""

    def __init__(self) -> None:
        # If the task has just ended, its last move belongs to the flow run.
        warnings.filterwarnings("ignore", "Artifact creation outside of a flow", FutureWarning)
        self._artifact: uuid.UUID | None = None
        self._thread: threading.Thread | None = None

    def move(self, share: float, text: str) -> None:
        """Set it to a share, in percent; skipped while the previous report is being sent."""
        if self._thread is not None and self._thread.is_alive():
            return
        inside = contextvars.copy_context()  # the context names the task run
        self._thread = threading.Thread(
            target=inside.run, args=(self._tell, share, text), name="progress", daemon=True
        )
        self._thread.start()

    def end(self, text: str) -> None:
        """Set it to 100 % if it was shown; waits for a server only for seconds."""
        if self._thread is None:
            return
        self._thread.join(PATIENCE)
        self.move(100.0, text)
        self._thread.join(PATIENCE)

    def _tell(self, share: float, text: str) -> None:
        from prefect.artifacts import create_progress_artifact, update_progress_artifact

        with contextlib.suppress(Exception):  # a failed report must not stop the work
            if self._artifact is None:
                made = create_progress_artifact(progress=share, description=text)
                self._artifact = made if isinstance(made, uuid.UUID) else None
            else:
                update_progress_artifact(self._artifact, progress=share, description=text)
