"""How certain a number is, and which conclusions it allows.

To add one: write functions of arrays. Nothing here depends on a problem.
"""
