"""What `temper up --retrain` retrains, and when: passed to the serving process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

from prefect.deployments.runner import RunnerDeployment
from pydantic import BaseModel

from flows.presets.loading import load_any
from flows.runs.medium import AnyExperiment
from flows.serving.retraining import retrain_deployment, schedule_of
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.experiment.retraining import problem_of

VARIABLE = "TEMPER_RETRAIN"

Kind = Literal["", "cron", "interval", "rrule"]


class Retrained(BaseModel):
    """An experiment whose model is retrained.

    Attributes:
        experiment: with its sources by absolute paths.
        problem: name of the problem whose model is the challenger.
        model: name of the registered model.
        kind: of the schedule; empty for no schedule: people and events start it.
        when: a cron expression, seconds, or an RRule.
        zone: IANA name of the time zone; empty for that of this machine.
    """

    experiment: AnyExperiment
    problem: str
    model: str
    kind: Kind = ""
    when: str = ""
    zone: str = ""

    @classmethod
    def of(
        cls, experiment: str, problem: str, model: str, when: Mapping[Kind, str], zone: str
    ) -> Retrained:
        """Parse the options; `when` has at most one schedule.

        Raises:
            InvalidExperimentError: with one line per mistake.
        """
        given = [(kind, text) for kind, text in when.items() if text]
        if len(given) > 1:
            kinds = " and ".join(kind for kind, _ in given)
            raise InvalidExperimentError([f"found the schedules {kinds}; accepted: one of them"])
        kind, text = given[0] if given else ("", "")
        if kind:
            schedule_of(kind, text, zone)
        chosen = load_any(experiment)
        name = problem_of(chosen, problem).name
        return cls(
            experiment=chosen, problem=name, model=model or name, kind=kind, when=text, zone=zone
        )

    def hand_over(self) -> None:
        """Pass it to the processes that this one starts, in the environment."""
        os.environ[VARIABLE] = self.model_dump_json()

    def deployment(self, tags: list[str]) -> RunnerDeployment:
        """The deployment that retrains."""
        schedule = schedule_of(self.kind, self.when, self.zone) if self.kind else None
        return retrain_deployment(
            self.experiment, self.problem, self.model, schedule=schedule, tags=tags
        )


def handed_over() -> Retrained | None:
    """What `temper up --retrain` passed on, if anything."""
    text = os.environ.get(VARIABLE)
    return Retrained.model_validate_json(text) if text else None
