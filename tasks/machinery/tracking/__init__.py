"""What MLflow is told, now or later.

To add one: report through `tracked_run.py`, which survives an unreachable server.
"""
