"""Runs as a leaderboard: what is ranked together, by what, and how that is shown.

To add one: rank entries in `leaderboard.py`, and show them in `page.py` in both forms.
"""
