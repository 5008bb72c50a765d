"""What is said where a server does not know, or does not allow, who asks."""

from __future__ import annotations

import httpx
import pytest
from mlflow.exceptions import MlflowException, get_error_code
from prefect.exceptions import PrefectHTTPStatusError

from tasks.machinery.tracking.outage import is_outage, refusal


def of_mlflow(status: int) -> MlflowException:
    return MlflowException(
        f"API request to endpoint /x failed with error code {status}",
        error_code=get_error_code(status),
    )


def of_prefect(status: int) -> PrefectHTTPStatusError:
    request = httpx.Request("GET", "http://127.0.0.1/api/x")
    error = httpx.HTTPStatusError(
        "no", request=request, response=httpx.Response(status, request=request)
    )
    return PrefectHTTPStatusError.from_httpx_error(error)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (of_mlflow(401), "MLFLOW_TRACKING_PASSWORD"),
        (of_mlflow(403), "permission EDIT"),
        (of_prefect(401), "PREFECT_API_AUTH_STRING"),
        (of_prefect(403), "PREFECT_API_AUTH_STRING"),
        (RuntimeError("Failed to reach API at http://a/api/"), "PREFECT_API_URL"),
    ],
)
def test_a_refusal_says_what_to_set_and_is_no_outage(problem: Exception, words: str) -> None:
    assert words in refusal(problem)
    assert not is_outage(problem)


@pytest.mark.parametrize("problem", [of_mlflow(503), of_mlflow(404), of_prefect(500), OSError()])
def test_other_problems_are_no_refusal(problem: Exception) -> None:
    assert refusal(problem) == ""
