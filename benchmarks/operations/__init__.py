"""One operation at a time, ours against ONNX Runtime's: ``python -m benchmarks.operations``.

The cases and shapes, both engines with the times of their own kernels, and the measuring. Lookup layers, which ONNX
Runtime has not, are swept in ``suites``.
"""
