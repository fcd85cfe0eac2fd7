"""Whole networks on several engines: the engines, each in a process of its own, interleaved rounds, and thresholds.

The parts of ``python -m benchmarks.compare``; ``roofline`` and ``revisions`` use some of them too.
"""
