"""Holds a converted network to its ONNX model as ``verify`` does: node by node, each from the engine's inputs of it.

Of every node, the operators of the model are evaluated that lie between the values that nodes before it hold and the
value that it holds: by ONNX's reference implementation in float64, or by ONNX Runtime. So no difference is carried on,
and a difference is found at the node where it is. What is allowed is what rounding can do (``model/rounding.py``).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime
from onnx import helper
from onnx.reference import ReferenceEvaluator

from lcnn_engine import Net
from lcnn_engine.interop.onnx_import.conversion import Converted, convert
from lcnn_engine.interop.onnx_import.layout import Value, places
from lcnn_engine.interop.onnx_import.tensors import Tensors
from lcnn_engine.model.reference import tensors_by_node
from lcnn_engine.model.rounding import magnitude, share_of_allowed

Evaluate = Callable[[onnx.NodeProto, int, Sequence[np.ndarray]], Sequence[np.ndarray]]


def converted(model: onnx.ModelProto, input_size: tuple[int, int] | None = None) -> Converted:
    """Convert a model, which may warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return convert(model.SerializeToString(), None, None, None, input_size, None)


def _single(node: onnx.NodeProto, opset: int, arrays: Sequence[np.ndarray]) -> onnx.ModelProto:
    """Make the model of one operator."""
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in dict(zip([name for name in node.input if name], arrays, strict=True)).items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output if name]
    graph = helper.make_graph([node], "one", infos, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def by_float64(node: onnx.NodeProto, opset: int, arrays: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    """Evaluate an operator by ONNX's own reference, in float64; what that has wrong in old opsets by its definition."""
    wide = [array.astype(np.float64) if array.dtype == np.float32 else array for array in arrays]
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    if node.op_type == "LRN":
        return [_lrn(wide[0], **attributes)]
    if node.op_type == "Softmax" and opset < 13:  # over all axes from one on
        rows = wide[0].reshape(int(np.prod(wide[0].shape[: attributes.get("axis", 1)])), -1)
        rows = np.exp(rows - rows.max(axis=1, keepdims=True))
        return [(rows / rows.sum(axis=1, keepdims=True)).reshape(wide[0].shape)]
    if node.op_type == "BatchNormalization":  # of statistics that are given, until opset 13, too
        opset = max(opset, 15)
    feeds = dict(zip([name for name in node.input if name], wide, strict=True))
    return ReferenceEvaluator(_single(node, opset, wide)).run(None, feeds)


def _lrn(x: np.ndarray, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0) -> np.ndarray:
    before, after = (size - 1) // 2, size // 2
    padded = np.pad(x**2, [(0, 0), (before, after), (0, 0), (0, 0)])
    total = sum(padded[:, i : i + x.shape[1]] for i in range(size))
    return x / (bias + alpha / size * total) ** beta


def by_onnx_runtime(node: onnx.NodeProto, opset: int, arrays: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    """Evaluate an operator by ONNX Runtime, in float32."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    model = _single(node, opset, arrays).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip([name for name in node.input if name], arrays, strict=True)))


@dataclass
class Judge:
    """Judges ``found``, a converted network, beside ``model``; each node as a share of what is allowed it."""

    model: onnx.ModelProto
    found: Converted
    evaluate: Evaluate
    constants: dict[str, np.ndarray] = field(default_factory=dict)

    def shares(self, x: np.ndarray) -> dict[str, float]:
        """Run an image, (H, W, C), and give the share of every node that holds a value of the model."""
        graph, tensors = self.found.graph, tensors_by_node(self.found.tensors)
        names = list(graph.by_name)
        features: dict[str, np.ndarray] = dict(Net(graph, self.found.tensors).features(x, names))  # type: ignore[arg-type]
        features[graph.input.name] = x
        sums = dict(features)  # where the model has no such value: what its node sums up, for the one behind it
        shares = {}
        for node in graph.nodes:
            given = [sums[name] for name in node.inputs]
            wanted = next((name for name, value in self.found.values.items() if value.node == node.name), None)
            if wanted is None:
                sums[node.name] = magnitude(node, given, tensors[node.name], features[node.name])
                continue
            expected = _as_ours(self._expected(wanted, features), self.found.values[wanted])
            bound = magnitude(node, given, tensors[node.name], expected)
            shares[node.name] = share_of_allowed(features[node.name], expected, bound)
        return shares

    def _expected(self, wanted: str, features: Mapping[str, np.ndarray]) -> np.ndarray:
        """Evaluate the operators behind ``wanted``, back to values that nodes before its own hold."""
        own, values = self.found.values[wanted].node, self.found.values
        makers = {name: node for node in self.model.graph.node for name in node.output}
        held = Tensors({tensor.name: tensor for tensor in self.model.graph.initializer}, None)
        known: dict[str, np.ndarray] = {}
        waiting = [wanted]
        while waiting:
            name = waiting[-1]
            if name in known:
                waiting.pop()
            elif name in held:
                known[name] = held[name]
            elif name in values and values[name].node != own:
                known[name] = _as_onnx(features[values[name].node], values[name])
            elif lacking := [each for each in makers[name].input if each and each not in known]:
                waiting += lacking
            else:
                maker = makers[name]
                arrays = [known[each] for each in maker.input if each]
                results = self.evaluate(maker, self.model.opset_import[0].version, arrays)
                known.update(zip([each for each in maker.output if each], results, strict=True))
        return known[wanted]


def _as_onnx(array: np.ndarray, value: Value) -> np.ndarray:
    order = places(factor for axis in value.axes for factor in axis)
    return array.reshape(-1)[order].reshape(value.dims)


def _as_ours(array: np.ndarray, value: Value) -> np.ndarray:
    order = places(factor for axis in value.axes for factor in axis)
    assert array.shape == value.dims
    assert order.size == value.size
    ours = np.empty(order.size, array.dtype)
    ours[order] = array.reshape(-1)
    return ours.reshape(value.shape)


def shares(model: onnx.ModelProto, x: np.ndarray, evaluate: Evaluate) -> dict[str, float]:
    """Convert a model and judge it on one image, (H, W, C)."""
    return Judge(model, converted(model), evaluate).shares(x)
