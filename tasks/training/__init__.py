"""The one loop that trains any model.

To add one: hand in with `Computation` what differs between models;
the loop knows no text and no images.
"""
