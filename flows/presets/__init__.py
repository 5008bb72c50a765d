"""From a preset or a YAML file and `--set` to an experiment.

To add a preset: put a YAML file here; its name is the preset's.
"""
