"""Requests to Prefect: cancellation, schedules, progress, flow runs of dead processes.

To add one: write functions on Prefect's client. Nothing here depends on a stage.
"""
