"""ONNX files, damaged and changed: refused, or a network that runs and becomes a model file."""

from __future__ import annotations

import random
import warnings
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper

from lcnn_engine import Net, from_onnx
from lcnn_engine.errors import ModelFormatError
from lcnn_engine.interop.dense import dense_equivalent, two_layer_equivalent
from lcnn_engine.interop.onnx import onnx_model
from lcnn_engine.interop.onnx_import import constants
from lcnn_engine.interop.onnx_import.constants import FOLDED
from lcnn_engine.interop.onnx_import.operators import TRANSLATED
from tests.fuzz.kind import Kind, Outcome, refused
from tests.fuzz.meter import FoundError, Meter, while_loading
from tests.fuzz.model_files import MAX_BYTES, MAX_MULTIPLICATIONS
from tests.helpers.damage import damaged_bytes
from tests.helpers.kernel_cases import seeded
from tests.helpers.networks import small_classifier
from tests.helpers.onnx_operator_tests import models_of, operator_tests
from tests.helpers.random_networks import random_network

MOST_BYTES = 2**16  # of a file to begin with
RANDOM_SEEDS = 30
MOST_FOLDED = 2**24  # bytes of constants that are calculated; the engine's own limit is far higher
OPERATORS = sorted({*TRANSLATED, *FOLDED})
SIZES = [0, 1, -1, 2, 3, 4, 7, 8, 100, 2**15, 2**31 - 1, 2**31, -(2**31), 2**62]
NUMBERS = [0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, float("inf"), float("nan")]


class OnnxFiles(Kind):
    """Begins with networks of our own written as ONNX, and with the models that the package onnx has for its tests."""

    name = "onnx_files"

    def __init__(self, kept: Sequence[bytes] = ()) -> None:
        super().__init__(kept)
        constants.MAX_FOLDED_BYTES = MOST_FOLDED
        self._whole = [list(_own()), list(_of_the_package())]

    def make(self, rng: random.Random) -> bytes:
        data = rng.choice(self.kept) if self.kept and rng.random() < 0.4 else rng.choice(rng.choice(self._whole))
        if rng.random() < 0.2:
            return damaged_bytes(data, rng, tokens=b"\0\xff\x01\x7f\x80\x08\x12")
        model = onnx.ModelProto()
        try:
            model.ParseFromString(data)
        except DecodeError:
            return damaged_bytes(data, rng)
        for _ in range(rng.choice([0, 1, 1, 1, 2, 4])):
            change = rng.choice([_change_an_attribute, _change_a_node, _change_a_tensor, _change_sizes])
            try:
                change(model, rng)
            except (ValueError, TypeError):  # numbers that a field cannot hold
                continue
        return model.SerializeToString()

    def judge(self, data: bytes, meter: Meter) -> Outcome:
        most = while_loading(data) + 4 * MOST_FOLDED
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                with meter.memory(most, "converting"):
                    graph, tensors = from_onnx(data)
                with meter.memory(most + MAX_BYTES, "running"):
                    net = Net(graph, tensors, 1, MAX_BYTES, max_multiplications=MAX_MULTIPLICATIONS)
                    x = np.random.default_rng(zlib.crc32(data)).standard_normal(net.input_shape).astype(np.float32)
                    result = net.run(x)
            except ModelFormatError as error:
                return refused(error)
        if result.shape != net.output_shape:
            raise FoundError(f"expected a result of shape {net.output_shape}, found {result.shape}")
        return Outcome(True, " ".join(sorted({node.op for node in graph.nodes})), 1)


def _own() -> Iterator[bytes]:
    networks = [random_network(seeded("fuzz onnx", seed)) for seed in range(RANDOM_SEEDS)]
    for graph, tensors in [small_classifier(), *((network.graph(), network.tensors) for network in networks)]:
        for equivalent in (dense_equivalent, two_layer_equivalent):
            try:
                yield onnx_model(*equivalent(graph, tensors))
            except ModelFormatError:  # what ONNX has no operator for
                continue


def _of_the_package() -> Iterator[bytes]:
    """ONNX's tests of its operators, as the engine can be tried with them."""
    for test in operator_tests():
        for model in models_of(test):
            data = model.SerializeToString()
            if len(data) <= MOST_BYTES:
                yield data


def _graph_parts(model: onnx.ModelProto) -> tuple[list[Any], list[Any]]:
    return list(model.graph.node), list(model.graph.initializer)


def _change_an_attribute(model: onnx.ModelProto, rng: random.Random) -> None:
    nodes = [node for node in model.graph.node if node.attribute]
    if not nodes:
        return
    attribute = rng.choice(rng.choice(nodes).attribute)
    if attribute.type == onnx.AttributeProto.INT:
        attribute.i = rng.choice([attribute.i + 1, attribute.i - 1, *SIZES])
    elif attribute.type == onnx.AttributeProto.INTS and attribute.ints:
        place = rng.randrange(len(attribute.ints))
        attribute.ints[place] = rng.choice([attribute.ints[place] + 1, attribute.ints[place] - 1, *SIZES])
    elif attribute.type == onnx.AttributeProto.FLOAT:
        attribute.f = rng.choice(NUMBERS)
    elif attribute.type == onnx.AttributeProto.STRING:
        attribute.s = rng.choice([b"", b"SAME_UPPER", b"linear", b"half_pixel", b"edge", b"\xff", b"reflect"])
    else:
        attribute.name = rng.choice(["axis", "pads", "value", "to", "perm", ""])


def _change_a_node(model: onnx.ModelProto, rng: random.Random) -> None:
    nodes, _ = _graph_parts(model)
    if not nodes:
        return
    node = rng.choice(nodes)
    names = [name for other in nodes for name in (*other.input, *other.output)]
    action = rng.randrange(6)
    if action == 0:
        node.op_type = rng.choice(OPERATORS)
    elif action == 1 and node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice([*names, ""])
    elif action == 2:
        model.graph.node.remove(node)
    elif action == 3:
        node.input.append(rng.choice(names or [""]))
    elif action == 4 and node.input:
        del node.input[-1]
    else:
        made = helper.make_node(rng.choice(OPERATORS), [rng.choice(names or ["x"])], [f"new{rng.randrange(10**6)}"])
        model.graph.node.insert(rng.randrange(len(nodes) + 1), made)


def _change_a_tensor(model: onnx.ModelProto, rng: random.Random) -> None:
    _, tensors = _graph_parts(model)
    tensors += [attribute.t for node in model.graph.node for attribute in node.attribute if attribute.HasField("t")]
    if not tensors:
        return
    tensor = rng.choice(tensors)
    action = rng.randrange(4)
    if action == 0 and tensor.dims:
        place = rng.randrange(len(tensor.dims))
        tensor.dims[place] = rng.choice([tensor.dims[place] + 1, max(0, tensor.dims[place] - 1), *SIZES])
    elif action == 1:
        tensor.data_type = rng.randrange(30)
    elif action == 2 and tensor.raw_data:
        tensor.raw_data = damaged_bytes(tensor.raw_data, rng)
    elif tensor.int64_data:
        tensor.int64_data[rng.randrange(len(tensor.int64_data))] = rng.choice(SIZES)
    elif tensor.float_data:
        tensor.float_data[rng.randrange(len(tensor.float_data))] = rng.choice(NUMBERS)
    elif tensor.raw_data and tensor.data_type == TensorProto.INT64 and len(tensor.raw_data) >= 8:
        place = rng.randrange(len(tensor.raw_data) // 8) * 8
        number = (rng.choice(SIZES) % 2**64).to_bytes(8, "little")
        tensor.raw_data = tensor.raw_data[:place] + number + tensor.raw_data[place + 8 :]


def _change_sizes(model: onnx.ModelProto, rng: random.Random) -> None:
    """Change the shape of the input, its kind, or the version of the operators."""
    infos = [info for info in model.graph.input if info.type.HasField("tensor_type")]
    action = rng.randrange(4)
    if action == 0 and model.opset_import:
        model.opset_import[0].version = rng.choice([6, 7, 9, 10, 11, 13, 18, 20, 2**31])
    elif infos:
        kind = rng.choice(infos).type.tensor_type
        if action == 1:
            kind.elem_type = rng.randrange(20)
        elif kind.shape.dim:
            kind.shape.dim[rng.randrange(len(kind.shape.dim))].dim_value = rng.choice(SIZES)
