"""What a flow run does once it is started, and who triggered it.

To add one: describe it as a `Work` and hand it to `perform`.
"""
