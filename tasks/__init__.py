"""What runs: stages, and the parts they are made of.

To add one: pick the package that holds its kind; each says how.
"""
