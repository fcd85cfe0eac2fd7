"""An ONNX graph in the making."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")

from lcnn_engine.interop.onnx_writer import Writer, nhwc, reshape
from tests.helpers.kernel_cases import Network, seeded


def writer_of() -> tuple[Writer, Network]:
    network = Network((2, 3, 4), seeded("writer"))
    network.add("conv2d", filters=5, kernel_size=(1, 1), name="conv")
    network.add("global_avg_pool2d", name="mean")
    network.add("softmax", name="last")
    writer = Writer(network.graph(), network.tensors, 1)
    writer.names |= {name: f"their {name}" for name in network.shapes}
    return writer, network


def test_tensors_become_initializers_and_those_left_out_nothing() -> None:
    writer, network = writer_of()
    conv, mean, _ = network.nodes
    assert writer.tensor(conv, "kernel") == ["conv.kernel"]
    assert writer.tensor(mean, "kernel") == []
    assert list(writer.initializers) == ["conv.kernel"]
    assert writer.inputs(mean) == ["their conv"]


def test_images_are_put_in_our_order_and_vectors_stay() -> None:
    writer, network = writer_of()
    _, mean, last = network.nodes
    assert nhwc(writer, mean) == "mean.nhwc"
    assert nhwc(writer, last) == "their mean"
    assert [(node.op_type, list(node.input)) for node in writer.nodes] == [("Transpose", ["their conv"])]


def test_a_reshape_has_its_shape_as_an_initializer() -> None:
    writer, _ = writer_of()
    assert reshape(writer, "x", "y", [0, -1]) == "y"
    assert np.frombuffer(writer.initializers["y.shape"].raw_data, np.int64).tolist() == [0, -1]
