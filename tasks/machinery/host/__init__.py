"""This machine: state folder, processes, signals, atomic files, disks.

To add one: write functions of the operating system. Nothing here imports Prefect or MLflow.
"""
