"""Past runs side by side; in no key.

To add one: read past runs through `past_run.py` and write a page or a figure of its own.
"""
