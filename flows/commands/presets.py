"""`temper presets`: the shipped experiments."""

from __future__ import annotations

from flows.presets.loading import presets as shipped
from flows.presets.loading import summary_of
from flows.terminal.in_process import out


def presets() -> None:
    """List the shipped experiments."""
    for name, file in shipped().items():
        out.print(f"[bold]{name}[/bold]  {summary_of(file)}", highlight=False)
