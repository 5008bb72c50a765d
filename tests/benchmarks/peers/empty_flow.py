"""A Prefect flow with one task and one run in MLflow: what they cost with nothing to do."""

import mlflow
from prefect import flow, task


@task
def nothing() -> int:
    """Do nothing."""
    return 1


@flow(name="empty")
def empty() -> None:
    """Run the task, and log it."""
    mlflow.set_experiment("empty")
    with mlflow.start_run():
        mlflow.log_metric("value", nothing())


if __name__ == "__main__":
    empty()
