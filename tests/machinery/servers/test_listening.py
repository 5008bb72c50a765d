"""Where the servers listen, what they answer to, and the passwords that other machines need."""

from __future__ import annotations

import fnmatch
import socket

import pytest

from tasks.contract import StageError
from tasks.machinery.servers.listening import LOOPBACK, Listening
from tasks.machinery.servers.stack import Stack

PASSWORDS = {
    "PREFECT_API_AUTH_STRING": "ada:long-enough-1",
    "MLFLOW_TRACKING_USERNAME": "ada",
    "MLFLOW_TRACKING_PASSWORD": "long-enough-2",
}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.7", "localhost", "::1"])
def test_this_machine_alone_needs_no_password(monkeypatch, address: str) -> None:
    for name in PASSWORDS:
        monkeypatch.delenv(name, raising=False)
    Listening(address).require_passwords()


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.7.7", "gpu-box"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, None) for name in PASSWORDS),
        ("PREFECT_API_AUTH_STRING", "no-user-before-it"),
        ("PREFECT_API_AUTH_STRING", "ada:short"),
        ("PREFECT_API_AUTH_STRING", ":long-enough-1"),
        ("MLFLOW_TRACKING_PASSWORD", "short"),
    ],
)
def test_other_machines_need_each_password(monkeypatch, address, name, value) -> None:
    for each, password in (PASSWORDS | {name: value}).items():
        monkeypatch.delenv(each, raising=False)
        if password is not None:
            monkeypatch.setenv(each, password)
    with pytest.raises(StageError, match=f"--listen {address}.*: set {name}=") as caught:
        Listening(address).require_passwords()
    assert str(caught.value).count("=") == 1  # what is set already is not asked for
    assert not value or value not in str(caught.value)


def test_a_proxy_that_leads_here_needs_passwords_too(monkeypatch) -> None:
    for name in PASSWORDS:
        monkeypatch.delenv(name, raising=False)
    behind = Listening("127.0.0.1", ("board.example",))
    with pytest.raises(StageError, match=r"--host-name board\.example lets other machines"):
        behind.require_passwords()
    for name, password in PASSWORDS.items():
        monkeypatch.setenv(name, password)
    behind.require_passwords()
    stack = Stack({"prefect": 4200, "mlflow": 5000}, [], 1, print, behind)
    command = stack._command("mlflow")
    origins = command[command.index("--cors-allowed-origins") + 1].split(",")
    assert "https://board.example" in origins
    assert "basic-auth" in command


def test_with_passwords_other_machines_may_connect(monkeypatch) -> None:
    for name, password in PASSWORDS.items():
        monkeypatch.setenv(name, password)
    Listening("0.0.0.0").require_passwords()


def test_on_this_machine_only_its_own_names_are_answered() -> None:
    assert Listening().hosts == LOOPBACK
    assert Listening("127.0.0.1", ("board.example",)).hosts == (*LOOPBACK, "board.example")


def test_other_machines_use_the_names_and_addresses_of_this_one() -> None:
    here = Listening("0.0.0.0", ("board.example", "FD00::7"))
    assert {*LOOPBACK, socket.gethostname().lower(), "board.example", "[fd00::7]"} < {*here.hosts}
    assert "0.0.0.0" not in here.hosts
    assert here.reached_at == "127.0.0.1"
    assert Listening("::").reached_at == "[::1]"
    assert Listening("192.168.7.7").reached_at == "192.168.7.7"


@pytest.mark.parametrize(
    ("host", "is_answered"),
    [
        ("127.0.0.1:5000", True),
        ("[::1]:5000", True),
        ("localhost", True),
        ("board.example:80", True),
        ("10.evil.example", False),
        ("192.168.evil.example:5000", False),
        (":5000", False),
    ],
)
def test_mlflow_answers_to_the_same_names(host: str, is_answered: bool) -> None:
    from mlflow.server.security_utils import is_allowed_host_header

    listed = Listening("127.0.0.1", ("board.example",)).mlflow_hosts().split(",")
    assert is_allowed_host_header(listed, host) == is_answered
    assert not fnmatch.fnmatch("evil", listed[-1])


def test_mlflows_pages_on_other_machines_may_write() -> None:
    origins = Listening("0.0.0.0", ("board.example",)).mlflow_origins(5000).split(",")
    assert {"http://board.example:5000", "https://board.example"} < {*origins}
    assert f"http://{socket.gethostname().lower()}:5000" in origins
