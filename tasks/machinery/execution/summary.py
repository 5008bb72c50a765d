"""The results of a run, as `--output` writes them and as a flow returns them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

from tasks.contract import StageError
from tasks.machinery.naming.title import Title
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.store import Store


def _title(value: Any) -> Title:
    return value if isinstance(value, Title) else Title.parse(str(value))


class StageSummary(BaseModel):
    """How one stage of a run ended.

    Attributes:
        title: its name, and what it is about; `name` in JSON.
        state: completed or cached.
        run_id: of its run in MLflow; empty while MLflow does not have it.
        seconds: how long it took to compute.
        path: the folder with what it wrote.
        pages: the folder with its pages; empty if it has none.
        model: its model in MLflow, `models:/m-…`, for Temper and for MLflow; empty if it has none.
    """

    model_config = ConfigDict(frozen=True)

    title: Annotated[Title, PlainValidator(_title), PlainSerializer(str)] = Field(alias="name")
    state: str
    fingerprint: str
    run_id: str
    seconds: float
    path: str
    pages: str
    model: str = ""

    def artifact(self, store: Store) -> Artifact:
        """Its artifact.

        Raises:
            StageError: it was deleted since.
        """
        found = store.load(self.title.stage, self.fingerprint)
        if found is None:
            raise StageError(f"{self.title} was deleted from the store meanwhile; run it again")
        return found


class TrackingSummary(BaseModel):
    """Where MLflow has a run.

    Attributes:
        tracking_uri: which MLflow.
        url: where its server shows the run; empty without a server.
        delivered: whether MLflow has all of the run.
    """

    model_config = ConfigDict(frozen=True)

    tracking_uri: str
    url: str
    experiment_id: str
    run_id: str
    delivered: bool


class RunSummary(BaseModel):
    """The results of a run of an experiment, or of a part of one.

    Attributes:
        experiment: its name.
        flow_run_url: where a Prefect server shows it; empty with a temporary server.
        stages: in the order in which they ended.
        metrics: all of them, by the names that they have on the run in MLflow.
        version: of the registered model created from it; empty if none was.
    """

    model_config = ConfigDict(frozen=True)

    experiment: str
    flow_run_id: str
    flow_run_url: str
    mlflow: TrackingSummary
    stages: list[StageSummary]
    metrics: dict[str, float]
    version: str = ""

    def stage(self, title: Title) -> StageSummary:
        """The stage of a title; KeyError if the run has none."""
        return {each.title: each for each in self.stages}[title]

    def as_json(self) -> dict[str, Any]:
        """The same as values of JSON, without `version` if there is none."""
        return self.model_dump(by_alias=True, exclude=None if self.version else {"version"})
