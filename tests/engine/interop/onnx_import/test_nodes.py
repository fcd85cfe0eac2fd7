"""Functions that a model defines for itself: what it gives is what ONNX Runtime gives, which writes them out, too."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import onnx
from onnx import FunctionProto, NodeProto, helper

from lcnn_engine import ModelFormatError, Net, from_onnx
from lcnn_engine.interop.onnx_import.nodes import DEEPEST
from tests.helpers.kernel_cases import seeded
from tests.helpers.onnx_models import model_of, node, run_onnx

OURS = "functions.of.ours"


def function(
    name: str, inputs: Sequence[str], outputs: Sequence[str], nodes: Sequence[NodeProto], opset: int = 17, **kind: Any
) -> FunctionProto:
    imports = [helper.make_opsetid("", opset), helper.make_opsetid(OURS, 1)]
    return helper.make_function(OURS, name, inputs, outputs, nodes, imports, **kind)


def call(name: str, inputs: Sequence[str] = ("x",), outputs: Sequence[str] = ("y",), **attributes: Any) -> NodeProto:
    return node(name, inputs, outputs, domain=OURS, **attributes)


def model(nodes: Sequence[NodeProto], *functions: FunctionProto, **constants: np.ndarray) -> bytes:
    made = onnx.load_from_string(model_of(nodes, constants))
    made.functions.extend(functions)
    made.opset_import.append(helper.make_opsetid(OURS, 1))
    return made.SerializeToString()


def reference_to(name: str, kind: int) -> onnx.AttributeProto:
    return onnx.AttributeProto(name=name, ref_attr_name=name, type=kind)


LEAKY = node("LeakyRelu", ["a"], ["b"])
LEAKY.attribute.append(reference_to("alpha", onnx.AttributeProto.FLOAT))
BLOCK = function("Block", ["x", "w"], ["b"], [node("Conv", ["x", "w"], ["a"]), LEAKY], attributes=["alpha"])
WITH_DEFAULT = function("Block", ["x", "w"], ["b"], BLOCK.node, attribute_protos=[helper.make_attribute("alpha", 0.5)])
TWICE = function("Twice", ["x", "w"], ["c"], [call("Block", ["x", "w"], ["a"], alpha=0.25),
                                              call("Block", ["a", "w"], ["c"], alpha=0.75)])  # fmt: skip
THROUGH = function("Through", ["x", "unused"], ["x", "y"], [node("Relu", ["x"], ["y"])])
KERNEL = seeded("functions").standard_normal((4, 4, 3, 3), dtype=np.float32)

MODELS = {
    "an attribute": lambda: model([call("Block", ["x", "w"], alpha=0.1)], BLOCK, w=KERNEL),
    "a default": lambda: model([call("Block", ["x", "w"])], WITH_DEFAULT, w=KERNEL),
    "a default that is not taken": lambda: model([call("Block", ["x", "w"], alpha=0.1)], WITH_DEFAULT, w=KERNEL),
    "called twice, names again": lambda: model(
        [call("Block", ["x", "w"], ["a"], alpha=0.1), call("Block", ["a", "w"], alpha=0.3)], BLOCK, w=KERNEL
    ),
    "calls in a call": lambda: model([call("Twice", ["x", "w"])], TWICE, BLOCK, w=KERNEL),
    "an output left out": lambda: model(
        [call("Through", ["x"], ["", "b"]), node("Sigmoid", ["b"])], function("Through", ["x", "unused"], ["z", "y"],
         [node("Relu", ["x"], ["y"]), node("Neg", ["x"], ["z"])])
    ),
}  # fmt: skip


@pytest.mark.parametrize("which", MODELS)
def test_gives_what_onnx_runtime_gives(which: str) -> None:
    data = MODELS[which]()
    x = seeded(which).standard_normal((7, 9, 4), dtype=np.float32)
    expected = run_onnx(data, x.transpose(2, 0, 1)[None])[0].transpose(1, 2, 0)
    np.testing.assert_allclose(Net(*from_onnx(data)).run(x), expected, rtol=1e-5, atol=1e-5)


def test_what_is_given_as_it_is() -> None:
    """Which ONNX Runtime does not take."""
    data = model([call("Through", ["x"], ["a", "b"]), node("Sub", ["a", "b"])], THROUGH)
    x = seeded("through").standard_normal((7, 9, 4), dtype=np.float32)
    np.testing.assert_array_equal(Net(*from_onnx(data)).run(x), np.minimum(x, 0))


def test_every_node_that_is_refused_is_named_by_its_call() -> None:
    broken = function("Broken", ["x"], ["b"], [node("Erf", ["x"], ["a"]), node("LSTM", ["a"], ["b"], name="cell")])
    with pytest.raises(ModelFormatError, match=r"2 nodes .*\n  'y::Broken::a' \(Erf\).*\n  'y::Broken::cell' \(LSTM\)"):
        from_onnx(model([call("Broken")], broken))


def doubling(depth: int) -> bytes:
    """Each of ``depth`` functions calls the next twice."""
    functions = [function(f"F{i}", ["x"], ["b"], [call(f"F{i + 1}", ["x"], ["a"]), call(f"F{i + 1}", ["a"], ["b"])])
                 for i in range(depth)]  # fmt: skip
    return model([call("F0")], *functions, function(f"F{depth}", ["x"], ["x"], []))


BROKEN = {
    "itself": lambda: model([call("F")], function("F", ["x"], ["y"], [call("F")])),
    "each other": lambda: model(
        [call("F")], function("F", ["x"], ["y"], [call("G")]), function("G", ["x"], ["y"], [call("F")])
    ),
    "2^60 operators": lambda: doubling(60),
    "a deep one": lambda: doubling(DEEPEST),
    "long names": lambda: model(
        [call("F", ["x"], [f"y{i}"]) for i in range(2000)],
        function("F", ["x"], ["y"], [node("Relu", ["x"], ["a" * 200_000]), node("Relu", ["a" * 200_000])]),
    ),
}


@pytest.mark.parametrize("which", BROKEN)
def test_calls_without_end_are_refused(which: str) -> None:
    before = time.perf_counter()
    with pytest.raises(ModelFormatError, match="expected functions that are at most 64 deep, and 131,072 operators"):
        from_onnx(BROKEN[which]())
    assert time.perf_counter() - before < 60


def test_another_opset_is_refused() -> None:
    with pytest.raises(ModelFormatError, match="expected operators of the model's opset 17, found 11; write it out"):
        from_onnx(model([call("F")], function("F", ["x"], ["y"], [node("Relu")], opset=11)))


def test_a_value_that_is_a_constant_too_is_refused() -> None:
    with pytest.raises(ModelFormatError, match="expected every value to be made once, found 'w' to be a constant, too"):
        from_onnx(model_of([node("Relu", outputs=["w"]), node("Relu", ["w"])], {"w": KERNEL}))
