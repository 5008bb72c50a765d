"""This machine: state folder, processes, signals, atomic files, disks.

To add one: write functions of the operating system; nothing here knows Prefect or MLflow.
"""
