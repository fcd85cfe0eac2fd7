"""Benchmarks: seeded networks, the same networks as ONNX, and the commands that time both."""
