"""Many processes that run the command at once on one state folder: `python -m tests.team.crowd`.

They are forked from one that has imported all that the command needs: what they do is what twenty
people do, and the machine is not busy with importing twenty times.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

from tasks.machinery.host.home import make_home
from tasks.machinery.servers.environment import prepare_environment
from tests.support.forking import LIBRARIES

HEAVY = (*LIBRARIES, "transformers.trainer", "flows.experiment", "flows.commands.main")


def run(words: list[str], log: Path) -> None:
    """Run the command in this process, which ends with its status."""
    with log.open("w") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    sys.argv = ["temper", *words]
    from flows.commands.main import main

    main()


def crowd(calls: list[list[str]], folder: Path) -> list[int]:
    """Fork a process for each call, all before the first ends; their statuses."""
    pids = []
    for number, words in enumerate(calls):
        pid = os.fork()
        if pid == 0:
            run(words, folder / f"{number}.txt")
            sys.exit(0)
        pids.append(pid)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


if __name__ == "__main__":
    prepare_environment()
    make_home()
    for name in HEAVY:
        importlib.import_module(name)
    folder = Path(sys.argv[2])
    folder.mkdir()
    print(json.dumps(crowd(json.loads(Path(sys.argv[1]).read_text()), folder)))
