"""One computation at a time: a dead owner is gone at once here, and after its lease elsewhere."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.contract import StageError
from tasks.machinery.store.fingerprint import digest
from tasks.machinery.store.lease import Owner, beside
from tasks.machinery.store.store import Store

LEASE = 3.0
KEY = {"stage": "toy", "part": {}, "inputs": {}, "code": {}, "libraries": {}}
FINGERPRINT = digest(KEY)

# Holds the fingerprint until a line comes; then completes it, or says why it cannot.
HOLDER = f"""
import sys
from pathlib import Path
from tasks.machinery.store.fingerprint import digest
from tasks.contract import StageError
from tasks.machinery.store.store import Store

key = {KEY!r}
store = Store(Path(sys.argv[1]), lease={LEASE})
try:
    with store.locked("toy", digest(key), experiment="theirs") as folder:
        writing = store.begin(folder)
        (writing / "who.txt").write_text("child")
        print("held", flush=True)
        sys.stdin.readline()
        store.complete(folder, key, {{}}, {{}}, 1.0)
        print("completed", flush=True)
except StageError as error:
    print("refused:", error, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", lease=LEASE)


class Holder:
    """A process that holds the fingerprint."""

    def __init__(self, store: Store, *before: str) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [*before, sys.executable, "-c", HOLDER, str(store.root)],
            stdin=pipe,
            stdout=pipe,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "held\n"

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def go_on(self) -> str:
        return self.process.communicate("\n", timeout=30)[0].strip()


@pytest.fixture
def holder(store: Store) -> Iterator[Holder]:
    """A process on this host that holds the fingerprint."""
    made = Holder(store)
    yield made
    made.process.kill()
    made.process.wait()


@pytest.fixture
def foreigner(store: Store) -> Iterator[Holder]:
    """A process on another host, by its name, that the kernel's lock of this one does not reach."""
    set_name = 'hostname elsewhere && exec "$@"'
    if subprocess.run(["unshare", "--uts", "hostname", "elsewhere"], check=False).returncode:
        pytest.skip("needs the right to have another host name")
    made = Holder(store, "unshare", "--uts", "sh", "-c", set_name, "sh")
    beside(store.folder("toy", FINGERPRINT), ".lock").unlink()  # out of the reach of its flock
    yield made
    made.process.kill()
    made.process.wait()


def take(store: Store, waited_for: list[str]) -> str:
    """Hold and complete the fingerprint; what the artifact says."""
    with store.locked("toy", FINGERPRINT, waited_for.append, experiment="mine") as folder:
        found = store.load("toy", FINGERPRINT)
        if found is None:
            (store.begin(folder) / "who.txt").write_text("parent")
            found = store.complete(folder, KEY, {}, {}, 1.0)
        return (found.path / "who.txt").read_text()


def test_a_killed_owner_is_taken_over_within_seconds(store: Store, holder: Holder) -> None:
    holder.send(signal.SIGKILL)
    holder.process.wait()
    begun, waited_for = time.monotonic(), list[str]()
    assert take(store, waited_for) == "parent"
    assert time.monotonic() - begun < 2
    assert waited_for == []


def test_who_waits_is_told_for_whom_and_then_gets_what_was_computed(
    store: Store, holder: Holder
) -> None:
    waited_for: list[str] = []
    threading.Timer(1.5, lambda: holder.process.communicate("\n")).start()
    assert take(store, waited_for) == "child"
    [told] = waited_for
    assert told.startswith(f"theirs toy: process {holder.process.pid} on {os.uname().nodename}, ")
    assert f"since {time.strftime('%H')}" in told
    assert (
        f"It holds {beside(store.folder('toy', FINGERPRINT), '.lock')}; this run continues" in told
    )
    assert told.endswith(f"(`kill {holder.process.pid}` stops it)")


def test_who_waits_is_not_told_to_kill_a_process_that_held_it_before(
    store: Store, holder: Holder
) -> None:
    folder, waited_for = store.folder("toy", FINGERPRINT), list[str]()
    holder.send(signal.SIGKILL)  # its owner file stays
    holder.process.wait()
    with beside(folder, ".lock").open("a") as lock:  # the next one, before it says who it is
        fcntl.flock(lock, fcntl.LOCK_EX)
        threading.Timer(1, fcntl.flock, (lock, fcntl.LOCK_UN)).start()
        assert take(store, waited_for) == "parent"
    assert waited_for[0].endswith(f"(`fuser {beside(folder, '.lock')}` finds it)")


def test_a_suspended_owner_on_this_host_is_waited_for(store: Store, holder: Holder) -> None:
    holder.send(signal.SIGSTOP)
    waited_for: list[str] = []
    taken = threading.Thread(target=take, args=(store, waited_for))
    taken.start()
    taken.join(LEASE * 2)
    assert taken.is_alive()
    assert len(waited_for) == 1
    holder.send(signal.SIGCONT)
    assert holder.go_on() == "completed"
    taken.join(10)
    assert not taken.is_alive()


def test_a_living_owner_on_another_host_is_waited_for(store: Store, foreigner: Holder) -> None:
    waited_for: list[str] = []
    begun = time.monotonic()
    threading.Timer(LEASE * 2, lambda: foreigner.process.communicate("\n")).start()
    assert take(store, waited_for) == "child"
    assert time.monotonic() - begun >= LEASE * 2
    assert "on elsewhere, since" in waited_for[0]
    assert (
        f"{beside(store.folder('toy', FINGERPRINT), '.lease')}; this run continues" in waited_for[0]
    )
    assert waited_for[0].endswith("or 3 s after its last sign of life")


def test_a_dead_owner_on_another_host_is_taken_over_after_its_lease(
    store: Store, foreigner: Holder
) -> None:
    foreigner.send(signal.SIGKILL)
    foreigner.process.wait()
    begun, waited_for = time.monotonic(), list[str]()
    assert take(store, waited_for) == "parent"
    assert LEASE <= time.monotonic() - begun < LEASE * 2
    assert len(waited_for) == 1


def test_an_owner_that_was_taken_over_puts_nothing_in_place(
    store: Store, foreigner: Holder
) -> None:
    foreigner.send(signal.SIGSTOP)  # a laptop that sleeps
    with store.locked("toy", FINGERPRINT, experiment="mine") as folder:
        (store.begin(folder) / "who.txt").write_text("parent")
        foreigner.send(signal.SIGCONT)
        said = foreigner.go_on()
        assert said.startswith("refused: theirs toy was taken over by mine toy: process ")
        assert "Nothing is corrupted" in said
        artifact = store.complete(folder, KEY, {}, {}, 1.0)
    assert (artifact.path / "who.txt").read_text() == "parent"
    assert artifact.damage() is None
    assert not (folder / "owner.json").exists()


def test_an_owner_finds_out_at_once_that_it_was_taken_over(store: Store) -> None:
    """The next look of the lease's own thread would be a third of its duration away."""
    with store.locked("toy", FINGERPRINT, experiment="mine") as folder:
        store.check_held(folder)
        lease = beside(folder, ".lease")
        text = lease.read_text().replace(f"pid={os.getpid()}", "pid=1")
        token = next(line for line in text.splitlines() if line.startswith("token="))
        lease.unlink()
        lease.write_text(text.replace(token, "token=another"))
        with pytest.raises(StageError, match="was taken over by process 1 on"):
            store.check_held(folder)


# Is killed between creating its lease and writing it.
KILLED = HOLDER.replace(
    "import sys\n",
    """import os, signal, sys
from filelock import SoftFileLease

SoftFileLease._write_lock_info = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
""",
    1,
)


def test_a_lease_that_was_never_written_is_nobodys(store: Store) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(store.root)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert beside(store.folder("toy", FINGERPRINT), ".lease").read_bytes() == b""
    waited_for: list[str] = []
    assert take(store, waited_for) == "parent"
    assert waited_for == []


@pytest.mark.parametrize("left", [b"", b"\0" * 8, b"filelock/2\npid=1", b"\xff\xfe"])
def test_a_lease_that_a_power_cut_garbled_is_nobodys(
    store: Store, monkeypatch, left: bytes
) -> None:
    monkeypatch.setattr("tasks.machinery.store.lease._UNWRITTEN", 0.2)
    lease = beside(store.folder("toy", FINGERPRINT), ".lease")
    lease.parent.mkdir(parents=True)
    lease.write_bytes(left)
    with store.locked_now("toy", FINGERPRINT) as whose:
        assert whose == ""
    lease.write_bytes(left)
    waited_for: list[str] = []
    assert take(store, waited_for) == "parent"
    assert waited_for == []


def test_a_lease_of_a_later_version_is_left_alone(store: Store) -> None:
    lease = beside(store.folder("toy", FINGERPRINT), ".lease")
    lease.parent.mkdir(parents=True)
    lease.write_text("filelock/9\nowner=somebody\n")
    with store.locked_now("toy", FINGERPRINT) as whose:
        assert whose
    assert lease.read_text() == "filelock/9\nowner=somebody\n"


def test_a_lease_of_another_duration_is_reported_not_broken(store: Store) -> None:
    with store.locked("toy", FINGERPRINT) as folder:
        lease = beside(folder, ".lease").read_text()
    foreign = lease.replace(f"duration={LEASE}", "duration=500.0").replace("host=", "host=not-")
    beside(folder, ".lease").write_text(foreign)
    with (
        pytest.raises(
            StageError, match=r"another version of Temper is computing toy.*delete .*/toy"
        ),
        store.locked("toy", FINGERPRINT),
    ):
        pass
    assert beside(folder, ".lease").read_text() == foreign


def test_a_folder_that_is_freed_while_somebody_waits_is_made_again(store: Store) -> None:
    waited_for: list[str] = []
    with store.locked("toy", FINGERPRINT) as folder:
        taken = threading.Thread(target=take, args=(store, waited_for))
        taken.start()
        while not waited_for:
            time.sleep(0.05)
        shutil.rmtree(folder)
        beside(folder, ".lock").unlink()
    taken.join(10)
    assert store.load("toy", FINGERPRINT) is not None


def test_nothing_is_left_of_a_hold(store: Store) -> None:
    take(store, [])
    names = {path.name for path in store.folder("toy", FINGERPRINT).iterdir()}
    assert names == {"output", "manifest.json"}
    assert not beside(store.folder("toy", FINGERPRINT), ".lease").exists()


def test_an_owner_of_another_day_is_named_with_the_date() -> None:
    values = Owner.this_process("demo pretraining").model_dump(mode="json")
    old = Owner(**json.loads(json.dumps(values | {"since": "2026-01-05T12:03:00+00:00"})))
    assert "05 January" in str(old)
