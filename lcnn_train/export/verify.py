"""Hold a model file to the Keras model that it came from: engine against Keras, node by node, on real images.

Each node is judged by itself: Keras computes it in float64 from what the engine's nodes before it gave, so no
difference is carried on, and a model of any dtype policy (mixed_float16) is held to its weights and not to the
rounding of its policy.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers
from safetensors import safe_open

from lcnn_engine import Net, read_model
from lcnn_engine.format.float16 import FP16_TENSORS
from lcnn_engine.format.graph_json import graph_from_object
from lcnn_engine.format.int8_matrices import rounded_to_int8
from lcnn_engine.images.preprocessing import as_batch
from lcnn_engine.images.whole_way import WholeWay
from lcnn_engine.model.graph import Node
from lcnn_engine.model.reference import tensors_by_node
from lcnn_engine.model.rounding import TOLERANCE, UNITS, magnitude, share_of_allowed
from lcnn_train.errors import VerificationError
from lcnn_train.export.builder import GraphBuilder, NodeBuilder
from lcnn_train.export.converters import translate
from lcnn_train.export.whole_way import Pipeline, compare_whole_way
from lcnn_train.keras_graph.copying import copied
from lcnn_train.keras_graph.running import run_from
from lcnn_train.layers.lookup import LookupConv2D, LookupDense
from lcnn_train.utils.lazy import former_keywords

__all__ = ["TOLERANCE", "NodeDifference", "Verification", "verify"]


@dataclass(frozen=True)
class NodeDifference:
    """The largest |engine - Keras in float64| of a node, and the largest |Keras|, over all images.

    `share` is the largest difference as a share of what rounding may do there: over 1 is a fault. `keras` is the
    largest |Keras as it is - Keras in float64| of the node, from the same inputs.
    """

    name: str
    difference: float
    largest: float
    keras: float = 0.0
    share: float = 0.0

    @property
    def ratio(self) -> float:
        """difference / largest; infinite where Keras says 0 everywhere and the engine does not."""
        return _part(self.difference, self.largest)

    @property
    def keras_ratio(self) -> float:
        """keras / largest."""
        return _part(self.keras, self.largest)

    @property
    def overflows(self) -> bool:
        """Whether both engine and Keras, as it is, are no finite numbers where Keras in float64 has others."""
        return not (self.share <= 1 or np.isfinite(self.difference) or np.isfinite(self.keras))


def _part(difference: float, largest: float) -> float:
    if difference == 0:
        return 0.0
    return difference / largest if largest else float("inf")


@dataclass(frozen=True)
class Verification:
    """What verify found at every node of the file, and what else there is to say of how the two compute."""

    nodes: tuple[NodeDifference, ...]
    notes: tuple[str, ...] = ()
    float16_change: float | None = None
    """Of a file with float16 or int8 in it: the largest |engine - unrounded model| of the output, of its largest."""
    whole_way: WholeWay | None = None
    """From image to output, beside the training pipeline that verify was given."""

    @property
    def worst(self) -> NodeDifference:
        """The node with the largest difference of what it is allowed."""
        return max(self.nodes, key=lambda node: _ordered(node.share))

    def __str__(self) -> str:
        width = max(len(node.name) for node in self.nodes)
        lines = [
            f"{n.name:{width}}  {n.difference:9.2e} of {n.largest:9.2e} = {n.ratio:8.1e} "
            f"(Keras' own {n.keras_ratio:8.1e})"
            for n in self.nodes
        ]
        ways = () if self.whole_way is None else (str(self.whole_way),)
        return "\n".join((*lines, *self.notes, *ways))


def _ordered(value: float) -> float:
    """Put what is no number above everything."""
    return float("inf") if np.isnan(value) else value


@former_keywords(pictures="images")
def verify(
    model: keras.Model,
    path: str | os.PathLike[str],
    images: Any,
    tolerance: float = TOLERANCE,
    pipeline: Pipeline | None = None,
) -> Verification:
    """Compare engine and Keras at every node of a model file that `model` was exported to.

    `images` is whatever Net.predict takes: images for a file with preprocessing, float arrays for any file. Keras
    computes in float64, each node from the engine's own inputs of it. For a float16 or int8 file that copy carries
    the file's rounded values, which are checked to be the model's own, rounded; how far they move the output is in
    the result. `pipeline`, if given, is how training made input of images: it gets `images` and gives what the model
    takes, one array for each. How far the file's own way from these images to the outputs is from that is in the
    result's `whole_way` and is printed, but never an error: two decoders of JPEG differ.

    Raises VerificationError, an ExportError, where a value differs by more than `tolerance` of the largest |output| of
    the node and 8 float32 roundings of the sum of |w| |x| behind the value, or where the file is not of this model. It
    says so where both overflow float32, which no export mends. ExportError for a model that cannot be exported.
    """
    net = Net.load(path)
    x = np.asarray(as_batch(images, net.input_shape, net.graph.preprocessing)[0], np.float32)
    builder = translate(model)
    tensors = read_model(path)[1]
    dtypes = _stored_dtypes(path)
    _check_same(builder, tensors, dtypes, path)
    names = [node.name for node in builder.nodes]
    if names != list(net.graph.by_name):
        raise VerificationError(f"{path}: expected the nodes {names} of this model, found {list(net.graph.by_name)}")
    copy = in_float64(model)
    exact, change = translate(copy), None
    if {np.float16, np.int8} & set(dtypes.values()):
        output = run_from(exact.traced, {exact.traced.input: x}, exact.output, "float64")
        change = _part(float(np.abs(net.run(x) - output).max()), float(np.abs(output).max()))
        exact = translate(carrying(copy, builder, tensors))
    features: Any = net.features(x, names)
    nodes = _compare(builder, exact, {builder.traced.input: x}, features, tensors, tolerance)
    whole_way = None if pipeline is None else compare_whole_way(model, net, images, pipeline)
    result = Verification(nodes, _notes(model, builder, dtypes, change), change, whole_way)
    _check_verified(result, tolerance, path)
    return result


def _check_verified(result: Verification, tolerance: float, path: Any) -> None:
    failed = [node for node in result.nodes if not node.share <= 1]
    if not failed:
        return
    if all(node.overflows for node in failed):
        first = failed[0]
        raise VerificationError(
            f"{path}: expected values that float32 holds; found them to overflow at {first.name} (up to "
            f"{first.largest:.1e} in float64), in Keras' own float32 as in the engine: the file is as the model is; "
            "look for weights and images that are far larger than in training"
        )
    worst = max((node for node in failed if not node.overflows), key=lambda node: _ordered(node.share))
    more = f" and at {len(failed) - 1} more" if len(failed) > 1 else ""
    raise VerificationError(
        f"{path}: expected engine and Keras within {tolerance:g} of the largest output at every node (and {UNITS:g} "
        f"roundings of what is summed), Keras in float64 from the engine's own inputs; found {worst.ratio:.2e}, "
        f"{worst.share:.3g} times what is allowed, at {worst.name}{more} (Keras' own rounding: "
        f"{worst.keras_ratio:.1e}); export the model again"
    )


def _compare(
    builder: GraphBuilder,
    exact: GraphBuilder,
    known: dict[int, np.ndarray],
    features: Mapping[str, np.ndarray],
    tensors: Mapping[str, np.ndarray],
    tolerance: float,
) -> tuple[NodeDifference, ...]:
    """Judge every node. `known` has the input by the number of its value, `exact` is the model in float64."""
    graph = graph_from_object({"name": "model", **builder.graph()})
    by_node = tensors_by_node(tensors)
    known |= {node.value: features[node.name] for node in builder.nodes if node.value >= 0}
    by_name = {**features, graph.input.name: known[builder.traced.input]}
    found = []
    for node, same in zip(builder.nodes, exact.nodes, strict=True):
        if node.value < 0:  # Keras has no such value: what its node sums up counts for the one behind it
            by_name[node.name] = _sums(graph[node.name], by_name, by_node, features[node.name])
            continue
        own = run_from(builder.traced, known, node.value).astype(np.float64)
        expected, engine = run_from(exact.traced, known, same.value, "float64"), features[node.name]
        if engine.shape != expected.shape:
            raise VerificationError(
                f"node {node.name}: expected shape {expected.shape} as in Keras, found {engine.shape}"
            )
        sums = _sums(graph[node.name], by_name, by_node, expected)
        with np.errstate(invalid="ignore"):  # infinity less infinity
            difference, keras_difference = (float(np.abs(values - expected).max()) for values in (engine, own))
        share = share_of_allowed(engine, expected, sums, tolerance)
        found.append(NodeDifference(node.name, difference, float(np.abs(expected).max()), keras_difference, share))
    return tuple(found)


def _sums(
    node: Node, by_name: Mapping[str, np.ndarray], by_node: Mapping[str, Mapping[str, np.ndarray]], results: np.ndarray
) -> np.ndarray:
    """Compute the sum of |w| |x| behind every value of a node, of a batch."""
    given = zip(*(by_name[name] for name in node.inputs), results, strict=True)
    return np.stack([magnitude(node, inputs, by_node[node.name], result) for *inputs, result in given])


def _notes(
    model: keras.Model, builder: GraphBuilder, dtypes: Mapping[str, Any], change: float | None
) -> tuple[str, ...]:
    notes = []
    found = {getattr(call.layer, "compute_dtype", None) for call in builder.traced.calls} - {None, "float32", "float64"}
    if found:
        notes.append(
            f"Keras computes {model.name} in {', '.join(sorted(map(str, found)))}, the engine in float32: Keras' own "
            f"results differ by that rounding"
        )
    if change is not None:
        rounding = "int8" if np.int8 in dtypes.values() else "float16"
        notes.append(
            f"{rounding} in the file moves the output by {change:.1e} of its largest, beside the unrounded model"
        )
        large = [name for name, dtype in dtypes.items() if name.endswith(FP16_TENSORS) and dtype == np.float32]
        if large:
            notes.append(f"float32 in the file, as their numbers are too small for float16: {', '.join(large)}")
    return tuple(notes)


def _stored_dtypes(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Find in which dtype each tensor of a file is stored; reading widens float16 and int8."""
    kinds = {"F16": np.float16, "F32": np.float32, "I32": np.int32, "I8": np.int8}
    with safe_open(path, "np") as file:
        return {name: kinds[file.get_slice(name).get_dtype()] for name in file.keys()}  # noqa: SIM118 - no mapping


def _check_same(builder: GraphBuilder, tensors: Mapping[str, np.ndarray], dtypes: Mapping[str, Any], path: Any) -> None:
    """Raise VerificationError unless the file's tensors are the model's, rounded as the file's are."""
    expected = builder.tensors()
    if expected.keys() != tensors.keys():
        raise VerificationError(f"{path}: expected the tensors of this model, found others; export it again")
    for name, tensor in expected.items():
        with np.errstate(over="ignore"):
            in_int8 = dtypes[name] == np.int8
            rounded = rounded_to_int8(tensor) if in_int8 else tensor.astype(dtypes[name]).astype(tensors[name].dtype)
        if not np.array_equal(rounded, tensors[name]):
            raise VerificationError(f"{path}: {name} is not what this model holds; export it again")


def in_float64(model: keras.Model) -> keras.Model:
    """Copy a model so that it computes in float64, with the same weights.

    Thresholds have done their work and are 0 in the copy, whose P holds what was left.
    """
    copy = keras.models.clone_model(model, clone_function=_clone_in_float64, recursive=True)
    copy.set_weights(model.get_weights())
    for old, new in zip(translate(model).nodes, translate(copy).nodes, strict=True):
        if isinstance(old.layer, LookupConv2D | LookupDense):
            new.layer.P.assign(keras.ops.convert_to_numpy(old.layer.sparse_P()))
    return copy


def _clone_in_float64(layer: Any) -> Any:
    if not isinstance(layer, keras.layers.Layer):  # an operation, as of x + y, has the dtype of its inputs
        return copied(layer)
    no_threshold = {"threshold": 0.0} if isinstance(layer, LookupConv2D | LookupDense) else {}
    return copied(layer, dtype="float64", **no_threshold)


def carrying(copy: keras.Model, builder: GraphBuilder, tensors: Mapping[str, np.ndarray]) -> keras.Model:
    """Give a copy in float64 the dictionaries, P and kernels of a (rounded) model file.

    Batch norm stays a layer of its own in the copy, so what it multiplied each filter by is divided out again.
    """
    for old, new in zip(builder.nodes, translate(copy).nodes, strict=True):
        own = {key: tensors[f"{old.name}/{key}"] for key in FP16_TENSORS if f"{old.name}/{key}" in tensors}
        if "coefficients" in own:
            _carry_lookups(new.layer, old, own, tensors[f"{old.name}/indptr"], tensors[f"{old.name}/indices"])
        elif "kernel" in own:
            _carry_kernel(new, old, own["kernel"])
    return copy


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
    P = np.zeros((taps, layer.atoms, n))
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
    if old.places is not None:
        own = np.zeros(int(np.prod(shape)))
        own[old.places[old.places >= 0]] = values[old.places >= 0]
        new.kernel.assign(own.reshape(shape))
        return
    if new.kernel is getattr(new.layer, "depthwise_kernel", None) or isinstance(new.layer, layers.DepthwiseConv2D):
        kh, kw, m, times = shape
        values = values.reshape(m, times, kh, kw).transpose(2, 3, 0, 1)
    elif values.ndim == 4:
        values = values.transpose(2, 3, 1, 0)
    else:
        values = values.T
    new.kernel.assign(values.reshape(shape))
