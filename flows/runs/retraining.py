"""A retraining: check for anything new, run the experiment, judge, and decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.runs.judging import Judged, judge_challenger
from flows.runs.medium import AnyExperiment, AnyProblem, Medium, medium_of
from flows.runs.triggered_by import who_triggered
from flows.runs.work import run_stages
from tasks.contract import StageError
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.retraining import Rule
from tasks.machinery.execution.display import current_display
from tasks.machinery.execution.planner import Planner
from tasks.machinery.execution.summary import RunSummary
from tasks.machinery.host.digest_memo import Verification
from tasks.machinery.host.home import store_folder
from tasks.machinery.naming.title import Title
from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.fingerprint import digest
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.code_version import code_version
from tasks.machinery.tracking.decisions import WORDS, Recorded, why_nothing_new
from tasks.machinery.tracking.registry import Registry
from tasks.machinery.tracking.tags import (
    ARTIFACT,
    COMMIT,
    DATA_OF,
    EXPERIMENT,
    FINGERPRINT,
    GIT_COMMIT,
    KIND,
    MODEL_DIGEST,
    PROBLEM,
    RECIPE,
    RUN_ID,
)
from tasks.machinery.tracking.tracking import Tracking
from tasks.models.images.reader_file import read_pixels
from tasks.references.lineage import Lineage
from tasks.references.resolving import registered_model

KEYS = "keys.parquet"  # the hashes of pictures, by which copies are known


def recipe_digest(experiment: AnyExperiment, problem: AnyProblem) -> str:
    """A digest of the challenger's inputs: sources by content, values, code and libraries.

    It does not depend on the store: an artifact that was deleted there is not new.
    """
    medium = medium_of(experiment)
    with TemporaryDirectory() as empty:
        planner = Planner(Store(Path(empty)))
        medium.recipe(experiment, planner)
    steps = {step.title: step for step in planner.steps}
    judged = map(str, medium.titles(problem))
    return digest({title: steps[title].fingerprint for title in judged})


@dataclass(frozen=True)
class Retraining:
    """One retraining.

    Attributes:
        recipe: the digest of the challenger's inputs.
    """

    experiment: AnyExperiment
    problem: AnyProblem
    rule: Rule
    verify: Verification
    tracking: Tracking
    registry: Registry
    store: Store
    recipe: str

    @classmethod
    def of(
        cls,
        experiment: AnyExperiment,
        problem: AnyProblem,
        model: str,
        rule: Rule,
        verify: Verification,
    ) -> Retraining:
        """A retraining with the current sources."""
        tracking = Tracking(experiment.name, current_display().say)
        registry, store = Registry(tracking.client, model), Store(store_folder())
        made_of = recipe_digest(experiment, problem)
        return cls(experiment, problem, rule, verify, tracking, registry, store, made_of)

    @property
    def medium(self) -> Medium:
        """How the experiment is run."""
        return medium_of(self.experiment)

    @property
    def tested(self) -> tuple[str, ...]:
        """The files of the data that both models are compared on, and the majority baseline."""
        return self.medium.table(self.problem.kind).tested

    def run(self) -> State[dict[str, Any]]:
        """Check for anything new, run the experiment, judge and promote."""
        self.require_kind()
        why = self._nothing_new()
        if why:
            return nothing_new(why)
        self._require_same_pictures()
        medium = self.medium
        work, stages = medium.work_of(self.experiment), medium.stages_of(self.experiment)
        summary = run_stages(work, stages, [], self.verify)
        data, challenger = (
            summary.stage(title).artifact(self.store) for title in medium.titles(self.problem)
        )
        with self.registry.alone():  # concurrent retrainings decide one after the other
            why = self._known(challenger, data)
            if why:
                return nothing_new(why)
            judged = self._judge(summary, data, challenger)
            decision = self._decide(judged, summary, data, challenger)
        said = f"{WORDS[decision.outcome]}: version {decision.version} of {self.registry.name}"
        return Completed(
            message=f"{said}; {decision.reasons[0]}",
            data={"outcome": decision.outcome, "decision": decision.model_dump(mode="json")}
            | {"page": judged.page, "experiment": summary.as_json()},
        )

    def require_kind(self) -> None:
        """Check that the champion, or else the newest version, answers the same kind of problem.

        Raises:
            StageError: it answers another one.
        """
        versions, champion = self.registry.versions(), self.registry.champion()
        named = [each for each in versions if str(each.version) == champion] or versions[-1:]
        kind = named[0].tags.get(KIND, self.problem.kind) if named else self.problem.kind
        if kind != self.problem.kind:
            raise StageError(
                f"model: {self.registry.name} is a model for {kind}, but the problem "
                f"{self.problem.name} is {self.problem.kind}; register under another name"
            )

    def _nothing_new(self) -> str:
        """Why there is nothing to do, without running the experiment; empty if there is."""
        with self.registry.alone():
            version = self.registry.tagged(RECIPE, self.recipe)
            why = self._settled(version, None) if version else ""
            if why:
                return why
            planner = Planner(self.store)
            self.medium.recipe(self.experiment, planner)
            steps = {step.title: step for step in planner.steps}
            planned = [steps[str(title)] for title in self.medium.titles(self.problem)]
            if any(step.state != "cached" for step in planned):
                return ""
            found = [self.store.load(step.name, step.fingerprint) for step in planned]
            data, challenger = found
            return "" if data is None or challenger is None else self._known(challenger, data)

    def _known(self, challenger: Artifact, data: Artifact) -> str:
        """Why there is nothing to decide about a model; empty if there is."""
        version = self.registry.tagged(MODEL_DIGEST, (challenger / "model").digest)
        why = self._settled(version, data.whole.only(*self.tested).digest) if version else ""
        if why:  # next time, the digest of the sources is sufficient
            self.registry.tag(version, {RECIPE: self.recipe})
        return why

    def _settled(self, version: str, test_data: str | None) -> str:
        decisions, champion = self.registry.decisions(), self.registry.champion()
        return why_nothing_new(version, decisions, champion, self.rule.model_dump(), test_data)

    def _champion(self) -> Input | None:
        """The model of the champion; None if there is none."""
        champion = self.registry.champion()
        if not champion:
            return None
        version = self.registry.version(champion)
        return registered_model(version, self.tracking, self.store)

    def _require_same_pictures(self) -> None:
        """Check that the champion reads pictures as the experiment stores them.

        Raises:
            StageError: it reads others, so both cannot answer the same ones.
        """
        if not isinstance(self.experiment, ImageExperiment):
            return
        champion, pixels = self._champion(), self.experiment.pixels
        if champion is None:
            return
        known = read_pixels(champion.path)
        different = [
            f"pixels.{name}: found {getattr(pixels, name)}, but the champion of "
            f"{self.registry.name} reads {getattr(known, name)}"
            for name in type(pixels).model_fields
            if getattr(pixels, name) != getattr(known, name)
        ]
        if different:
            raise StageError(
                f"{'; '.join(different)}; accepted: the same, or another name of a model"
            )

    def _judge(self, summary: RunSummary, data: Artifact, challenger: Artifact) -> Judged:
        """Evaluate both models on the same test split."""
        before = self._champion()
        lineage = Lineage() if before is None else Lineage.of(before, self.store)
        keys = None
        if isinstance(self.experiment, ImageExperiment):
            prepared = Title(self.medium.prepared, self.problem.name)
            keys = summary.stage(prepared).artifact(self.store) / KEYS
        require_recorded(challenger, self.tracking)
        return judge_challenger(
            self.experiment,
            self.problem,
            self.rule,
            self.registry.name,
            self.verify,
            data=data.whole.only(*self.tested),
            challenger=challenger / "model",
            champion=before,
            lineage=lineage,
            keys=keys,
        )

    def _lineage(self, summary: RunSummary, challenger: Artifact) -> dict[str, str]:
        """The origin of a version, as tags: run, data, code."""
        tags = {
            ARTIFACT: challenger.name,
            MODEL_DIGEST: (challenger / "model").digest,
            KIND: self.problem.kind,
            FINGERPRINT: challenger.fingerprint,
            EXPERIMENT: self.experiment.name,
            PROBLEM: self.problem.name,
            RUN_ID: summary.mlflow.run_id,
        }
        read = {Title(self.medium.unlabelled), self.medium.titles(self.problem)[0]}
        for stage in summary.stages:
            if stage.title in read:  # nothing is pre-trained on without a step of pre-training
                data = stage.artifact(self.store)
                tags[f"{DATA_OF}{stage.title}"] = data.whole.digest[:16]
        names = {GIT_COMMIT: COMMIT}
        return tags | {names.get(name, name): value for name, value in code_version().items()}

    def _decide(
        self, judged: Judged, summary: RunSummary, data: Artifact, challenger: Artifact
    ) -> Recorded:
        """Register the challenger as a version, and record the decision."""
        registry, champion = self.registry, self.registry.champion()
        won = judged.outcome in ("first", "promoted")
        version = registry.tagged(MODEL_DIGEST, (challenger / "model").digest)
        if not version:
            record = challenger.record
            lineage = self._lineage(summary, challenger)
            version = registry.register(record["model_id"], record["run_id"], lineage)
        registry.tag(version, {RECIPE: self.recipe})
        decision = Recorded(
            number=registry.next_number(),
            version=version,
            outcome=judged.outcome,
            by=who_triggered(),
            when=datetime.now(UTC),
            reasons=judged.reasons,
            champion_before=champion,
            champion=version if won else champion,
            previous=champion if won else registry.previous(),
            rule=self.rule.model_dump(),
            metric=judged.metric,
            gain=judged.gain,
            gain_text=judged.gain_text,
            test_data=data.whole.only(*self.tested).digest,
            run_id=judged.run_id,
        )
        title = f"version {version}: {WORDS[decision.outcome]} · retrain {registry.name}"
        self.tracking.client.update_run(judged.run_id, name=title)  # lists cut the end of a name
        registry.record(decision)
        return decision


def require_recorded(challenger: Artifact, tracking: Tracking) -> None:
    """Check that MLflow has the challenger's model.

    Raises:
        StageError: MLflow was unreachable when the model was trained.
    """
    record = challenger.record
    if record.get("tracking_uri") != tracking.uri or "model_id" not in record:
        raise StageError(
            f"MLflow at {tracking.uri} does not have {challenger.name}, so it cannot be "
            "registered: run it again once MLflow is reachable; nothing is trained again"
        )


def nothing_new(why: str) -> State[dict[str, Any]]:
    """The end of a retraining that had nothing to do."""
    return Completed(
        name="NothingNew",  # apart from trainings in Prefect's list
        message=f"nothing new: {why}",
        data={"outcome": "nothing new", "why": why},
    )
