"""A stand-in of the Hugging Face Hub: as much of its HTTP interface as its clients ask for.

    with hub_of({"models": {"team/tiny": folder}, "datasets": {"team/moods": folder}}) as hub:
        environment = os.environ | hub.environment

A repository is a folder; its commit is the digest of its files, so that a change of them moves the
branch `main`. Earlier commits stay available.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

KINDS = ("models", "datasets")


class Repository:
    """A folder of files, and its earlier commits.

    Args:
        name: such as `team/tiny`.
        files: the folder.
        kept: a folder for the copies of its commits.
    """

    def __init__(self, name: str, files: Path, kept: Path) -> None:
        self.name, self.files, self.kept = name, files, kept

    def commit(self) -> str:
        """The commit of the files as they are now."""
        found = hashlib.sha1()
        for file in sorted(each for each in self.files.rglob("*") if each.is_file()):
            found.update(str(file.relative_to(self.files)).encode() + b"\0" + file.read_bytes())
        commit = found.hexdigest()
        if not (self.kept / commit).is_dir():
            shutil.copytree(self.files, self.kept / commit)
        return commit

    def at(self, revision: str) -> tuple[str, Path] | None:
        """The commit of a revision, and its files; None if there is none."""
        commit = self.commit() if revision == "main" else revision
        return (commit, self.kept / commit) if (self.kept / commit).is_dir() else None


class Hub:
    """The server.

    Attributes:
        repositories: by their kind and name.
        asked: the path of each request.
    """

    def __init__(self, repositories: Mapping[tuple[str, str], Repository], cache: Path) -> None:
        self.repositories, self.cache = repositories, cache
        self.asked: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            # HTTP/1.0: no connection outlives its request, so that a stopped hub is unreachable

            def do_GET(self) -> None:
                hub.asked.append(self.path)
                hub.answer(self, b"")

            do_HEAD = do_GET  # noqa: N815

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                hub.asked.append(self.path)
                hub.answer(self, body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def address(self) -> str:
        """What `HF_ENDPOINT` is to be."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which clients ask this hub, and cache in a folder of its own."""
        return {
            "HF_ENDPOINT": self.address,
            "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(self.cache),
            "HF_DATASETS_CACHE": str(self.cache / "datasets"),
            "HF_HUB_DISABLE_XET": "1",
        }

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer a request by its path."""
        address = urlsplit(request.path)
        words = [unquote(word) for word in address.path.strip("/").split("/")]
        if words[0] == "api" and len(words) > 2 and words[1] in KINDS:
            self._api(request, words[1], words[2:], parse_qs(address.query), body)
        elif "resolve" in words:
            kind = words.pop(0) if words[0] in KINDS else "models"
            place = words.index("resolve")
            self._file(request, kind, "/".join(words[:place]), words[place + 1 :])
        else:
            self._refuse(request, "EntryNotFound")

    def _api(
        self,
        request: BaseHTTPRequestHandler,
        kind: str,
        words: list[str],
        query: Mapping[str, list[str]],
        body: bytes,
    ) -> None:
        name, rest = "/".join(words[:2]), words[2:]
        repository = self.repositories.get((kind, name))
        if repository is None:
            return self._refuse(request, "RepoNotFound", 401)
        verb, *after = rest or ["revision"]
        found = repository.at(after[0] if after else "main")
        if found is None:
            return self._refuse(request, "RevisionNotFound")
        commit, folder = found
        files = sorted(each for each in folder.rglob("*") if each.is_file())
        entries = [_entry(file, folder) for file in files]
        if verb == "revision":
            siblings = [{"rfilename": each["path"]} for each in entries]
            facts = {"id": name, "sha": commit, "siblings": siblings, "private": False, "tags": []}
            return _send(request, facts | {"gated": False, "disabled": False, "downloads": 0})
        if verb == "tree":
            below = "/".join(after[1:])
            recursive = query.get("recursive", ["false"])[0].lower() in ("true", "1")
            inside = [*_folders(files, folder), *entries]
            inside = [each for each in inside if _is_below(each["path"], below, recursive)]
            return _send(request, inside)
        if verb == "paths-info":
            try:
                wanted = json.loads(body)["paths"]
            except ValueError:
                wanted = parse_qs(body.decode())["paths"]
            return _send(request, [each for each in entries if each["path"] in wanted])
        if verb == "refs":
            branch = {"name": "main", "ref": "refs/heads/main", "targetCommit": commit}
            return _send(request, {"branches": [branch], "converts": [], "tags": []})
        return self._refuse(request, "EntryNotFound")

    def _file(
        self, request: BaseHTTPRequestHandler, kind: str, name: str, words: list[str]
    ) -> None:
        repository = self.repositories.get((kind, name))
        if repository is None:
            return self._refuse(request, "RepoNotFound", 401)
        found = repository.at(words[0])
        if found is None:
            return self._refuse(request, "RevisionNotFound")
        commit, folder = found
        file = folder.joinpath(*words[1:])
        if not file.is_file():
            return self._refuse(request, "EntryNotFound", commit=commit)
        content = file.read_bytes()
        headers = {
            "ETag": f'"{hashlib.sha1(content).hexdigest()}"',
            "X-Repo-Commit": commit,
            "Accept-Ranges": "bytes",
        }
        asked = request.headers.get("Range", "")
        if asked.startswith("bytes="):
            begin, _, end = asked.removeprefix("bytes=").partition("-")
            first, last = int(begin), min(int(end or len(content) - 1), len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            return _send(request, content[first : last + 1], 206, headers)
        return _send(request, content, 200, headers)

    def _refuse(
        self, request: BaseHTTPRequestHandler, code: str, status: int = 404, commit: str = ""
    ) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": code}
        _send(
            request,
            {"error": code},
            status,
            headers | ({"X-Repo-Commit": commit} if commit else {}),
        )


def _folders(files: Iterable[Path], root: Path) -> list[dict[str, Any]]:
    """The folders of files, as entries of a tree."""
    found = {each for file in files for each in file.relative_to(root).parents} - {Path()}
    paths = sorted(each.as_posix() for each in found)
    oids = [hashlib.sha1(path.encode()).hexdigest() for path in paths]
    return [
        {"type": "directory", "path": path, "size": 0, "oid": oid}
        for path, oid in zip(paths, oids, strict=True)
    ]


def _is_below(path: str, folder: str, recursive: bool) -> bool:
    """Whether a path is in a folder; "" is that of the repository."""
    rest = path.removeprefix(f"{folder}/") if folder else path
    return (not folder or rest != path) and (recursive or "/" not in rest)


def _entry(file: Path, folder: Path) -> dict[str, Any]:
    content = file.read_bytes()
    path = file.relative_to(folder).as_posix()
    oid = hashlib.sha1(content).hexdigest()
    return {"type": "file", "path": path, "size": len(content), "oid": oid}


def _send(
    request: BaseHTTPRequestHandler,
    found: Any,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> None:
    content = found if isinstance(found, bytes) else json.dumps(found).encode()
    request.send_response(status)
    kind = "application/octet-stream" if isinstance(found, bytes) else "application/json"
    for name, value in {"Content-Type": kind, **(headers or {})}.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(content)


@contextmanager
def hub_of(folders: Mapping[str, Mapping[str, Path]], kept: Path) -> Iterator[Hub]:
    """A hub with these repositories, by kind and name, while the block runs."""
    repositories = {
        (kind, name): Repository(name, folder, kept / kind / name)
        for kind, named in folders.items()
        for name, folder in named.items()
    }
    hub = Hub(repositories, kept / "cache")
    thread = threading.Thread(target=hub.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.server.shutdown()
        hub.server.server_close()
