"""The flow that retrains: challenger against champion, by a rule, on the current test split.

If nothing is new (the sources, the experiment, the code and the libraries are the same as at the
last decision), it ends without training. Otherwise the experiment runs and produces a challenger.
Both models predict the same test split, the rule decides, and MLflow's registry stores the decision
and its reasons.
"""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.runs.retraining_flow import perform_retraining
from tasks.experiment.experiment import Experiment
from tasks.experiment.mistakes import check
from tasks.experiment.retraining import Rule
from tasks.machinery.host.digest_memo import Verification

USUAL = Rule()


def run_name() -> str:
    """The name of the flow run: `retrain moods · demo: library`."""
    given: dict[str, Any] = flow_run.parameters
    name = Experiment.model_validate(given["experiment"]).name
    return f"retrain {given['model']} · {name}: {given['problem']}"


@flow(name="retrain", flow_run_name=run_name, persist_result=False)
def retrain(
    experiment: Experiment,
    problem: str,
    model: str,
    rule: Rule = USUAL,
    verify: Verification = "quick",
) -> State[dict[str, Any]]:
    """Run the experiment if anything is new, and promote its model if it beats the champion.

    Args:
        experiment: what to run.
        problem: name of the downstream problem whose fine-tuned model is the challenger.
        model: name of the registered model in MLflow, created if missing.
        rule: the rule for a promotion.
        verify: how to check cached files: by size and cached digests, or by reading every byte.
    """
    check(experiment)
    return perform_retraining(experiment, problem, model, rule, verify)
