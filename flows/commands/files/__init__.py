"""Commands about the files of a person: data to begin with, and models to hand on.

To add one: write its function in a file here, and register it in `flows/commands/main.py`.
"""
