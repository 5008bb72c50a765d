"""Python source as a syntax tree, in any thread."""

from __future__ import annotations

import ast
import threading

ATTEMPTS = 100
_LOCK = threading.Lock()


def parse(source: bytes) -> ast.Module:
    """The syntax tree of a module.

    Python 3.11 counts the depth of the tree that it builds once per process. Where two threads
    parse at once, either may raise a SystemError about a "recursion depth mismatch", although the
    source is right (see CPython's issue 106905). The lock keeps threads of Temper apart; libraries
    parse too, so after such an error the source is parsed again.

    Raises:
        SyntaxError: this Python cannot parse the source.
        ValueError: the source contains null bytes.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with _LOCK:
                return ast.parse(source)
        except SystemError:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")
