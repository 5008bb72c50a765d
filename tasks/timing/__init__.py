"""Estimating how long a plan would take on this machine; in no key.

To add one: measure a few steps of the stage on synthetic input in `steps.py`, or on pictures of
noise in `image_steps.py`.
"""
