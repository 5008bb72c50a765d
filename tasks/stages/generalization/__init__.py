"""Stages that ask where a fine-tuned model holds: beyond the metrics of its test split.

To add one: a module here, its stage in `flows/recipes/generalization.py`, and its page in
`tasks/pages/generalization`. A stage writes finding.json, whose `sentences` the terminal prints;
`further_test` and `label_share` prepare rows for others, and write none.
"""
