"""Predict with lookup-based convolutional neural networks on a CPU.

    >>> from lcnn_engine import Net
    >>> net = Net.load("model.safetensors")
    >>> net.classify("picture.png", top=3)

One file in, probabilities out: no framework, no compiler at run time. MODEL_FORMAT.md describes the file.
"""

from .errors import InputError, LcnnError, ModelFormatError, NodeNameError, SettingError
from .format.model_file import read_model, write_model
from .model.graph import Graph
from .net import Net
from .runtime.info import kernel_info

__all__ = [
    "Graph",
    "InputError",
    "LcnnError",
    "ModelFormatError",
    "Net",
    "NodeNameError",
    "SettingError",
    "kernel_info",
    "read_model",
    "write_model",
]

__version__ = "0.1.0"  # pyproject.toml takes it from here: to ask importlib.metadata takes 15 ms of every start
