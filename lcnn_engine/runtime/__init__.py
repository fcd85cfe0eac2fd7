"""What the engine asks of the machine it runs on: how many threads, which kernels, which BLAS.

How work is shared between threads is C, in ``kernels/csrc/runtime``.
"""
