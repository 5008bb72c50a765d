"""What Temper takes beside the standard recipe: `make bench`, or `python -m tests.benchmarks -h`.

The peer and Temper run in turn, each in a fresh process, on the same data in the same machine; a
figure is a median of several turns. `peers/` is plain use of the public libraries as their
documentation shows it; `ours/` calls what a flow calls.
"""
