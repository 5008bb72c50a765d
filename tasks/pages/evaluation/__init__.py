"""What the page of an evaluation is made of: its files, read; its figures.

To add a figure: write a function of `Found` in `drawings.py`, and name it in `figures_of`.
"""
