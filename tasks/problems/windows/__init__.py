"""Long texts in windows: what the problems share whose rows are read in several examples.

With `stride`, a text that is longer than the longest input becomes several examples, windows that
share so many tokens. Training learns from windows; an evaluation merges those of a row again.

To add a problem that reads windows: let its `configure` and `encode` be those of `texts.py`, and
write `together`, which makes one answer of those of the windows; a problem with labels of words is
`token_classification/`. `cutting.py` is copied into served models: it imports nothing of Temper.
"""
