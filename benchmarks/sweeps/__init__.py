"""Accuracy against time of trained networks, dense ones of many widths and ours: ``python -m benchmarks.sweeps``.

A table says what is trained, ``lcnn-train`` trains it, and the engines of ``comparison`` are judged and timed on it.
"""
