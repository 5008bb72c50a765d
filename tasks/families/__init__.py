"""Which architecture; one file a family.

To add one: write `NAME.py` with the names of `Family`.
"""
