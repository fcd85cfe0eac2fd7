"""Hold a model file to the Keras model that it came from: engine against Keras, node by node, on real images."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers
from safetensors import safe_open

from lcnn_engine import Net, read_model
from lcnn_engine.images.preprocessing import as_batch
from lcnn_train.errors import ExportError
from lcnn_train.export.builder import GraphBuilder, NodeBuilder
from lcnn_train.export.converters import translate
from lcnn_train.export.model_file import FP16_TENSORS, stored_tensors
from lcnn_train.keras_graph import run
from lcnn_train.layers.lookup import LookupConv2D, LookupDense
from lcnn_train.utils.lazy import former_keywords

TOLERANCE = 1e-5


@dataclass(frozen=True)
class NodeDifference:
    """The largest |engine - Keras| of a node, and the largest |Keras|, over all images."""

    name: str
    difference: float
    largest: float

    @property
    def ratio(self) -> float:
        """difference / largest; infinite where Keras says 0 everywhere and the engine does not."""
        if self.difference == 0:
            return 0.0
        return self.difference / self.largest if self.largest else float("inf")


@dataclass(frozen=True)
class Verification:
    """What verify found at every node of the file."""

    nodes: tuple[NodeDifference, ...]

    @property
    def worst(self) -> NodeDifference:
        return max(self.nodes, key=lambda node: node.ratio)

    def __str__(self) -> str:
        width = max(len(node.name) for node in self.nodes)
        lines = [f"{n.name:{width}}  {n.difference:9.2e} of {n.largest:9.2e} = {n.ratio:8.1e}" for n in self.nodes]
        return "\n".join(lines)


@former_keywords(pictures="images")
def verify(model: keras.Model, path: str | os.PathLike[str], images: Any, tolerance: float = TOLERANCE) -> Verification:
    """Compare engine and Keras at every node of a model file that `model` was exported to.

    `images` is whatever Net.predict takes: images for a file with preprocessing, float arrays for any file. For
    a float16 file the Keras side is a copy of the model that carries the file's rounded values, which are checked
    to be the model's own, rounded. Raises ExportError where they differ by more than `tolerance` of the largest
    |output| of the node, or where the file is not of this model.
    """
    net = Net.load(path)
    x, _ = as_batch(images, net.input_shape, net.graph.preprocessing)
    builder = translate(model)
    tensors = read_model(path)[1]
    is_fp16 = _is_fp16(path)
    _check_same(builder, tensors, "float16" if is_fp16 else "float32", path)
    if is_fp16:
        model = carrying(model, builder, tensors)
        builder = translate(model)
    values, features = run(builder.traced, x), net.features(x, [node.name for node in builder.nodes])
    result = Verification(tuple(_compare(node.name, features[node.name], values[node.value]) for node in builder.nodes))
    if not result.worst.ratio <= tolerance:
        raise ExportError(
            f"{path}: expected engine and Keras within {tolerance:g} of the largest output at every node; found "
            f"{result.worst.ratio:.2e} at {result.worst.name}"
        )
    return result


def _compare(name: str, engine: np.ndarray, reference: np.ndarray) -> NodeDifference:
    if engine.shape != reference.shape:
        raise ExportError(f"node {name}: expected shape {reference.shape} as in Keras, found {engine.shape}")
    difference = np.abs(engine.astype(np.float64) - reference).max()
    return NodeDifference(name, float(difference), float(np.abs(reference).max()))


def _is_fp16(path: str | os.PathLike[str]) -> bool:
    with safe_open(path, "np") as file:
        return any(file.get_slice(name).get_dtype() == "F16" for name in file.keys())  # noqa: SIM118 - no mapping


def _check_same(builder: GraphBuilder, tensors: dict[str, np.ndarray], dtype: Any, path: Any) -> None:
    """Raise ExportError unless the file's tensors are the model's, rounded as the file's are."""
    expected = stored_tensors(builder, dtype)
    if expected.keys() != tensors.keys():
        raise ExportError(f"{path}: expected the tensors of this model, found others; export it again")
    for name, tensor in expected.items():
        if not np.array_equal(tensor.astype(tensors[name].dtype), tensors[name]):
            raise ExportError(f"{path}: {name} is not what this model holds; export it again")


def carrying(model: keras.Model, builder: GraphBuilder, tensors: dict[str, np.ndarray]) -> keras.Model:
    """Copy a model, its dictionaries, P and kernels those of a (rounded) model file.

    Batch norm stays a layer of its own in the copy, so what it multiplied each filter by is divided out again. The
    threshold has done its work and is 0 in the copy: rounding must not push an entry under it.
    """
    copy = keras.models.clone_model(model, clone_function=_clone_without_threshold, recursive=True)
    copy.set_weights(model.get_weights())
    for old, new in zip(builder.nodes, translate(copy).nodes, strict=True):
        own = {key: tensors[f"{old.name}/{key}"] for key in FP16_TENSORS if f"{old.name}/{key}" in tensors}
        if "coefficients" in own:
            _carry_lookups(new.layer, old, own, tensors[f"{old.name}/indptr"], tensors[f"{old.name}/indices"])
        elif "kernel" in own:
            _carry_kernel(new, old, own["kernel"])
    return copy


def _clone_without_threshold(layer: Any) -> Any:
    config = layer.get_config()
    if isinstance(layer, LookupConv2D | LookupDense):
        config["threshold"] = 0.0
    return type(layer).from_config(config)


def _unscaled(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.divide(values, scale, out=np.zeros(np.broadcast(values, scale).shape), where=scale != 0)


def _carry_lookups(
    layer: Any, node: NodeBuilder, own: dict[str, np.ndarray], indptr: np.ndarray, indices: np.ndarray
) -> None:
    """Set D and P of a layer from a file's CSR; `node.used` are the rows of D that the file kept."""
    n = layer.P.shape[-1]
    filters = np.repeat(np.arange(n), np.diff(indptr))
    scale = np.ones(n) if node.scale is None else node.scale
    taps = int(np.prod(layer.P.shape[:-2]))
    kept = np.zeros((n, taps * len(node.used)))
    kept[filters, indices] = _unscaled(own["coefficients"].astype(np.float64), scale[filters])
    P = np.zeros((taps, layer.atoms, n), np.float32)
    P[:, node.used, :] = kept.T.reshape(taps, len(node.used), n)
    layer.P.assign(P.reshape(layer.P.shape))
    if layer.D is None:
        return
    D = np.asarray(keras.ops.convert_to_numpy(layer.D)).reshape(layer.D.shape[-2:]).copy()
    D[:, node.used] = own["dictionary"].T
    layer.D.assign(D.reshape(layer.D.shape))


def _carry_kernel(new: NodeBuilder, old: NodeBuilder, kernel: np.ndarray) -> None:
    """Set the kernel of an ordinary layer from a file's, (n, m, kh, kw) or (n, m)."""
    scale = np.ones(len(kernel)) if old.scale is None else old.scale
    values = _unscaled(kernel.astype(np.float64), scale.reshape(-1, *[1] * (kernel.ndim - 1)))
    shape = tuple(new.kernel.shape)
    if new.kernel is getattr(new.layer, "depthwise_kernel", None) or isinstance(new.layer, layers.DepthwiseConv2D):
        kh, kw, m, times = shape
        values = values.reshape(m, times, kh, kw).transpose(2, 3, 0, 1)
    elif values.ndim == 4:
        values = values.transpose(2, 3, 1, 0)
    else:
        values = values.T
    new.kernel.assign(values.reshape(shape).astype(np.float32))
