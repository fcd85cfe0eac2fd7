"""Train lookup-based convolutional networks with Keras and export them for lcnn_engine.

Importing the package registers its layers, so that `.keras` files with them load without custom_objects.
"""

from __future__ import annotations

import os

# TensorFlow reads this once, when it is loaded: without it every command opens with lines about CPUs and CUDA.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from lcnn_train.errors import ConfigError, DataError, ExportError, RunError
from lcnn_train.layers import LookupConv2D, LookupDense

__all__ = ["ConfigError", "DataError", "ExportError", "LookupConv2D", "LookupDense", "RunError"]
