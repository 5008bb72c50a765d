"""Text on its way to a model: sentences, words, tokens.

To add one: write functions of text or of token arrays.
"""
