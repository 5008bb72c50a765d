"""Text from the docstrings of installed packages; built in.

To add one: see `tasks/sources`.
"""
