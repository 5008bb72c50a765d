"""Pages for people: cards, figures, HTML. They have keys of their own.

To add one: write a function from an artifact's folder to a page, and name it in the stage's `show`.
"""
