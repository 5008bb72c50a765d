"""What trainings on text and on pictures share: their measurements, and warnings about them.

To add one: write a module of functions that know neither tokens nor pixels.
"""
