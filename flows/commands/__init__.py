"""The command `temper`, a file a command.

To add one: write its function in a file here, and register it in `main.py`.
"""
