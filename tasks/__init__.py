"""The stages of an experiment: what runs. One file a stage, each a pure function."""
