"""Models that read pictures: built, measured, and given their pictures.

To add one: write a module of functions on models of transformers; what an architecture alone needs
is in `tasks/families/images`.
"""
