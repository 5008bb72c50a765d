"""Data sets of the Hub, as far as they can be tried without a network."""

import pytest

from tasks.machinery.stage import StageError
from tasks.sources import resolve


def test_without_a_network_a_plan_says_so_at_once(tmp_path):
    import huggingface_hub.constants as hub

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "HF_HUB_OFFLINE", True)
        with pytest.raises(
            StageError, match=r"corpus.source: hf:a/b is on the Hub.*HF_HUB_OFFLINE"
        ):
            resolve("hf:a/b", "corpus.source")


def test_a_commit_is_its_own_identity_and_needs_no_network():
    commit = "0123456789" * 4
    assert resolve(f"hf:owner/name@{commit}", "corpus.source").identity == {"owner/name": commit}


def test_a_name_that_cannot_be_one_is_told():
    with pytest.raises(StageError, match="hf:OWNER/NAME"):
        resolve("hf:a/b/c", "corpus.source")
