"""What the store holds, and what may be deleted.

To add one: write a criterion in `choosing.py`.
"""
