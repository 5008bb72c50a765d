"""The features that a model's encoder computes of texts and pictures, a row of numbers for each.

To add a kind of input, write a module with a function that gives the tables of features, some rows
at a time, and call it in `flows/calls/embedding.py`.
"""

FEATURES = "features"  # the column of a table with them
