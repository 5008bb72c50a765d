"""Accepted names of registered models in MLflow."""

from __future__ import annotations

NAME = r"[^/:'\"\\]{1,100}"


ACCEPTED_NAME = "a name of 1 to 100 characters without / : \\ and quotes"
