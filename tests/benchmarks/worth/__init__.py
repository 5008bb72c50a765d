"""What minutes of pre-training are worth: quality over minutes, against the field's simple model.

To add a problem, add it to one of `experiments.EXPERIMENTS`.
"""
