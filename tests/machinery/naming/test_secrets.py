"""Credentials are taken out of texts, addresses, exceptions, logs and what is printed."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import OperationalError

from tasks.machinery.naming.secrets import (
    plain_values,
    redact,
    redact_logs,
    redacted,
    redacting,
    sign_in_of,
    without_credentials,
)
from tasks.machinery.tracking.tags import OWNER, REASON, STAGE_OF
from tasks.machinery.tracking.tracked_run import as_tags

SECRET = "s3cret-7f3a/+9"
VARIABLES = (
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "PREFECT_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "PGPASSWORD",
    "AZURE_STORAGE_CONNECTION_STRING",
    "MLFLOW_FLASK_SERVER_SECRET_KEY",
)
ADDRESSES = {
    "http://ada:SECRET@host:5000/api": "http://host:5000/api",
    "https://SECRET@host/x": "https://host/x",
    "postgresql://ada:SECRET@host/runs": "postgresql://host/runs",
    "postgresql+psycopg2://ada:p@SECRET@host/runs": "postgresql+psycopg2://host/runs",
    "postgresql://host/runs?user=ada&password=SECRET": "postgresql://host/runs?user=ada",
    "postgresql://host/runs?password=SECRET": "postgresql://host/runs",
    "mysql://ada:SECRET@host/runs?ssl=1&PASSWORD=SECRET": "mysql://host/runs?ssl=1",
    "https://host/x?X-Amz-Signature=SECRET&a=1": "https://host/x?a=1",
}


@pytest.mark.parametrize(("address", "plain"), ADDRESSES.items())
def test_an_address_loses_its_credentials_wherever_it_stands(address: str, plain: str) -> None:
    address = address.replace("SECRET", "s3cret")
    assert without_credentials(address) == plain
    for words in ("cannot use {} now", "'{}'", '{{"uri": "{}"}}', "({})", "<{}>"):
        assert "s3cret" not in redacted(words.format(address))
    assert "s3cret" not in json.dumps(plain_values({"a": [{"b": f"at {address}: no"}]}))


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////home/a@b/mlflow.db",
        "http://127.0.0.1:5000/#/experiments/1/runs/2?workflowType=machine_learning",
        "models:/NAME@champion",
        "hf:org/name@main",
        "https://github.com/org/name@v1",
        "file:///srv/job%2Fmain/x?y#z",
        "write to ada@example.com, see https://example.com",
        "password= and token=3 of a text that is no address",
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert redacted(text) == text
    assert plain_values({"x": [text, 3, None]}) == {"x": [text, 3, None]}
    if "://" in text and " " not in text:
        assert without_credentials(text) == text


@pytest.mark.parametrize("name", VARIABLES)
def test_the_secret_of_a_variable_is_recognized_however_it_is_spelled(monkeypatch, name) -> None:
    monkeypatch.setenv(name, SECRET)
    for spelled in (SECRET, "s3cret-7f3a%2F%2B9", "s3cret-7f3a/%2B9"):
        assert redacted(f"rejected {spelled}.") == "rejected ***."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREFECT_API_AUTH_STRING", "ada:hunter2"),
        ("MLFLOW_TRACKING_URI", "http://ada:hunter2@host"),
        ("MLFLOW_TRACKING_URI", "ada:hunter2@host"),
        ("MLFLOW_TRACKING_URI", "postgresql://host/x?password=hunter2"),
        ("PREFECT_API_DATABASE_CONNECTION_URL", "postgresql+asyncpg://ada:hunter2@host/x"),
        ("PIP_EXTRA_INDEX_URL", "https://ada:hunter2@host/simple"),
    ],
)
def test_a_password_inside_a_variable_is_recognized_alone(monkeypatch, name, value) -> None:
    monkeypatch.setenv(name, value)
    assert redacted("hunter2 was wrong for ada") == "*** was wrong for ada"


def test_a_password_that_no_address_may_have_is_recognized(monkeypatch) -> None:
    uri = "postgresql://ada:hunter2/9@host/runs"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert "hunter2" not in redacted(f"cannot parse {uri}")
    assert "hunter2" not in without_credentials(uri)


def test_ordinary_words_files_and_names_are_no_secrets(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PGPASSWORD", "temper")
    monkeypatch.setenv("DATABASE_URL", "postgresql://temper@postgres:5432/prefect")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path))
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "parallel")
    text = f"temper: parallel runs of postgres in {tmp_path}"
    assert redacted(text) == text


def test_a_password_that_is_a_word_is_recognized_only_alone(monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://postgres:postgres@host/mlflow")
    for text in ("postgresql://host/mlflow has postgresql", "my_postgres"):
        assert redacted(text) == text
    for before in ("", "'", "line\\n", "password%3D", "\x1b[31m", ":"):
        assert redacted(f"{before}postgres was refused") == f"{before}*** was refused"


def test_tags_that_are_compared_stay_whole(monkeypatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "postgres")
    kept = {
        OWNER: "postgres-0:7:1a-2",
        f"{STAGE_OF}postgres": "cached: corpus/postgres, digest 1, run 2",
    }
    tags = {tag.key: tag.value for tag in as_tags(kept | {REASON: "no postgres"})}
    assert tags == kept | {REASON: "no ***"}


def test_a_header_is_recognized() -> None:
    assert redacted("Authorization: Basic YWRhOmh1bnRlcjI=") == "Authorization: Basic ***"
    assert redacted("Basic features of a model") == "Basic features of a model"


def test_user_and_password_of_an_address() -> None:
    assert sign_in_of("http://ada:p%40ss@host") == ("ada", "p@ss")
    assert sign_in_of("http://host") == sign_in_of("http://[half") == ("", "")


def test_an_exception_and_its_causes_lose_them(monkeypatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    broken = OperationalError("SELECT 1", {"p": 1}, OSError(f"no {SECRET}"))
    outer = MlflowException("API request to http://ada:s3cret@host failed")
    outer.__cause__, outer.__context__ = broken, ValueError(3, SECRET)
    redact(outer)
    for each in (outer, broken, outer.__context__):
        assert "s3cret" not in f"{each} {each!r} {each.args} {vars(each)}"
    assert str(outer) == outer.message == "API request to http://host failed"
    assert outer.__context__.args == (3, "***")


def test_a_function_raises_without_them() -> None:
    @redacting()
    def fail(uri: str, *, times: int = 1) -> None:
        raise RuntimeError(f"{times} × {uri}")

    with pytest.raises(RuntimeError, match=r"2 × http://host$"):
        fail("http://ada:s3cret@host", times=2)


def test_a_log_has_none_in_message_arguments_and_traceback(monkeypatch) -> None:
    before = logging.getLogRecordFactory()
    monkeypatch.setattr(logging, "_logRecordFactory", before)
    redact_logs()
    stream = io.StringIO()
    logger, handler = logging.getLogger("of.this.test"), logging.StreamHandler(stream)
    logger.addHandler(handler)
    try:
        int("http://ada:s3cret@inner")
    except ValueError:
        logger.exception("at %s", "http://ada:s3cret@outer")
    finally:
        logger.removeHandler(handler)
    said = stream.getvalue()
    assert "s3cret" not in said
    assert "at http://outer\n" in said
    assert "'http://inner'\n" in said


def test_what_a_program_prints_has_none_in_a_traceback_too() -> None:
    code = """
import sys, warnings
from rich.console import Console
from tasks.machinery.naming.secrets import redact_output
redact_output(); redact_output()
address = "http://ada:s3cret@host"
print("print", address); Console(soft_wrap=True).print("rich", address, highlight=False)
print("lines", [address], file=sys.stderr); warnings.warn(address)
import typer; typer.echo(address)
raise ValueError(address)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "print http://host\nrich http://host\nhttp://host\n"
    assert "lines ['http://host']" in done.stderr
    assert done.stderr.endswith("ValueError: http://host\n")
    assert "s3cret" not in done.stderr.replace('address = "http://ada:s3cret@host"', "")
