"""Train lookup-based convolutional networks with Keras and export them for lcnn_engine.

Importing the package registers its layers, so that `.keras` files with them load without custom_objects. It does not
import Keras and TensorFlow, which takes seconds: its names do when they are first used.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lcnn_engine.utils.moved import redirect
from lcnn_train.utils.lazy import around_import, attribute
from lcnn_train.utils.moved import MOVED
from lcnn_train.utils.tensorflow import quiet

if TYPE_CHECKING:
    from lcnn_train.convert.conversion import lookup_model, lookup_report
    from lcnn_train.errors import ConfigError, DataError, ExportError, RunError
    from lcnn_train.export.model_file import export
    from lcnn_train.export.verify import verify
    from lcnn_train.layers.callbacks import DensityLogger
    from lcnn_train.layers.lookup import LookupConv2D, LookupDense
    from lcnn_train.training.distillation import Distillation
    from lcnn_train.training.gradual.callback import GradualSparsity

__all__ = [
    "ConfigError",
    "DataError",
    "DensityLogger",
    "Distillation",
    "ExportError",
    "GradualSparsity",
    "LookupConv2D",
    "LookupDense",
    "RunError",
    "export",
    "lookup_model",
    "lookup_report",
    "verify",
]

_LAYERS = "lcnn_train.layers.lookup"
_NAMES = {
    **dict.fromkeys(("ConfigError", "DataError", "ExportError", "RunError"), "lcnn_train.errors"),
    **dict.fromkeys(("LookupConv2D", "LookupDense"), _LAYERS),
    **dict.fromkeys(("lookup_model", "lookup_report"), "lcnn_train.convert.conversion"),
    "DensityLogger": "lcnn_train.layers.callbacks",
    "Distillation": "lcnn_train.training.distillation",
    "GradualSparsity": "lcnn_train.training.gradual.callback",
    "export": "lcnn_train.export.model_file",
    "verify": "lcnn_train.export.verify",
}


def __getattr__(name: str) -> Any:
    return attribute(__name__, _NAMES, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


@contextmanager
def _registering() -> Iterator[None]:
    yield
    importlib.import_module(_LAYERS)


# Files and configs name our layers by what they are registered as, and Keras imports nobody's modules to look for them.
# So they are registered as soon as there is a Keras to register them with.
around_import("tensorflow", quiet)
if sys.modules.get("keras") is not None:
    importlib.import_module(_LAYERS)
else:
    around_import("keras", _registering)

# It also keeps the package `export` and the module `verify` of before from taking the place of the functions.
redirect(__name__, MOVED)
