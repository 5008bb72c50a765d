"""The tags that Temper sets in MLflow, all of them: on runs, models and versions of models.

Those that end in `_OF` begin the names of several tags: `temper.stage.finetuning library`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# What a run is, and what it belongs to.
STAGE = "temper.stage"  # the stage, or what kind of run: experiment, pretrain, comparison, …
EXPERIMENT = "temper.experiment"  # of a run, its identity; of a version of a model, the name
FINGERPRINT = "temper.fingerprint"
RUN_NAME = "temper.run_name"
INPUT_OF = "temper.input."
VERSIONS = "temper.versions"  # of the libraries: `numpy 2.4, torch 2.13`
COMPARED_OF = "temper.compares."
GIT_CLEAN = "temper.git.clean"
GIT_COMMIT = "mlflow.source.git.commit"  # MLflow's own, which its page shows
PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"  # shown as Markdown on the page of a run
FLOW_RUN_ID, FLOW_RUN_NAME = "temper.flow_run_id", "temper.flow_run_name"
FLOW_RUN_URL = "temper.flow_run_url"  # where a server shows the flow run

STAGE_OF = "temper.stage."  # what an experiment consists of (`UsedStage`); ends in a stage's title
TEST_ROWS_OF = "temper.test_rows."  # digest of a problem's test rows; ends in its name
RESULTS = "temper.results"  # the same for two runs with the same artifacts
STAGES = "temper.stages"
# MLflow's filter for runs of experiments and of single parts, without the runs of their stages.
IS_WHOLE = f"tags.`{EXPERIMENT}` LIKE '%'"

# Who owns a run, and how it went.
OWNER, SEEN = "temper.process", "temper.seen"
RESUMED = "temper.resumed"
REASON = "temper.reason"

# Where a version of a registered model comes from.
ARTIFACT = "temper.artifact"
MODEL_DIGEST = "temper.model_digest"
RECIPE = "temper.recipe"  # digest of sources, values, code and libraries
KIND = "temper.kind"  # the problem that it solves, or pretraining
PROBLEM = "temper.problem"
RUN_ID = "temper.run_id"
COMMIT = "temper.commit"
DATA_OF = "temper.data."

# What was decided about it; on a run of a retraining, about which registered model.
MODEL = "temper.model"
MOVING = "temper.moving"
DECISION_OF = "temper.decision."
DECISION_RUN_ID = "temper.decision_run_id"
OUTCOME, BY, WHEN = "temper.outcome", "temper.by", "temper.when"
REASONS, GAIN, RULE = "temper.reasons", "temper.gain", "temper.rule"

# Tags that are read back and compared, and are made of no text that may contain a secret.
_IDENTITIES = {STAGE, EXPERIMENT, FINGERPRINT, PARENT, FLOW_RUN_ID, RESULTS, OWNER, SEEN}
_IDENTITIES |= {ARTIFACT, MODEL_DIGEST, RECIPE, RUN_ID, DECISION_RUN_ID}
_BEGIN_IDENTITIES = (STAGE_OF, TEST_ROWS_OF, INPUT_OF, DATA_OF)
# Of runs that were recorded earlier: three tags for each stage.
_ARTIFACT_OF, _DIGEST_OF = "temper.artifact.", "temper.digest."


@dataclass(frozen=True)
class UsedStage:
    """A stage of an experiment, as a tag of the experiment's run states it.

    Attributes:
        state: completed or cached.
        run_id: the run in MLflow that computed it.
        artifact: its artifact, `stage/fingerprint`; empty if unknown.
        digest: the start of the digest of what it wrote; empty if unknown.
    """

    state: str
    run_id: str
    artifact: str = ""
    digest: str = ""

    def __str__(self) -> str:
        """The value of the tag: `cached: dataset/e7a1…, digest 8922…, run cfec…`."""
        return f"{self.state}: {self.artifact}, digest {self.digest}, run {self.run_id}"


def used_stages(tags: Mapping[str, str]) -> dict[str, UsedStage]:
    """The stages of an experiment, by title, from the tags of its run."""
    found = {}
    for title, text in named(tags, STAGE_OF).items():
        words = text.split()
        if len(words) == 6:
            artifact, digest = words[1].rstrip(","), words[3].rstrip(",")
        else:
            artifact = tags.get(f"{_ARTIFACT_OF}{title}", "")
            digest = tags.get(f"{_DIGEST_OF}{title}", "")
        if words:
            found[title] = UsedStage(words[0].rstrip(":"), words[-1], artifact, digest)
    return found


def is_identity(name: str) -> bool:
    """Whether a tag is compared with others, so that no part of it may be replaced."""
    return name in _IDENTITIES or name.startswith(_BEGIN_IDENTITIES)


def versions_text(libraries: Mapping[str, str]) -> str:
    """The versions of libraries as the tag states them."""
    return ", ".join(f"{name} {version}" for name, version in sorted(libraries.items()))


def artifact_name(tags: Mapping[str, str]) -> str:
    """`stage/fingerprint` of the artifact that a stage's run computed; empty for other runs."""
    fingerprint = tags.get(FINGERPRINT)
    return f"{tags.get(STAGE, '')}/{fingerprint[:32]}" if fingerprint else ""


def named(tags: Mapping[str, str], start: str) -> dict[str, str]:
    """The tags whose names begin so, by the rest of the name."""
    return {k.removeprefix(start): value for k, value in tags.items() if k.startswith(start)}
