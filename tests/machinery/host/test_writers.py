"""A file that is written through a memory map keeps its times, and is not believed."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.contract import StageError
from tasks.experiment.corpus import Corpus
from tasks.machinery.host import digest_memo
from tasks.machinery.host.digest_memo import SETTLED, Identity, digest_file, verifying
from tasks.machinery.host.writers import has_writer
from tasks.sources import resolve

WRITER = """
import mmap, sys
file = open(sys.argv[1], "r+b")
mapped = mmap.mmap(file.fileno(), 0)
file.close()
mapped[0] = ord("a")  # from now on the page is writable
print("mapped", flush=True)
for line in sys.stdin:
    mapped[0] = ord(line[0])
    print("written", flush=True)
"""


class Writer:
    """A process that has a file mapped for writing, its descriptor closed."""

    def __init__(self, file: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.wait()

    def wait(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline()

    def write(self, letter: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{letter}\n")
        self.process.stdin.flush()
        self.wait()


@contextmanager
def writing(file: Path) -> Iterator[Writer]:
    writer = Writer(file)
    time.sleep(SETTLED + 0.1)  # its times are as old as those of a file that nobody writes to
    try:
        yield writer
    finally:
        writer.process.communicate()


@pytest.fixture
def file(home: Path, tmp_path: Path) -> Path:
    digest_memo._known.clear()
    file = tmp_path / "text.txt"
    file.write_text("a text of a few words\n")
    return file


def is_written(file: Path) -> bool:
    with file.open("rb") as opened:
        return has_writer(opened.fileno(), file)


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_store_through_a_map_is_seen_although_the_times_stay(file: Path) -> None:
    with writing(file) as writer:
        before, times = digest_file(file), Identity.of(file.stat())
        writer.write("b")
        assert Identity.of(file.stat()) == times, "this file system shows it: nothing to test"
        assert digest_file(file) == sha256(file) != before
        with verifying("full"):
            digest_file(file)
            writer.write("c")
            assert digest_file(file) == sha256(file)
    assert digest_file(file) == sha256(file)
    digest_memo._known.clear()
    identity = Identity.of(file.stat())
    assert digest_memo._memo().get([identity]) == {identity: sha256(file)}, "it is remembered now"


def test_a_source_that_is_written_through_a_map_while_it_is_read_is_refused(file: Path) -> None:
    with writing(file) as writer:
        source = resolve(str(file), "corpus.source", "text")
        writer.write("b")
        with pytest.raises(StageError, match=r"text\.txt was changed after the run was planned"):
            list(source.documents(Corpus(), lambda *_: None))


def test_a_full_verification_reads_sources_again(file: Path) -> None:
    time.sleep(SETTLED + 0.1)
    right = resolve(str(file), "corpus.source", "text").identity
    digest_memo._memo().put({Identity.of(file.stat()): "0" * 64})
    digest_memo._known.clear()
    assert resolve(str(file), "corpus.source", "text").identity["text.txt"] == "0" * 64
    with verifying("full"):
        assert resolve(str(file), "corpus.source", "text").identity == right


def test_writers_are_found_and_readers_are_none(file: Path) -> None:
    with file.open("rb"):
        assert not is_written(file)
    with file.open("ab"):
        assert is_written(file)
    assert not is_written(file)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EINVAL])
def test_without_leases_the_maps_of_processes_are_searched(
    file: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "fcntl", refuse)  # a file of somebody else, a network file system
    monkeypatch.setattr("tasks.machinery.host.writers._LASTING", 0.0)
    assert not is_written(file)
    with writing(file):
        assert is_written(file)


@pytest.mark.parametrize("kind", ["nfs4", "ext4"])
def test_a_lease_that_a_server_denies_tells_of_no_writer(
    file: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def deny(*_: object) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    mounts = ["/dev/sda / xfs rw 0 0", f"server:/data {file.parent} {kind} rw 0 0"]
    monkeypatch.setattr(fcntl, "fcntl", deny)  # NFS without a delegation
    monkeypatch.setattr("tasks.machinery.host.writers._mounts", lambda: mounts)
    assert is_written(file) == (kind == "ext4")


def test_a_system_without_leases_has_its_maps_searched(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("F_SETLEASE", "F_SETSIG"):
        monkeypatch.delattr(fcntl, name)
    monkeypatch.setattr("tasks.machinery.host.writers._LASTING", 0.0)
    assert not is_written(file)
    with writing(file):
        assert is_written(file)


def test_writers_that_come_at_the_same_moment_end_no_process(file: Path) -> None:
    """The kernel breaks a lease with a signal, which must not be one that ends the process."""
    code = f"""
from pathlib import Path
from tasks.machinery.host.writers import has_writer
file = Path({str(file)!r})
with file.open("rb") as opened:
    for _ in range(20_000):
        has_writer(opened.fileno(), file)
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    while process.poll() is None:
        os.close(os.open(file, os.O_WRONLY))
    assert process.returncode == 0
