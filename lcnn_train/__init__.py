"""Train lookup-based convolutional networks with Keras and export them for lcnn_engine.

Importing the package registers its layers, so that `.keras` files with them load without custom_objects.
"""

from __future__ import annotations

from lcnn_train.utils.tensorflow import load_tensorflow

load_tensorflow()

from lcnn_train.convert.lookup_model import lookup_model, lookup_report  # noqa: E402
from lcnn_train.errors import ConfigError, DataError, ExportError, RunError  # noqa: E402
from lcnn_train.export.export import export  # noqa: E402
from lcnn_train.export.verify import verify  # noqa: E402
from lcnn_train.layers.callbacks import DensityLogger  # noqa: E402
from lcnn_train.layers.lookup import LookupConv2D, LookupDense  # noqa: E402

__all__ = [
    "ConfigError",
    "DataError",
    "DensityLogger",
    "ExportError",
    "LookupConv2D",
    "LookupDense",
    "RunError",
    "export",
    "lookup_model",
    "lookup_report",
    "verify",
]
