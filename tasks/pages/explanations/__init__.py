"""The page of stage `explanation`: coloured words, heat maps, and what the checks say.

To add what is shown of another kind of parts: a module that draws it, called in card.py.
"""
