"""Models: building, writing, reading, and predicting with them.

To add a kind of model: see `tasks/families`.
"""
