"""`hf:NAME[@REVISION]`: resolving it to a commit on the Hugging Face Hub.

A commit identifies a data set or a tokenizer: a branch that moved is noticed, and a fixed revision
never changes. The commit is noted in the cache of the Hub's client, as the client notes it
(`refs/main`); where a person sets HF_HUB_OFFLINE, the one that was seen last counts. Imports are
light, since plans resolve names.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Literal

from tasks.contract import StageError

_NAME = r"\w[\w.-]*(?:/\w[\w.-]*)?"
_FORMS = {
    "dataset": (rf"{_NAME}(?::[\w.-]+)?", "hf:NAME[:CONFIGURATION][@REVISION]"),
    "model": (_NAME, "hf:NAME[@REVISION]"),
}
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SECONDS = 10.0  # to wait for the Hub's answer


def commit_of(location: str, field: str, kind: Literal["dataset", "model"]) -> dict[str, str]:
    """The commit, under the name as written. A full commit is accepted without a request.

    Raises:
        StageError: the name is malformed, the Hub has no such repository or revision, or the Hub
            is unreachable; offline, if no commit was seen before.
    """
    name, _, revision = location.removeprefix("hf:").partition("@")
    pattern, form = _FORMS[kind]
    if not re.fullmatch(pattern, name):
        raise StageError(f"{field}: {location!r} is not a name on the Hub; accepted: {form}")
    if _COMMIT.fullmatch(revision):
        return {name: revision}
    return {name: _asked(name.partition(":")[0], revision, kind, location, field)}


def _asked(name: str, revision: str, kind: str, location: str, field: str) -> str:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    fixed = f"hf:{name}@<40 hex digits>"
    try:
        info = HfApi().repo_info(name, repo_type=kind, revision=revision or None, timeout=_SECONDS)
    except RevisionNotFoundError:
        problem = f"the {kind} {name} has no revision {revision!r}"
    except GatedRepoError:
        problem = f"{name} is gated: ask for access on its page, then `hf auth login`"
    except RepositoryNotFoundError:
        problem = f"no {kind} {name!r} that you can access (a private one needs `hf auth login`)"
    except OfflineModeIsEnabled:
        if seen := _seen(name, revision, kind):
            return seen
        problem = (
            f"{location} is on the Hub, which is unreachable: HF_HUB_OFFLINE is set, and this "
            f"machine has not seen {name} yet. Unset it once, or give a folder"
        )
    except Exception as error:  # from any HTTP library that the Hub's client uses
        seen = _seen(name, revision, kind)
        instead = f"; HF_HUB_OFFLINE=1 takes the commit seen last, {seen[:12]}" if seen else ""
        problem = (
            f"the Hugging Face Hub is unreachable for {location} ({type(error).__name__}); "
            f"with a commit after the name, {fixed}, plans need no network{instead}"
        )
    else:
        _note(name, revision, kind, str(info.sha))
        return str(info.sha)
    raise StageError(f"{field}: {problem}")


def _noted(name: str, revision: str, kind: str) -> Path:
    """The file in which the client of the Hub notes the commit of a revision."""
    from huggingface_hub import constants

    folder = "--".join([f"{kind}s", *name.split("/")])
    return Path(constants.HF_HUB_CACHE) / folder / "refs" / (revision or "main")


def _seen(name: str, revision: str, kind: str) -> str:
    """The commit that a revision was seen at last on this machine; empty if it never was."""
    with suppress(OSError, UnicodeDecodeError):
        found = _noted(name, revision, kind).read_text().strip()
        return found if _COMMIT.fullmatch(found) else ""
    return ""


def _note(name: str, revision: str, kind: str, commit: str) -> None:
    """Note the commit of a revision; a cache that cannot be written is left as it is."""
    if _seen(name, revision, kind) == commit:
        return
    with suppress(OSError):
        file = _noted(name, revision, kind)
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_name(f"{file.name}.temper")
        aside.write_text(commit)
        aside.replace(file)


def require_answer(name: str, commit: str, kind: Literal["dataset", "model"]) -> None:
    """Check that the Hub answers: its clients try for minutes where it does not.

    Raises:
        StageError: it does not, or has not this commit.
    """
    if problem := why_unanswered(name, commit, kind):
        raise StageError(
            f"hf:{name}@{commit[:12]} cannot be read now ({problem}). Its rows are streamed from "
            "the Hub: if that is unreachable, run again later, or download it once "
            f"(`hf download {name} --repo-type {kind} --local-dir FOLDER`) and give the folder"
        )


def why_unanswered(name: str, commit: str, kind: Literal["dataset", "model"]) -> str:
    """Why the Hub does not answer about a commit, in a word; empty if it answers."""
    from huggingface_hub import HfApi

    try:
        HfApi().repo_info(name, repo_type=kind, revision=commit, timeout=_SECONDS)
    except Exception as error:  # from any HTTP library that the Hub's client uses
        return type(error).__name__
    return ""
