"""What a person asks for: fields, their bounds, and what is wrong with them; not in keys.

To add a field: add it to its part with `field(…, absent=VALUE)`, and a row to `tests/test_keys.py`.
"""
