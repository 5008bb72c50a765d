"""Pictures on their way to a model: decoded, resized, stored, augmented, drawn.

To add one: a step that stages share is a module here; it imports neither a source nor a model.
"""
