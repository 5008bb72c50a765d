"""How models of transformers with a head of their own answer the problems, as ours do.

MLflow copies these files into a model that it serves: they import nothing of Temper. They know
kinds of heads, not families: a head that transformers has is found by the configuration's class.
To add a kind: write a class whose models answer as those of `served.py` of the problem, and name
it there.
"""
