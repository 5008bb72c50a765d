"""How much memory this process has used at most."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path


def peak() -> float:
    """The largest resident set so far, in megabytes."""
    if sys.platform == "linux":  # where `getrusage` begins with that of the process that started it
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024 / 1e6
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / 1e6 if sys.platform == "darwin" else size * 1024 / 1e6
