"""The work of a flow run once it has started, and who triggered it.

To add one: describe it as a `Work` and hand it to `perform`.
"""
