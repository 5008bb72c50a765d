"""The store's contents, and which of them may be deleted.

To add one: write a criterion in `choosing.py`.
"""
