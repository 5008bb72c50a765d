"""What the Prefect UI offers, and the process that serves it: `python -m flows.serving`.

To add a deployment: add an entry to `deployments.py`.
"""
