"""Which stages run in which order. Start reading here.

To add one: write a function of an experiment and `run` that calls stages of `stages.py`.
"""
