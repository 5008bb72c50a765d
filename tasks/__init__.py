"""What runs: stages, and the parts they are made of.

To add one: choose the package for its kind; each says how.
"""
