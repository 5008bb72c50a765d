"""On which parts of a test split a model is worse.

To add what pictures are split by: state it in the SLICES of a problem's `sliced.py`, and compute it
in `pictures.py`.
"""
