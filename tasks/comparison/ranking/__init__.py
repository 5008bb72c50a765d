"""Runs as a leaderboard: what is ranked together, by what, and how that is shown."""
