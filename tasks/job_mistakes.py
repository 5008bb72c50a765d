"""What is wrong with a part of an experiment on its own, before anything is computed. Light."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tasks.jobs import FinetuneJob, PretrainJob
from tasks.mistakes import InvalidExperimentError, check
from tasks.spec import LabelledData


def check_pretraining(job: PretrainJob) -> None:
    """What no single field of a pre-training shows.

    Raises:
        InvalidExperimentError: with a line for each mistake.
    """
    check(job.experiment)
    _require_names("held_out", job.held_out)


def check_finetuning(job: FinetuneJob) -> None:
    """What no single field of a fine-tuning shows.

    Raises:
        InvalidExperimentError: with a line for each mistake.
    """
    if not job.downstream:
        raise InvalidExperimentError(
            ["downstream: found no problem; accepted: at least one, to fine-tune the body on"]
        )
    _require_names("downstream", job.downstream)


def _require_names(part: str, listed: Sequence[LabelledData]) -> None:
    counts = Counter(data.name for data in listed)
    twice = [
        f"{part}.{number}.name: {data.name} is the name of {counts[data.name]}; each needs its own"
        for number, data in enumerate(listed)
        if counts[data.name] > 1
    ]
    if twice:
        raise InvalidExperimentError(twice)
