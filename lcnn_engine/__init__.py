"""Predict with lookup-based convolutional neural networks on a CPU.

    >>> from lcnn_engine import Net
    >>> net = Net.load("model.safetensors")
    >>> net.classify("image.png", top=3)

One file in, probabilities out: no framework, no compiler at run time. MODEL_FORMAT.md describes the file.
"""

from .errors import InputError, LcnnError, MissingPackageError, ModelFormatError, NodeNameError, SettingError
from .format.model_file import read_model, write_model
from .interop.loading import from_onnx
from .model.graph import Graph
from .net import Net, estimate
from .runtime.info import kernel_info
from .utils.moved import redirect

__all__ = [
    "Graph",
    "InputError",
    "LcnnError",
    "MissingPackageError",
    "ModelFormatError",
    "Net",
    "NodeNameError",
    "SettingError",
    "estimate",
    "from_onnx",
    "kernel_info",
    "read_model",
    "write_model",
]

__version__ = "0.2.0"  # pyproject.toml takes it from here: to ask importlib.metadata takes 15 ms of every start

redirect(__name__, {
    "counting": "analysis.cost", "profile": "analysis.profile", "summary": "analysis.summary",
    "timeline": "analysis.timeline", "trace": "analysis.trace",
    "graph_json": "format.graph_json", "model_file": "format.model_file", "safetensors_file": "format.safetensors_file",
    "strict_json": "format.strict_json", "tensor_rules": "format.validation",
    "pictures": "images.decoding", "preprocessing": "images.preprocessing",
    "onnx_twin": "interop.onnx", "twins": "interop.dense",
    "graph": "model.graph", "nodes": "model.node", "operations": "model.operations", "reference": "model.reference",
    "info": "runtime.info", "threads": "runtime.threads",
    "drawing": "utils.drawing", "files": "utils.files", "text": "utils.text", "wording": "utils.messages",
})  # fmt: skip
