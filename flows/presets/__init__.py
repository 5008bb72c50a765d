"""From a preset or a YAML file and `--set` to an experiment.

To add a preset: put a YAML file into `further/`; its name is the preset's. One that stands beside
this file is offered in the Prefect UI as well.
"""
