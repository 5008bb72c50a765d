"""What the commands do, as functions of Python: mistakes are exceptions, results are objects.

To add one: write it here, have its command in `commands/` call it, and name it in `flows/__init__`
if it is for notebooks.
"""
