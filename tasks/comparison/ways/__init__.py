"""Ways of tuning in a comparison: what each costs, and what it gives.

To add one: a method of `tasks/tuning` is compared without a change here; a cost is a field of
`Tuned` in `tasks/comparison/comparison.py`, measured in `gathering.py`, shown in `page.py`.
"""
