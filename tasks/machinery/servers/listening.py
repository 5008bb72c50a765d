"""Where the servers listen, the host names they answer to, and the passwords that demands."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import socket
from dataclasses import dataclass

import psutil

from tasks.contract import StageError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
SHORTEST = 12  # characters of a password, which MLflow demands too

PREFECT_SIGN_IN = "PREFECT_API_AUTH_STRING"
MLFLOW_USER, MLFLOW_PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"


@dataclass(frozen=True)
class Listening:
    """Where the servers listen.

    Attributes:
        address: an address or a name of this machine; 0.0.0.0 or :: for all of them.
        names: host names that lead here, beside those that the machine knows of itself.
    """

    address: str = LOOPBACK[0]
    names: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine can connect."""
        found = _ip(self.address)
        return self.address == "localhost" or (found is not None and found.is_loopback)

    @property
    def is_private(self) -> bool:
        """Whether nobody else reaches the servers. Under another host name a proxy leads here."""
        return self.is_local and not self.names

    @property
    def reached_at(self) -> str:
        """The host by which programs of this machine connect."""
        found = _ip(self.address)
        if found is not None and found.is_unspecified:
            return LOOPBACK[0] if found.version == 4 else LOOPBACK[2]
        return _in_url(self.address)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that requests may name, without ports. All others could be a foreign page's."""
        found = [*LOOPBACK, self.reached_at, *map(_in_url, self.names)]
        if not self.is_local:
            found += [socket.gethostname(), socket.getfqdn(), *map(_in_url, _addresses())]
        return tuple(dict.fromkeys(each.lower() for each in found))

    def mlflow_hosts(self) -> str:
        """The same as MLflow wants them: with and without any port, and a bracket as a pattern."""
        patterns = (f"{host.replace('[', '[[]', 1)}:*" for host in self.hosts)
        return ",".join([*self.hosts, *patterns])

    def mlflow_origins(self, port: int) -> str:
        """The addresses of MLflow's own pages: it knows none but those of 127.0.0.1."""
        ends = [f"http://{host}:{port}" for host in self.hosts]
        return ",".join([*ends, *(f"https://{name}" for name in self.names)])

    def require_passwords(self) -> None:
        """Check that others cannot connect without a password.

        Raises:
            StageError: they could; the message says what to set.
        """
        if self.is_private:
            return
        named = f"--host-name {self.names[0]}" if self.is_local else f"--listen {self.address}"
        missing = []
        user, _, password = os.environ.get(PREFECT_SIGN_IN, "").partition(":")
        if not user or len(password) < SHORTEST:
            missing.append(f"{PREFECT_SIGN_IN}=USER:PASSWORD")
        if not os.environ.get(MLFLOW_USER):
            missing.append(f"{MLFLOW_USER}=USER")
        if len(os.environ.get(MLFLOW_PASSWORD, "")) < SHORTEST:
            missing.append(f"{MLFLOW_PASSWORD}=PASSWORD")
        if missing:
            raise StageError(
                f"{named} lets other machines connect, and whoever connects can "
                f"run programs here: set {', '.join(missing)} first (passwords of at least "
                f"{SHORTEST} characters). Whoever uses the servers sets the same"
            )
        if importlib.util.find_spec("flask_wtf") is None:
            raise StageError(
                f"{named}: MLflow asks for passwords with the package flask-wtf, "
                "which is not installed: pip install 'temper[team]'"
            )


def _ip(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return None


def _in_url(address: str) -> str:
    """An address as a URL has it: IPv6 in brackets."""
    found = _ip(address)
    return f"[{found}]" if found is not None and found.version == 6 else address


def _addresses() -> list[str]:
    """The addresses of this machine."""
    found = (each for card in psutil.net_if_addrs().values() for each in card)
    kinds = (socket.AF_INET, socket.AF_INET6)
    return [each.address.partition("%")[0] for each in found if each.family in kinds]
