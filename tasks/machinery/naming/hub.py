"""`hf:NAME[@REVISION]`: resolving it to a commit on the Hugging Face Hub.

A commit identifies a data set or a tokenizer: a branch that moved is noticed, and a fixed revision
never changes. Imports are light, since plans resolve names.
"""

from __future__ import annotations

import re
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
            is unreachable.
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
        problem = f"{location} is on the Hub, which is unreachable: HF_HUB_OFFLINE is set"
    except Exception as error:  # from any HTTP library that the Hub's client uses
        problem = (
            f"the Hugging Face Hub is unreachable for {location} ({type(error).__name__}); "
            f"with a commit after the name, {fixed}, plans need no network"
        )
    else:
        return str(info.sha)
    raise StageError(f"{field}: {problem}")
