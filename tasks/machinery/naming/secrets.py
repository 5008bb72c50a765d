"""Taking credentials out of all that is printed, logged, tagged, raised or stored.

Two kinds are known. What an address carries is recognized by its form: `http://ada:PASSWORD@host`,
`postgresql://host/runs?password=PASSWORD`. The values of variables that hold a secret by their
name, such as `HF_TOKEN`, and the passwords in the addresses of variables are recognized wherever
they stand, since a library may print them alone.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast
from urllib.parse import quote, unquote, unquote_plus, urlsplit

HIDDEN = "***"
# Characters of a value that is recognized wherever it stands: a shorter one, or a short word, is
# also part of texts that have nothing to do with it.
SHORTEST, SHORTEST_WORD = 6, 8
_TOKEN = 16  # characters of a user's name that is a token

_SECRET_NAMES = re.compile(
    r"(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|AUTH_STRING|CONNECTION_STRING"
    r"|(^|_)(KEY|AUTH|PWD|PASS))$"
)
_ADDRESS_NAMES = re.compile(r"(URI|URL|ADDRESS|ENDPOINT|PROXY)$", re.IGNORECASE)
_SIGNED_IN = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/?#'\"<>`]*@")
_QUERY_NAMES = (
    r"(?:password|passwd|pwd|passphrase|secret|token|access_token|sslpassword|sig"
    r"|api_?key|(?:secret_)?access_?key|x-amz-\w+|account_?key)"
)
_QUERY = re.compile(rf"(?i)([?&;]{_QUERY_NAMES}=)[^&;\s'\"<>`#]*")
_HEADER = re.compile(r"(?i)(authorization\W{1,6}(?:Basic|Bearer)\s+)[^\s'\"]+")
# A word alone: not in another word, but after an escaped line break, `%3D` or a colour's code.
_ALONE = r"(?:(?<!\w)|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{{2}})|(?<=\dm)){}(?!\w)"


def redacted(text: str) -> str:
    """A text for people, without credentials."""
    for secret in _secrets():
        if not secret.isalpha():
            text = text.replace(secret, HIDDEN)
        elif secret in text:  # a word, which may also be a part of another
            text = re.sub(_ALONE.format(secret), HIDDEN, text)
    return _HEADER.sub(rf"\1{HIDDEN}", plain_addresses(text))


def plain_addresses(text: str) -> str:
    """A text whose addresses have no credentials; all the rest of it is as it was."""
    if "://" not in text:
        return text
    return _QUERY.sub(rf"\1{HIDDEN}", _SIGNED_IN.sub(r"\1", text))


def without_credentials(uri: str) -> str:
    """An address without user and password: what is shown, stored and compared."""
    plain = _SIGNED_IN.sub(r"\1", uri)
    for secret in filter(None, _in_address(plain)):  # a password that no address may have
        plain = plain.replace(secret, HIDDEN)
    kept, _, query = plain.partition("?")
    parts = [part for part in query.split("&") if not _QUERY.fullmatch(f"?{part}")]
    return f"{kept}?{'&'.join(parts)}" if any(parts) else kept


def sign_in_of(uri: str) -> tuple[str, str]:
    """User and password in an address; empty where it has none or cannot be read."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "", ""
    return unquote(parts.username or ""), unquote(parts.password or "")


def plain_values(value: Any) -> Any:
    """A JSON value whose texts have plain addresses."""
    if isinstance(value, str):
        return plain_addresses(value)
    if isinstance(value, dict):
        return {name: plain_values(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(each) for each in value]
    return value


def redact(problem: BaseException) -> None:
    """Take credentials out of an exception and of those that caused it, in place."""
    waiting, seen = [problem], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        each.args = tuple(_plain(part) for part in each.args)
        held = vars(each)  # such as MLflow's `message`, or what SQLAlchemy wraps
        held.update({name: _plain(part) for name, part in held.items()})
        behind = (each.__cause__, each.__context__, *each.args, *held.values())
        waiting += [other for other in behind if isinstance(other, BaseException)]


@contextlib.contextmanager
def redacting() -> Iterator[None]:
    """Take credentials out of what is raised in the block: Prefect stores it."""
    try:
        yield
    except BaseException as problem:
        redact(problem)
        raise


class _Record(logging.LogRecord):
    """A log record whose message and traceback contain no credentials."""

    def getMessage(self) -> str:  # noqa: N802  (logging's name)
        return redacted(super().getMessage())

    @property
    def exc_text(self) -> str | None:
        """The traceback, once it is formatted."""
        return self._traceback

    @exc_text.setter
    def exc_text(self, text: str | None) -> None:
        self._traceback = None if text is None else redacted(text)


def redact_logs() -> None:
    """Take credentials out of what this process logs from now on, in whatever logger."""
    logging.setLogRecordFactory(_Record)


class _Screen:
    """A text stream that writes no credentials."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(redacted(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def redact_output() -> None:
    """Take credentials out of what this process prints and logs from now on."""
    sys.stdout, sys.stderr = (
        stream if isinstance(stream, _Screen) else cast(TextIO, _Screen(stream))
        for stream in (sys.stdout, sys.stderr)
    )
    redact_logs()


def _plain(part: Any) -> Any:
    return redacted(part) if isinstance(part, str) else part


def _secrets() -> list[str]:
    """The secrets in the variables of this process as they may be printed, the longest first."""
    values = set[str]()
    for name, value in os.environ.items():
        if _SECRET_NAMES.search(name.upper()) and not os.path.exists(value):  # noqa: PTH110
            values |= {value, value.partition(":")[2]}
        if "://" in value or (_ADDRESS_NAMES.search(name) and "@" in value):
            values.update(_in_address(value))
    spelled = (form for value in values if _is_telling(value) for form in _forms(value))
    return sorted(filter(_is_telling, set(spelled)), key=len, reverse=True)


def _in_address(address: str) -> Iterator[str]:
    """The password in an address, or its user if that is all, and the secrets of its query."""
    rest = address.partition("://")[2] or address
    host, slash, _ = rest.partition("/")
    odd = slash and "@" not in host and ":" in host and not host.partition(":")[2].isdigit()
    signed = (rest if odd else host).rpartition("@")[0]  # odd: a `/` in the password
    user, _, password = signed.partition(":")
    is_token = not password and address.startswith("http") and len(user) >= _TOKEN
    yield user if is_token else password
    for found in _QUERY.finditer(address):
        yield found[0].removeprefix(found[1])


def _is_telling(value: str) -> bool:
    return len(value) >= (SHORTEST_WORD if value.isalpha() else SHORTEST)


def _forms(value: str) -> Iterator[str]:
    """A secret as it may stand in an address, in JSON or in code."""
    for each in (value, unquote(value), unquote_plus(value)):
        yield from (each, quote(each), quote(each, safe=""))
        yield from (json.dumps(each)[1:-1], repr(each)[1:-1])
