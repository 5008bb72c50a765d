"""`temper up`: its programs, databases and environment; a run's own server.

To add one: start its program in `stack.py`, which also stops it with the others.
"""
