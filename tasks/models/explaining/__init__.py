"""A model and rows in parts, whose answers are explained, and checks of explanations.

To add a kind of parts, as words.py and regions.py are: write a module with a `Subject` of its own
and `subject_of`, and name it in the `explained.py` of a problem.
"""
