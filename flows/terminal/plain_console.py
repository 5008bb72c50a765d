"""A console that shows the control characters of texts, and obeys none.

Texts, labels and names from data are printed; an escape sequence in them could clear the screen,
hide a message, or write to the clipboard.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from tasks.machinery.naming.markdown import visible


class PlainConsole(Console):
    """A console of rich; the styles and movements of rich itself are not text, and stay."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of something to print, with control characters made visible."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(visible(text), style)
