"""Models that a person names: resolved, imported, their lineage. In no stage's key.

To add a kind of reference: resolve it in `resolving.py`.
"""
