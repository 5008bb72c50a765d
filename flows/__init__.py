"""The Prefect flows, one a file: what the UI, a schedule and the command trigger.

To add one: write a flow here, and say in `serving/deployments.py` how the UI offers it.
"""
