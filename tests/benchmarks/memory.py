"""How much memory this process has used at most."""

from __future__ import annotations

import resource
import sys


def peak() -> float:
    """The largest resident set so far, in megabytes."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / 1e6 if sys.platform == "darwin" else size * 1024 / 1e6
