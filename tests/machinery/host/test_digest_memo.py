"""A digest is remembered only where a change would show; a memo that fails costs time, no more."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tasks.machinery.host import digest_memo
from tasks.machinery.host.digest_memo import SETTLED, digest_file, digest_files, verifying
from tasks.machinery.host.owner import FORGOTTEN

SIZE = 40_000_000

DIGEST = """
import sys
from pathlib import Path
from tasks.machinery.host.digest_memo import digest_file, verifying

def read() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])

file = Path(sys.argv[1])
with verifying(sys.argv[2]):
    before = read()
    found = digest_file(file)
    print(read() - before, found)
"""


@pytest.fixture(autouse=True)
def _forgetful(home: Path) -> None:
    """A process that knows nothing, with a state folder of its own."""
    digest_memo._known.clear()


@pytest.fixture(scope="module")
def settled(tmp_path_factory) -> Path:
    """A large file that nobody has written to for a while."""
    file = tmp_path_factory.mktemp("data") / "large.bin"
    file.write_bytes(os.urandom(1_000_000) * (SIZE // 1_000_000))
    time.sleep(SETTLED + 0.1)
    return file


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def in_a_process(file: Path, how: str = "quick") -> tuple[int, str]:
    """The bytes that a new process reads to tell a file's digest, and the digest."""
    command = [sys.executable, "-c", DIGEST, str(file), how]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    count, found = done.stdout.split()
    return int(count), found


def known(home: Path) -> int:
    with sqlite3.connect(home / "digests.db") as database:
        return database.execute("SELECT count(*) FROM digests").fetchone()[0]


def test_a_second_process_does_not_read_what_the_first_has_read(settled: Path) -> None:
    first, again = in_a_process(settled), in_a_process(settled)
    assert first[1] == again[1] == sha256(settled)
    assert first[0] >= SIZE
    assert again[0] < SIZE / 100


def test_a_full_verification_reads_every_byte_whatever_is_remembered(settled: Path) -> None:
    in_a_process(settled)
    read, found = in_a_process(settled, "full")
    assert read >= SIZE
    assert found == sha256(settled)


def test_a_moved_file_is_still_known_and_a_copied_one_is_not(settled: Path, tmp_path) -> None:
    link = tmp_path / "linked.bin"
    os.link(settled, link)  # changes ctime: read once more
    time.sleep(SETTLED + 0.1)
    digest_file(link)
    assert in_a_process(settled)[0] < SIZE / 100
    copy = tmp_path / "copy.bin"
    copy.write_bytes(settled.read_bytes())
    assert in_a_process(copy)[0] >= SIZE


def test_what_was_written_a_moment_ago_is_not_remembered(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "fresh.txt"
    file.write_text("a")
    digest_file(file)
    assert known(home) == 0
    time.sleep(SETTLED + 0.1)
    digest_file(file)
    assert known(home) == 1


def test_an_altered_byte_is_seen_although_size_and_mtime_are_as_before(tmp_path: Path) -> None:
    file = tmp_path / "data.txt"
    file.write_text("before")
    time.sleep(SETTLED + 0.1)
    before, times = digest_file(file), file.stat()
    file.write_text("beFore")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file.stat().st_mtime_ns == times.st_mtime_ns
    assert digest_file(file) != before
    assert digest_file(file) == sha256(file)


def test_what_nobody_has_asked_for_in_a_month_is_dropped(home: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("gone.txt", "asked for.txt", "new.txt")]
    for file in files:
        file.write_text(file.name)
    time.sleep(SETTLED + 0.1)
    gone, asked, new = files
    digest_file(gone)
    digest_file(asked)
    gone.unlink()
    with sqlite3.connect(home / "digests.db") as database:
        database.execute("UPDATE digests SET used = ?", (time.time() - FORGOTTEN - 1,))
    digest_memo._known.clear()
    digest_memo._memos.clear()  # as another process
    digest_file(asked)  # which takes a note of that
    digest_file(new)
    assert known(home) == 2
    identity = digest_memo.Identity.of(asked.stat())
    assert digest_memo._memo().get([identity]) == {identity: sha256(asked)}


def test_a_file_that_is_replaced_by_another_of_its_size_is_seen(tmp_path: Path) -> None:
    file, other = tmp_path / "data.txt", tmp_path / "other.txt"
    file.write_text("before")
    other.write_text("behind")
    time.sleep(SETTLED + 0.1)
    digest_file(file)
    other.replace(file)
    assert digest_file(file) == sha256(file)


def test_a_full_verification_is_not_fooled_by_a_wrong_memo_and_mends_it(
    home: Path, settled: Path
) -> None:
    digest_file(settled)
    identity = digest_memo.Identity.of(settled.stat())
    digest_memo._memo().put({identity: "0" * 64})  # as if a disk had changed bytes by itself
    digest_memo._known.clear()
    assert digest_file(settled) == "0" * 64
    with verifying("full"):
        assert digest_file(settled) == sha256(settled)
    assert digest_file(settled) == in_a_process(settled)[1] == sha256(settled)


def test_an_entry_that_was_garbled_is_not_believed(home: Path, settled: Path) -> None:
    digest_file(settled)
    with sqlite3.connect(home / "digests.db") as database:
        database.execute("UPDATE digests SET digest = ?", ("0" * 64,))
    digest_memo._known.clear()
    assert digest_file(settled) == sha256(settled)


@pytest.mark.parametrize("garbage", [b"", b"no database at all " * 1000, b"SQLite format 3\0" * 99])
def test_a_damaged_memo_is_made_anew(garbage: bytes, home: Path, settled: Path) -> None:
    (home / "digests.db").write_bytes(garbage)
    assert in_a_process(settled)[1] == sha256(settled)
    assert in_a_process(settled)[0] < SIZE / 100


def test_a_memo_of_another_version_is_made_anew(home: Path, settled: Path) -> None:
    with sqlite3.connect(home / "digests.db") as database:
        database.execute("CREATE TABLE digests (something TEXT)")
    assert digest_file(settled) == sha256(settled)
    assert known(home) == 1


def test_a_locked_memo_does_not_hold_anybody_up(home: Path, settled: Path, tmp_path) -> None:
    digest_file(settled)
    digest_memo._known.clear()
    with sqlite3.connect(home / "digests.db") as database:
        database.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        assert digest_file(settled) == sha256(settled)
        for number in range(100):
            (tmp_path / f"{number}.txt").write_text(str(number))
            digest_file(tmp_path / f"{number}.txt")
        assert time.monotonic() - begun < 5


def test_a_memo_that_cannot_be_opened_is_done_without(home: Path, settled: Path) -> None:
    (home / "digests.db").mkdir()
    assert digest_file(settled) == sha256(settled)


def test_a_memo_that_cannot_grow_is_done_without(home: Path, settled: Path) -> None:
    code = f"""
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
sys.argv[1:] = [{str(settled)!r}, "quick"]
{DIGEST}"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split()[1] == sha256(settled), done.stderr


def test_without_a_state_folder_nothing_is_made(
    tmp_path: Path, settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPER_HOME", str(tmp_path / "not yet"))
    assert digest_file(settled) == sha256(settled)
    assert not (tmp_path / "not yet").exists()


def test_a_state_folder_that_is_removed_meanwhile_does_no_harm(home: Path, settled: Path) -> None:
    import shutil

    digest_file(settled)
    shutil.rmtree(home)
    digest_memo._known.clear()
    assert digest_file(settled) == sha256(settled)
    home.mkdir()
    digest_memo._known.clear()
    digest_file(settled)
    assert known(home) == 1


def test_many_processes_share_a_memo(home: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.txt" for number in range(100)]
    for file in files:
        file.write_text(file.name)
    time.sleep(SETTLED + 0.1)
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        found = pool.map(_digest_all, [files] * 8, chunksize=1)
    assert found == [[sha256(file) for file in files]] * 8
    assert known(home) == len(files)


def _digest_all(files: list[Path]) -> list[str]:
    return [digest_file(file) for file in files]


def test_many_threads_share_a_memo(home: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.txt" for number in range(40)]
    for file in files:
        file.write_text(file.name)
    time.sleep(SETTLED + 0.1)
    threads = [
        threading.Thread(target=lambda: [digest_file(file) for file in files]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert known(home) == len(files)
    assert [digest_file(file) for file in files] == [sha256(file) for file in files]


def test_many_files_are_looked_up_and_noted_together(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement for each file took most of the 30 s that 100,000 small files took."""
    monkeypatch.setattr(digest_memo, "SETTLED", 0.0)
    files = [tmp_path / f"{number}.txt" for number in range(1_200)]
    for number, file in enumerate(files):
        file.write_text(f"text {number}")
    right = [sha256(file) for file in files]
    statements: list[str] = []
    monkeypatch.setattr(
        digest_memo.Memo,
        "_execute",
        lambda self, *given, _real=digest_memo.Memo._execute: (
            statements.append(given[1].split()[0]) or _real(self, *given)
        ),
    )
    assert digest_files(files) == right
    assert known(home) == 1_200
    assert sorted(statements) == ["DELETE", *["INSERT"] * 3, *["SELECT"] * 3]
    digest_memo._known.clear()
    digest_memo._memos.clear()  # as another process
    monkeypatch.setattr(digest_memo, "_read", lambda path: pytest.fail(f"reads {path}"))
    assert digest_files(files) == right
    files[700].write_text("new text of another size")
    monkeypatch.undo()
    assert digest_files(files[:701])[700] == sha256(files[700])
