"""Documents and rows on their way to a model: tables, tallies, splits, random draws.

To add one: write functions of rows or documents; what only images or only text need
has its own folder.
"""
