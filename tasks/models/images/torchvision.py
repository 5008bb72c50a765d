"""Whether a torchvision that is installed loads: Temper needs none, but transformers uses it."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec


def torchvision_problem() -> str:
    """Why models of pictures would not load here, and how to fix it; empty if they do.

    A torchvision beside a torch of another kind (CPU and CUDA) installs without a complaint, and
    then transformers cannot import any model of pictures. It is tried in a process of its own.
    """
    if find_spec("torchvision") is None:
        return ""
    done = subprocess.run(
        [sys.executable, "-c", "import torchvision"], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return ""
    said = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
    return (
        f"torchvision is installed here and does not load ({said[:200]}), so transformers cannot "
        "load models of pictures. Temper does not need it: `pip uninstall torchvision`, or install "
        "the one that was built for this torch"
    )
