"""Networks for other programs: as ONNX, and as the dense equivalent of a lookup network.

Only this room imports the package onnx, and only where it is used.
"""
