"""The split that folders and names of files say."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from tasks.data.rows import Split
from tasks.sources.folders import SPLIT_WORDS

_WORDS = re.compile(r"[a-z]+")


def split_of_folders(name: str) -> Split:
    """The split that a folder in the name of a file says, such as `images/train2017/7.jpg`.

    The file itself may be called anything: `crash test 2.png` is in no split.
    """
    folders = (each.lower().rstrip("0123456789") for each in PurePosixPath(name).parts[:-1])
    return next((SPLIT_WORDS[each] for each in folders if each in SPLIT_WORDS), "")


def split_of_list(name: str) -> Split:
    """The split that a file about many pictures is for, such as `instances_train2017.json`."""
    words = _WORDS.findall(PurePosixPath(name).stem.lower())
    found: Split = next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), "")
    return split_of_folders(name) or found
