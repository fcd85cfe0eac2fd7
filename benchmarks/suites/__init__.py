"""What pytest-benchmark runs, ``pytest benchmarks --benchmark-only``: kernels, lookup layers and whole networks.

With a clock that counts chosen steps alone, and the rates that are printed after pytest-benchmark's own table.
"""
