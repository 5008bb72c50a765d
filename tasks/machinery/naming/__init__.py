"""What a person wrote: the nearest spelling, a path, a name on the Hub.

To add one: write a function from what was written to what is meant, or a clear error.
"""
