"""What is looked up by name: a wrong one is an error with the accepted names."""

from __future__ import annotations

from typing import TypeVar

from tasks.machinery.naming.spelling import nearest

Content = TypeVar("Content")

_MOST = 20  # names in a message


class UnknownNameError(KeyError):
    """There is nothing of that name."""

    def __str__(self) -> str:
        """The message, which a KeyError would show in quotes."""
        return str(self.args[0])


class Named(dict[str, Content]):
    """A dictionary whose error names what there is.

    Args:
        what: it contains, in a word, for the message.
        items: by name.
    """

    def __init__(self, what: str, items: dict[str, Content]) -> None:
        super().__init__(items)
        self.what = what

    def __missing__(self, name: object) -> Content:
        listed = ", ".join([*list(self)[:_MOST], *(["…"] if len(self) > _MOST else [])])
        raise UnknownNameError(
            f"no {self.what} {name!r}{nearest(str(name), self)}. Accepted: {listed or 'none'}"
        )
