"""What Prefect is told and asked.

To add one: write functions of Prefect's client; nothing here knows a stage.
"""
