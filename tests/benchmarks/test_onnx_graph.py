"""The ONNX twin computes what the reference computes, for every operation of the format."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import onnxruntime

from benchmarks.building import NetBuilder
from benchmarks.onnx_graph import onnx_model
from benchmarks.twins import as_dense, dense_kernel
from lcnn_engine.model import graph as g
from lcnn_engine.model.reference import evaluate

Step = Callable[[NetBuilder], object]


def _vector(net: NetBuilder) -> None:
    net.add("global_avg_pool2d", "vector")


def _uneven(net: NetBuilder, op: str, name: str, **attributes: object) -> None:
    """A convolution whose padding, strides and dilation differ from side to side."""
    window = {"kernel_size": (3, 2), "strides": (2, 1), "padding": (1, 0, 2, 3), "dilation": (2, 1)}
    if op == "conv2d":
        tensors = {"kernel": net.rng.standard_normal((6, 4, 3, 2)).astype(np.float32)}
    else:
        tensors = net.lookup_tensors(6, 4, 5, 6, 0.2)
        del tensors["bias"]
    net.add(op, name, tensors=tensors, filters=6, **window, **attributes)


def _batch_norm(net: NetBuilder) -> None:
    channels = net.shapes[net.last][-1]
    scale, shift = net.rng.standard_normal((2, channels)).astype(np.float32)
    net.add("batch_norm", "norm", tensors={"scale": scale, "shift": shift})


def _pool(op: str) -> Step:
    return lambda net: net.add(op, "pool", pool_size=(3, 2), strides=(2, 1), padding=(2, 0, 1, 1))


def _combination(op: str) -> Step:
    def build(net: NetBuilder) -> None:
        vector = net.add("global_max_pool2d", "largest")
        pixel = net.add("max_pool2d", "pixel", "image", pool_size=(7, 9))
        net.add(op, "combined", "image", vector, "image", pixel, activation="relu")

    return build


def _vectors(op: str) -> Step:
    def build(net: NetBuilder) -> None:
        _vector(net)
        net.add(op, "combined", "vector", net.add("global_max_pool2d", "largest", "image"))

    return build


CASES: dict[str, Step] = {
    "lookup_conv2d": lambda net: net.lookup_conv("op", 8, 3, 2, 1, atoms=5, density=0.2),
    "lookup_conv2d uneven": lambda net: _uneven(net, "lookup_conv2d", "op"),
    "lookup_conv2d pruned": lambda net: net.lookup_conv("op", 8, 3, 1, 1, atoms=None, density=0.2),
    "lookup_conv2d empty": lambda net: net.lookup_conv("op", 8, 3, 1, 1, atoms=5, density=0.0),
    "lookup_dense": lambda net: (_vector(net), net.lookup_dense("op", 12, atoms=3, density=0.3)),
    "lookup_dense pruned": lambda net: (_vector(net), net.lookup_dense("op", 12, atoms=None, density=0.3)),
    "conv2d": lambda net: net.conv("op", 8, 3, 2, 1),
    "conv2d uneven": lambda net: _uneven(net, "conv2d", "op"),
    "conv2d groups": lambda net: net.conv("op", 6, 3, 1, 1, groups=2),
    "conv2d depthwise": lambda net: net.conv("op", 4, 3, 1, 1, groups=4),
    "dense": lambda net: (_vector(net), net.dense("op", 12, activation="tanh")),
    "max_pool2d": _pool("max_pool2d"),
    "avg_pool2d": _pool("avg_pool2d"),
    "zero_pad2d": lambda net: net.add("zero_pad2d", "op", padding=(1, 2, 3, 0)),
    "global_avg_pool2d": lambda net: net.add("global_avg_pool2d", "op"),
    "global_max_pool2d": lambda net: net.add("global_max_pool2d", "op"),
    "flatten": lambda net: net.add("flatten", "op"),
    "softmax": lambda net: net.add("softmax", "op"),
    "softmax vector": lambda net: (_vector(net), net.add("softmax", "op")),
    "add": _combination("add"),
    "add vectors": _vectors("add"),
    "multiply": _combination("multiply"),
    "multiply vectors": _vectors("multiply"),
    "concat": lambda net: net.add("concat", "op", "image", net.conv("other", 3, 1), "image"),
    "batch_norm": _batch_norm,
    "batch_norm vector": lambda net: (_vector(net), _batch_norm(net)),
    "lrn": lambda net: net.add("lrn", "op", depth_radius=1, bias=2.0, alpha=0.3, beta=0.75),
    **{
        f"activation {kind}": lambda net, kind=kind: net.add(
            "activation", "op", activation=kind, alpha=0.2 if kind == "leaky_relu" else None
        )
        for kind in g.ACTIVATIONS
    },
}


def _run(model: bytes, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": x})[0]


@pytest.fixture
def net() -> NetBuilder:
    return NetBuilder("one operation", (7, 9, 4), seed=3)


def _close(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())


def test_every_operation_has_a_case() -> None:
    assert {name.split()[0] for name in CASES} == set(g.NODE_TYPES)


@pytest.mark.parametrize("case", CASES)
def test_one_operation_is_the_references(case: str, net: NetBuilder) -> None:
    CASES[case](net)
    graph, tensors = net.finish()
    x = 4 * np.random.default_rng(5).standard_normal(graph.input.shape, dtype=np.float32)
    expected = evaluate(graph, tensors, x)[graph.output]
    _close(_run(onnx_model(graph, tensors), x[None])[0], expected)


def test_flatten_keeps_the_order_that_a_dense_layer_was_trained_with(net: NetBuilder) -> None:
    net.add("flatten", "flat")
    net.dense("op", 10)
    graph, tensors = net.finish()
    x = np.random.default_rng(6).standard_normal(graph.input.shape, dtype=np.float32)
    _close(_run(onnx_model(graph, tensors), x[None])[0], evaluate(graph, tensors, x)["op"])


def test_an_open_batch(net: NetBuilder) -> None:
    net.conv("conv", 5, 3, 1, 1)
    net.add("multiply", "gated", "conv", net.add("global_avg_pool2d", "vector"))
    net.add("flatten", "flat")
    graph, tensors = net.finish()
    xs = np.random.default_rng(7).standard_normal((3, *graph.input.shape), dtype=np.float32)
    expected = np.stack([evaluate(graph, tensors, x)[graph.output] for x in xs])
    _close(_run(onnx_model(graph, tensors, batch="N"), xs), expected)


def test_kernel_of_a_lookup_layer_by_hand() -> None:
    """Two filters, two atoms of three channels, a 1x2 kernel: W[o, :, r, c] = sum of C * D[I]."""
    node = g.LookupConv2D(name="op", inputs=("image",), filters=2, kernel_size=(1, 2))
    tensors = {
        "op/dictionary": np.array([[1, 2, 3], [10, 20, 30]], np.float32),
        "op/indptr": np.array([0, 3, 3], np.int32),
        "op/indices": np.array([0, 1, 3], np.int32),  # (r*kw + c)*k + d
        "op/coefficients": np.array([2, 1, -1], np.float32),
    }
    kernel = dense_kernel(node, tensors, channels=3)
    assert kernel.shape == (2, 3, 1, 2)
    assert kernel[0, :, 0, 0].tolist() == [12, 24, 36]
    assert kernel[0, :, 0, 1].tolist() == [-10, -20, -30]
    assert not kernel[1].any()


def test_written_out_layers_compute_the_same(net: NetBuilder) -> None:
    net.lookup_conv("conv", 8, 3, 2, 1, atoms=5, density=0.2)
    net.add("flatten", "flat")
    net.lookup_dense("last", 6, atoms=7, density=0.2)
    graph, tensors = net.finish()
    dense_graph, dense_tensors = as_dense(graph, tensors)
    assert [node.op for node in dense_graph.nodes] == ["conv2d", "flatten", "dense"]
    assert set(dense_tensors) == {"conv/kernel", "conv/bias", "last/kernel", "last/bias"}
    x = np.random.default_rng(8).standard_normal(graph.input.shape, dtype=np.float32)
    expected, found = evaluate(graph, tensors, x), evaluate(dense_graph, dense_tensors, x)
    _close(found["conv"], expected["conv"])
    _close(found["last"], expected["last"])
