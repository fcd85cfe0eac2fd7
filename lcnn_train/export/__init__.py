"""From a Keras model to a model file or ONNX: layers into nodes, batch norms folded, and a check of the result.

How a model is trained or loaded is not known here, but for ``network`` and ``onnx``, which take paths as well.
"""

from typing import Any

from lcnn_train.utils.lazy import attribute

_NAMES = dict.fromkeys(("DType", "FP16_TENSORS", "HALVED", "export", "stored_tensors"), "lcnn_train.export.model_file")
_NAMES["register"] = "lcnn_train.export.converters"


def __getattr__(name: str) -> Any:
    return attribute(__name__, _NAMES, name)
