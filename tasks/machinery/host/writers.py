"""Whether a process can change a file now without changing its times.

A store through a shared memory map sets the times of a file only when a page becomes writable, not
at each store after that. So while a file is mapped for writing, equal times do not mean equal
bytes.

The kernel grants a read lease on a file only if nobody has it open for writing, in any process; a
map counts, also after its descriptor was closed. Where a lease is not permitted (the file belongs
to somebody else), not supported (network file systems, other systems than Linux) or denied for
another reason than a writer (NFS without a delegation, SMB without an oplock), the maps of those
processes are searched that this one may read. A writer on another host, or of another user, is then
not found; where there is no /proc, none is.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import time
from pathlib import Path

_LASTING = 1.0  # seconds that the list of mapped files is believed
_LEASING = ("nfs", "nfs4", "cifs", "smb3")  # whose server decides on leases
_mapped: tuple[float, frozenset[str]] = (float("-inf"), frozenset())


def has_writer(descriptor: int, path: Path) -> bool:
    """Whether a process has a file open or mapped for writing.

    Args:
        descriptor: of the file, open for reading alone.
        path: of the file.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return _is_mapped(path)
    try:
        # If the file is opened meanwhile, the kernel sends a signal: one that is ignored
        # (SIGURG) instead of one that ends the process (SIGIO). Set each time: the end of a lease
        # resets it.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        refused = error.errno == errno.EAGAIN and _file_system(path) not in _LEASING
        return refused or _is_mapped(path)
    return False


def _file_system(path: Path) -> str:
    """The type of the file system that a file is on; empty if unknown."""
    place, kind, longest = Path(os.path.realpath(path)), "", -1
    for line in _mounts():
        _, mounted, this, *_ = line.split(" ")
        mount = Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), mounted))
        if place.is_relative_to(mount) and len(mount.parts) >= longest:  # the last one covers
            kind, longest = this, len(mount.parts)
    return kind


def _mounts() -> list[str]:
    try:
        return Path("/proc/self/mounts").read_text(errors="replace").splitlines()
    except OSError:
        return []


def _is_mapped(path: Path) -> bool:
    global _mapped  # noqa: PLW0603  (a list for all files of a folder)
    if time.monotonic() - _mapped[0] > _LASTING:
        _mapped = time.monotonic(), _mapped_files()
    return os.path.realpath(path) in _mapped[1]


def _mapped_files() -> frozenset[str]:
    """The files that processes have mapped shared and writable, as far as that can be read."""
    found = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        try:
            lines = maps.read_text(errors="replace").splitlines()
        except OSError:  # of another user, or ended
            continue
        for line in lines:
            _, rights, *_, place = [*line.split(maxsplit=5), ""][:6]
            if rights.endswith("s") and "w" in rights and place:
                found.add(place)
    return frozenset(found)
