"""A model: built, written, read, answering.

To add a kind of model: see `tasks/families`.
"""
