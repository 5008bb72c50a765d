"""Experiments on images against the plain recipe: preparing, pre-training, fine-tuning."""

SIDE = 64  # of the pictures that a model reads, in pixels
BATCH = 64
LEARNING_RATE, WARMUP_SHARE = 1e-3, 0.06
KINDS = 10  # labels
LEARNT, UNSEEN = 3000, 500  # pictures
