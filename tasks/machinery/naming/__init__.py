"""Interpreting what a person wrote: the nearest spelling, a path, a name on the Hub.

To add one: write a function from the text to its meaning, or to a clear error.
"""
