"""How fast each weight learns, and which weights a training ends with.

To add one: write a file; what has a state is `Beside` the weights, so that checkpoints contain it.
"""
