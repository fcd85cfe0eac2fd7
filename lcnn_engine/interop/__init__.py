"""Networks for other programs: as ONNX models, and as dense equivalents of lookup networks.

Only this room imports the package onnx, and only where it is used.
"""
