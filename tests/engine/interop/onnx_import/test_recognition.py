"""Functions that exporters write out in many operators are found, however they are written, and nothing else is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from onnx import NodeProto

from lcnn_engine import ModelFormatError, from_onnx
from lcnn_engine.model.reference import evaluate
from tests.helpers.kernel_cases import seeded
from tests.helpers.onnx_models import model_of, node, run_onnx

NUMBERS = {
    "half": 0.5, "one": 1.0, "two": 2.0, "three": 3.0, "six": 6.0, "sixth": 1 / 6, "zero": 0.0, "root": math.sqrt(2),
    "halfroot": math.sqrt(0.5), "tenth": 0.1, "cubic": 0.044715, "slope": math.sqrt(2 / math.pi),
}  # fmt: skip


def chain(*steps: str) -> list[NodeProto]:
    """Nodes from ``result = Operator input input``."""
    found = []
    for step in steps:
        result, _, (op, *inputs) = (words := step.split())[0], words[1], words[2:]
        found.append(node(op, ["" if name == "-" else name for name in inputs], [result]))
    return found


FUNCTIONS: dict[str, tuple[str, Sequence[NodeProto]]] = {
    "hard swish, divided last": ("hard_silu", chain(
        "a = Add x three", "b = Clip a zero six", "c = Mul x b", "y = Div c six")),
    "hard swish, gate divided": ("hard_silu", chain(
        "a = Add x three", "b = Clip a zero six", "c = Div b six", "y = Mul c x")),
    "hard swish, multiplied": ("hard_silu", chain(
        "a = Add three x", "b = Clip a zero six", "c = Mul b sixth", "y = Mul x c")),
    "hard swish by Max and Min": ("hard_silu", chain(
        "a = Add x three", "b = Max a zero", "c = Min b six", "d = Mul x c", "y = Mul d sixth")),
    "hard sigmoid": ("hard_sigmoid", chain("a = Add x three", "b = Clip a zero six", "y = Div b six")),
    "silu": ("silu", chain("a = Sigmoid x", "y = Mul x a")),
    "silu by exp": ("silu", chain("a = Neg x", "b = Exp a", "c = Add one b", "y = Div x c")),
    "gelu": ("gelu", chain("a = Div x root", "b = Erf a", "c = Add b one", "d = Mul x c", "y = Mul d half")),
    "gelu, half first": ("gelu", chain(
        "h = Mul x half", "a = Mul x halfroot", "b = Erf a", "c = Add one b", "y = Mul h c")),
    "gelu by tanh": ("gelu_tanh", chain(
        "p = Pow x three", "q = Mul p cubic", "r = Add x q", "s = Mul r slope", "t = Tanh s", "u = Add t one",
        "v = Mul x u", "y = Mul v half")),
    "mish": ("mish", chain("a = Softplus x", "b = Tanh a", "y = Mul x b")),
    "softplus": ("softplus", chain("a = Exp x", "b = Add a one", "y = Log b")),
    "softsign": ("softsign", chain("a = Abs x", "b = Add a one", "y = Div x b")),
    "leaky relu": ("leaky_relu", chain("a = Mul x tenth", "y = Max x a")),
    "relu6": ("relu6", chain("a = Max x zero", "y = Min a six")),
    "hard tanh": ("hard_tanh", chain("n = Neg one", "a = Max x n", "y = Min a one")),
}  # fmt: skip
CONSTANTS = {name: np.float32(value) for name, value in NUMBERS.items()}


@pytest.mark.parametrize("what", FUNCTIONS)
@pytest.mark.parametrize("before", ["", "Relu", "Tanh"])
def test_is_one_activation(what: str, before: str) -> None:
    """Of the input, and of another function, with which it is not confused."""
    name, nodes = FUNCTIONS[what]
    if before:
        nodes = [node(before, ["x"], ["first"]), *(renamed(each) for each in nodes)]
    model = model_of(nodes, CONSTANTS)
    graph, tensors = from_onnx(model)
    x = 4 * seeded(what).standard_normal((1, 4, 7, 9), dtype=np.float32)
    found = evaluate(graph, tensors, x[0].transpose(1, 2, 0))[graph.output]
    expected = run_onnx(model, x)[0].transpose(1, 2, 0)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    if not before or (before == "Tanh" and name != "hard_tanh"):  # else it may be a simpler function
        assert [each.attributes()["activation"] for each in graph.nodes] == [
            *([before.lower()] if before else []),
            name,
        ]


def renamed(each: NodeProto) -> NodeProto:
    """A node that reads ``first`` where the function reads x."""
    copy = NodeProto()
    copy.CopyFrom(each)
    copy.input[:] = ["first" if name == "x" else name for name in each.input]
    return copy


@pytest.mark.parametrize(("name", "steps"), [
    ("a hard swish of another slope", ["a = Add x two", "b = Clip a zero six", "c = Mul x b", "y = Div c six"]),
    ("a silu of another slope", ["h = Mul x half", "a = Sigmoid h", "y = Mul x a"]),
    ("a gate of another value", ["r = Relu x", "a = Sigmoid r", "y = Mul x a"]),
])  # fmt: skip
def test_what_only_looks_like_one(name: str, steps: list[str]) -> None:
    model = model_of(chain(*steps), CONSTANTS)
    graph, tensors = from_onnx(model)
    x = 4 * seeded(name).standard_normal((1, 4, 7, 9), dtype=np.float32)
    found = evaluate(graph, tensors, x[0].transpose(1, 2, 0))[graph.output]
    np.testing.assert_allclose(found, run_onnx(model, x)[0].transpose(1, 2, 0), atol=1e-5)
    assert not {each.attributes().get("activation") for each in graph.nodes} & {"silu", "hard_silu"}


def test_a_part_that_others_read_stays() -> None:
    nodes = [*chain("a = Add x three", "b = Clip a zero six", "c = Mul x b", "d = Div c six", "y = Add d b")]
    model = model_of(nodes, CONSTANTS)
    graph, tensors = from_onnx(model)
    x = 4 * seeded("parts").standard_normal((1, 4, 7, 9), dtype=np.float32)
    found = evaluate(graph, tensors, x[0].transpose(1, 2, 0))[graph.output]
    np.testing.assert_allclose(found, run_onnx(model, x)[0].transpose(1, 2, 0), atol=1e-5)
    assert "hard_silu" in {each.attributes().get("activation") for each in graph.nodes}


NORM = ("m = ReduceMean x", "c = Sub x m", "s = Mul c c", "v = ReduceMean s", "e = Add v tenth", "d = Sqrt e",
        "y = Div c d")  # fmt: skip


def wrong_norms() -> dict[str, list[NodeProto]]:
    """A layer norm that is written out, with an input too many or too few at every place; axes that are no numbers."""
    found = {}
    for place, step in enumerate(NORM):
        for what, words in (("one more", f"{step} tenth"), ("one less", step.rpartition(" ")[0])):
            found[f"{step}, {what}"] = chain(*NORM[:place], words, *NORM[place + 1 :])
    for axes in ([0.5], ["1"], [float("nan")]):
        found[f"axes {axes}"] = [
            node("ReduceMean", each.input, each.output, axes=axes) if each.op_type == "ReduceMean" else each
            for each in chain(*NORM)
        ]
    steps = chain("a = Add x three", "b = Clip a zero six", "y = Mul x b")
    found["a bound of several numbers"] = [steps[0], node("Clip", ["a"], ["b"], min=[0.0, 1.0], max=6.0), steps[2]]
    found["a bound that is text"] = [steps[0], node("Clip", ["a"], ["b"], min="0", max=6.0), steps[2]]
    return found


@pytest.mark.parametrize("which", wrong_norms())
def test_what_is_written_out_wrong_is_refused(which: str) -> None:
    with pytest.raises(ModelFormatError, match="cannot be taken"):
        from_onnx(model_of(wrong_norms()[which], CONSTANTS))
