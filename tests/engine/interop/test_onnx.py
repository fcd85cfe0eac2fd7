"""A graph as an ONNX model computes in ONNX Runtime what the reference does, for every operation of the format."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import onnx
import onnxruntime

from lcnn_engine.format.graph_json import graph_from_object
from lcnn_engine.interop.dense import dense_equivalent, two_layer_equivalent
from lcnn_engine.interop.onnx import onnx_model
from lcnn_engine.model.activations import ACTIVATION_FUNCTIONS
from lcnn_engine.model.reference import evaluate
from tests.helpers.kernel_cases import Network, seeded
from tests.helpers.one_operation import CASES, assert_close, network_of


def run(model: bytes, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


@pytest.mark.parametrize("case", CASES)
def test_one_operation_is_the_references(case: str) -> None:
    graph, tensors, x = network_of(case)
    model = onnx_model(*dense_equivalent(graph, tensors))
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    assert_close(run(model, x[None])[0], evaluate(graph, tensors, x)[graph.output])


def test_an_open_batch() -> None:
    network = Network((7, 9, 4), seeded("open batch"))
    conv = network.add("conv2d", filters=5, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    network.add("multiply", conv, network.add("global_avg_pool2d"))
    network.add("flatten")
    graph, tensors = network.graph(), network.tensors
    xs = network.rng.standard_normal((3, *graph.input.shape), dtype=np.float32)
    expected = np.stack([evaluate(graph, tensors, x)[graph.output] for x in xs])
    assert_close(run(onnx_model(graph, tensors, batch="N"), xs), expected)


def test_what_an_activation_becomes_tells_which_it_is() -> None:
    """Two rows alike could not be told apart in a model that is read."""
    rows = [(row.onnx, *map(tuple, (row.onnx_attributes.items(), row.onnx_operands.items())), row.onnx_gate)
            for row in ACTIVATION_FUNCTIONS.values()]  # fmt: skip
    assert len(set(rows)) == len(rows)


def test_lookup_layers_are_to_be_written_out_before() -> None:
    graph, tensors, _ = network_of("lookup_conv2d")
    with pytest.raises(ValueError, match="expected an ordinary layer, found lookup_conv2d; write it out before"):
        onnx_model(graph, tensors)


def test_too_large_for_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lcnn_engine.interop.onnx.MAX_FILE_BYTES", 1000)
    graph, tensors, _ = network_of("conv2d")
    with pytest.raises(ValueError, match=r"expected at most 1,000 bytes of weights, .*, found 1,"):
        onnx_model(graph, tensors)


NAMES = {  # of the input, a convolution, another one whose input is the first's, and the softmax after it
    "output for the last": ("image", "a", "b", "output"),
    "output in the middle": ("image", "output", "b", "c"),
    "output for the input": ("output", "a", "b", "c"),
    "output for the input, and the next": ("output", "output_2", "b", "c"),
    "the numbers of relu6": ("image", "zero", "six", "c"),
    "the number as input": ("six", "a", "zero", "c"),
    "an activation of the first": ("image", "a", "a.act", "c"),
    "an activation of the next": ("image", "b.act", "b", "c"),
    "weights": ("image", "a", "a.kernel", "a.bias"),
    "the input's other layout": ("image", "image.nchw", "b", "c"),
    "numbers": ("image", "a.act", "a", "a.act_2"),
    "a vector": ("image", "c.vector", "b", "c.nhwc"),
    "nothing": ("", "a", "b", "unnamed"),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_that_are_taken(case: str) -> None:
    source, first, second, last = NAMES[case]
    rng = seeded(case)
    conv = {"op": "conv2d", "kernel_size": [3, 3], "activation": "relu6"}
    graph = graph_from_object({
        "name": "", "input": {"name": source, "shape": [7, 8, 3]}, "output": last,
        "nodes": [
            {"name": first, "inputs": [source], "filters": 4, **conv},
            {"name": second, "inputs": [first], "filters": 5, **conv},
            {"name": "flat", "op": "global_avg_pool2d", "inputs": [second]},
            {"name": last, "op": "softmax", "inputs": ["flat"]},
        ],
    })  # fmt: skip
    tensors = {
        f"{name}/{key}": rng.standard_normal(shape, dtype=np.float32)
        for name, n, m in ((first, 4, 3), (second, 5, 4)) for key, shape in (("kernel", (n, m, 3, 3)), ("bias", (n,)))
    }  # fmt: skip
    x = rng.standard_normal(graph.input.shape, dtype=np.float32)
    model = onnx_model(graph, tensors)
    assert_close(run(model, x[None])[0], evaluate(graph, tensors, x)[graph.output])
    assert onnx.load_from_string(model).graph.output[0].name == ("output_2" if source == "output" else "output")


def test_what_onnx_does_not_take_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, tensors, _ = network_of("softmax")
    wrong = ACTIVATION_FUNCTIONS["linear"]._replace(onnx="Softmax", onnx_attributes={"axis": 9})
    monkeypatch.setitem(ACTIVATION_FUNCTIONS, "linear", wrong)
    with pytest.raises(ValueError, match="expected a model that ONNX takes, found one that its checker refuses"):
        onnx_model(graph, tensors)


def test_the_dictionary_of_a_layer_avoids_the_inputs_name() -> None:
    graph, tensors, x = network_of("lookup_conv2d")
    layer = next(node for node in graph.nodes if node.op == "lookup_conv2d")
    name = f"{layer.name}_dictionary"
    graph = replace(
        graph, input=replace(graph.input, name=name),
        nodes=tuple(replace(node, inputs=tuple(name if i == graph.input.name else i for i in node.inputs))
                    for node in graph.nodes),
    )  # fmt: skip
    assert_close(
        run(onnx_model(*two_layer_equivalent(graph, tensors)), x[None])[0],
        evaluate(graph, tensors, x)[graph.output],
    )
