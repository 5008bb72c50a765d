"""How certain a number is, and what may be concluded from it.

To add one: write functions of arrays; nothing here knows a problem.
"""
