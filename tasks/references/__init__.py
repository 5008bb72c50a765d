"""A model that a person names: found, copied in, its lineage; in no key.

To add a kind of reference: resolve it in `resolving.py`.
"""
