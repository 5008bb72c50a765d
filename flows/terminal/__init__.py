"""What a person sees in the terminal: progress, plans, results and pages.

To add one: write a function that prints; it computes nothing.
"""
