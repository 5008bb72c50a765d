"""`temper up`: its programs, databases and environment; a run's own server.

To add one: start a program in `stack.py`, and make it end with the rest.
"""
