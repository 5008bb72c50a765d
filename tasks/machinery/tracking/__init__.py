"""Reporting to MLflow, now or later.

To add one: report through `tracked_run.py`, which tolerates an unreachable server.
"""
