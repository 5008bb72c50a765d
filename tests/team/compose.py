"""`mlflow/compose.yaml` as a person's environment makes it, and its services without containers."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[2] / "mlflow" / "compose.yaml"
# ${NAME:?what it is} and ${NAME:-default}; a default may be another variable.
VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])((?:[^{}]|\$\{[^{}]*\})*))?\}")


def compose() -> dict[str, Any]:
    """The file as it is written."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


def filled(text: str, given: Mapping[str, str]) -> str:
    """A text with its variables replaced, as Compose does it."""

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if given.get(name):
            return given[name]
        assert kind == "-", f"{name} is to be set: {rest}"
        return filled(rest, given)

    return VARIABLE.sub(value, text).replace("$$", "$")


class Service:
    """A service of the file, to be run on this machine.

    Args:
        name: which.
        given: the variables of the person who runs it.
        ports: where each service of the file is here.
    """

    def __init__(self, name: str, given: Mapping[str, str], ports: Mapping[str, int]) -> None:
        self.name, self.given, self.ports = name, given, ports
        self.values = compose()["services"][name]

    def here(self, text: str) -> str:
        """A text in which other services are called by their address on this machine."""
        found = filled(text, self.given)
        for name, port in self.ports.items():
            found = re.sub(rf"(?<=[/@]){name}:\d+", f"127.0.0.1:{port}", found)
        return found

    def command(self) -> list[str]:
        """What it runs, with this Python."""
        first, *rest = [self.here(str(word)) for word in self.values["command"]]
        start = [sys.executable] if first == "python" else [sys.executable, "-m", first]
        words = [word.replace("0.0.0.0", "127.0.0.1") for word in rest]
        if "ports" in self.values:
            inside = self.values["ports"][0].rpartition(":")[2]
            at = rf"\g<1>{self.ports[self.name]}"
            words = [re.sub(rf"^(--port=)?{inside}$", at, word) for word in words]
        return [*start, *words]

    def environment(self, folder: Path) -> dict[str, str]:
        """Its variables; what it gets as files is written to a folder."""
        found = {key: self.here(value) for key, value in self.values["environment"].items()}
        for each in self.values.get("configs", []):
            file = folder / Path(each["target"]).name
            file.write_text(self.here(compose()["configs"][each["source"]]["content"]))
            found = {k: str(file) if v == each["target"] else v for k, v in found.items()}
        return found
