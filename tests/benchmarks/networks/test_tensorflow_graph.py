"""The TensorFlow and LiteRT models compute what the reference computes, for every operation of the format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tensorflow as tf

from benchmarks.comparison.engines import ENGINES
from benchmarks.networks.builder import NetBuilder
from benchmarks.networks.tensorflow_graph import ACTIVATIONS, OPERATIONS, TensorFlowNet
from lcnn_engine.model import graph as g
from lcnn_engine.model.reference import evaluate
from tests.helpers.one_operation import CASES, assert_close, network_of


def test_every_operation_is_there() -> None:
    wanted = set(g.NODE_TYPES) - {"lookup_conv2d", "lookup_dense"}
    assert set(OPERATIONS) == wanted, "benchmarks/networks/tensorflow_graph.py, OPERATIONS"


def test_every_activation_is_there() -> None:
    assert set(ACTIVATIONS) == set(g.ACTIVATIONS), "benchmarks/networks/tensorflow_graph.py, ACTIVATIONS"


@pytest.mark.parametrize("case", CASES)
def test_one_operation_is_the_references(case: str) -> None:
    """Grouped convolutions are left out: TensorFlow has none that run on every CPU build."""
    graph, tensors, x = network_of(case)
    found = TensorFlowNet(graph, tensors).function(x[None]).numpy()[0]
    assert_close(found, evaluate(graph, tensors, x)[graph.output])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small network in the formats of TensorFlow's engines."""
    folder = tmp_path_factory.mktemp("models")
    net = TensorFlowNet(*_network())
    found = {suffix: folder / f"net.{suffix}" for suffix in ("savedmodel", "tflite", "int8.tflite")}
    net.save(found["savedmodel"])
    found["tflite"].write_bytes(net.litert(int8=False))
    found["int8.tflite"].write_bytes(net.litert(int8=True))
    return found


def _network() -> tuple[g.Graph, dict[str, np.ndarray]]:
    net = NetBuilder("network", (12, 12, 3))
    net.lookup_conv("conv1", 16, 3, 2, 1, atoms=3, density=0.3)
    net.conv("depthwise", 16, 3, 2, (0, 1, 0, 1), groups=16)
    net.conv("doubled", 32, 3, 1, 1, groups=16, activation="relu6")
    net.conv("conv2", 64, 3, 1, 1)
    net.add("flatten", "flat")
    net.dense("logits", 10)
    net.add("softmax", "probabilities")
    return net.finish()


@pytest.mark.parametrize(("engine", "tolerance"), [("tensorflow", 1e-5), ("litert-f32", 1e-5), ("litert-int8", 0.1)])
def test_engines_read_the_files(
    engine: str, tolerance: float, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for setter in ("set_intra_op_parallelism_threads", "set_inter_op_parallelism_threads"):
        monkeypatch.setattr(tf.config.threading, setter, lambda threads: None)  # too late in this process
    graph, tensors = _network()
    xs = np.random.default_rng(6).standard_normal((3, *graph.input.shape), dtype=np.float32)
    if engine.startswith("litert"):
        pytest.importorskip("ai_edge_litert")
    model = ENGINES[engine].make(str(files[ENGINES[engine].suffix]), xs, 1)
    model.run()
    assert_close(model.result(), np.stack([evaluate(graph, tensors, x)[graph.output] for x in xs]), tolerance)


def test_depthwise_convolutions_are_litert_s_own(files: dict[str, Path]) -> None:
    pytest.importorskip("ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter

    for suffix in ("tflite", "int8.tflite"):
        interpreter = Interpreter(model_path=str(files[suffix]))
        operations = [one["op_name"] for one in interpreter._get_ops_details()]
        assert operations.count("DEPTHWISE_CONV_2D") == 2
        assert "RESHAPE" not in operations[:4]


def test_int8_is_smaller(files: dict[str, Path]) -> None:
    assert files["int8.tflite"].stat().st_size < 0.5 * files["tflite"].stat().st_size
