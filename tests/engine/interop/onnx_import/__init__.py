"""Tests of ``lcnn_engine/interop/onnx_import``."""
