"""The experiment on images: fields, their bounds, and checks; not in keys.

To add a field: add it to its part with `field(…, absent=VALUE)`, and a row to
`tests/test_image_keys.py`.
"""
