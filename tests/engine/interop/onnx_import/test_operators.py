"""Every operator that is taken, as a small model: the engine's kernels give what ONNX Runtime gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from onnx import NodeProto, numpy_helper

from lcnn_engine import Net, from_onnx
from tests.helpers.kernel_cases import seeded
from tests.helpers.onnx_models import model_of, node, run_onnx


class Case(NamedTuple):
    """A model from x to y; ``shape`` that of x."""

    nodes: Sequence[NodeProto]
    constants: dict[str, np.ndarray] = {}  # noqa: RUF012
    shape: Sequence[int] = (1, 4, 7, 9)
    opset: int = 17
    positive: bool = False


RNG = seeded("onnx operators")


def f(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape, dtype=np.float32)


def i(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def one(op: str, *constants: np.ndarray | None, opset: int = 17, shape: Sequence[int] = (1, 4, 7, 9),
        positive: bool = False, first: bool = False, **attributes: Any) -> Case:  # fmt: skip
    """``op`` on x and constants after it (``first``: before it; None: left out)."""
    names = ["" if constant is None else f"c{number}" for number, constant in enumerate(constants)]
    given = {name: constant for name, constant in zip(names, constants, strict=True) if constant is not None}
    inputs = [*names, "x"] if first else ["x", *names]
    return Case([node(op, inputs, **attributes)], given, shape, opset, positive)


def two(op: str, *before: NodeProto, opset: int = 17, shape: Sequence[int] = (1, 4, 7, 9),
        reverse: bool = False, **constants: np.ndarray) -> Case:  # fmt: skip
    """``op`` on x and what ``before`` make of it, ``z``."""
    inputs = ("z", "x") if reverse else ("x", "z")
    return Case([*before, node(op, inputs)], constants, shape, opset)


KERNEL, UNEVEN = f(6, 4, 3, 3), f(6, 4, 3, 2)
POOL = node("GlobalAveragePool", ["x"], ["z"])
CHANNEL = node("ReduceMean", ["x"], ["z"], axes=[1])
ROI = np.zeros(0, np.float32)

CASES = {
    "Conv": one("Conv", KERNEL, f(6), pads=[1, 1, 1, 1]),
    "Conv uneven": one("Conv", UNEVEN, pads=[1, 2, 0, 3], strides=[2, 1], dilations=[2, 1]),
    "Conv groups": one("Conv", f(6, 2, 3, 3), f(6), group=2),
    "Conv depthwise": one("Conv", f(8, 1, 3, 3), group=4),
    "Conv same upper": one("Conv", UNEVEN, auto_pad="SAME_UPPER", strides=[2, 2]),
    "Conv same lower": one("Conv", UNEVEN, auto_pad="SAME_LOWER", strides=[2, 2]),
    "Conv valid": one("Conv", UNEVEN, auto_pad="VALID"),
    "Conv, BatchNormalization, Relu": Case([
        node("Conv", ["x", "w"], ["a"]), node("BatchNormalization", ["a", "g", "b", "m", "v"], ["c"]),
        node("Relu", ["c"])], {"w": KERNEL, "g": f(6), "b": f(6), "m": f(6),
         "v": np.abs(f(6)) + 0.1}),
    "Conv of a vector": Case([POOL, node("Conv", ["z", "w", "b"])], {"w": f(6, 4, 1, 1), "b": f(6)}),
    "Conv of a vector, groups": Case([POOL, node("Conv", ["z", "w"], group=2, pads=[1, 1, 1, 1])],
        {"w": f(6, 2, 3, 3)}),
    "squeeze and excitation": Case([
        POOL, node("Conv", ["z", "w"], ["a"]), node("Relu", ["a"], ["b"]), node("Conv", ["b", "v"], ["c"]),
        node("HardSigmoid", ["c"], ["d"], alpha=1 / 6, beta=0.5), node("Mul", ["x", "d"])],
        {"w": f(2, 4, 1, 1), "v": f(4, 2, 1, 1)}),
    "Pad, Conv": Case([node("Pad", ["x", "p"], ["a"]), node("Conv", ["a", "w"])],
                      {"p": i(0, 0, 1, 2, 0, 0, 3, 0), "w": KERNEL}),
    **{f"ConvTranspose {what}": one("ConvTranspose", f(4, 3, *size), f(6 if attributes.get("group") else 3),
        **attributes) for what, size, attributes in (
        ("plain", (3, 3), {}), ("strides", (3, 3), {"strides": [2, 2]}), ("even", (4, 4), {"strides": [2, 2],
         "pads": [1, 1, 1, 1]}), ("output padding", (3, 3), {"strides": [2, 2], "pads": [1, 1, 1, 1],
         "output_padding": [1, 1]}), ("groups", (3, 2), {"strides": [2, 2], "group": 2}), ("small", (2, 2),
         {"strides": [2, 2]}), ("output shape", (3, 3), {"strides": [2, 2], "output_shape": [14, 18]}),
        ("same", (3, 3), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}), ("groups of 1", (3, 3), {"group": 2}),
        ("uneven strides", (3, 4), {"strides": [2, 1], "pads": [1, 0, 0, 2]}), ("strides of six", (4, 3), {"strides":
         [2, 3], "output_padding": [1, 2]}), ("uneven, groups", (2, 3), {"strides": [1, 2], "group": 2}),
        ("dilations", (3, 3), {"dilations": [2, 3], "pads": [1, 2, 3, 0]}), ("dilations, groups", (3, 2), {"dilations":
         [2, 1], "group": 2}), ("dilations, strides", (3, 3), {"strides": [2, 3], "dilations": [3, 2]}),
        ("beyond the window", (2, 2), {"strides": [4, 4], "output_padding": [3, 1]}))},
    "Flatten, Gemm": Case([node("Flatten", outputs=["a"]), node("Gemm", ["a", "w", "b"], transB=1)],
                          {"w": f(5, 252), "b": f(5)}),
    "Flatten, Gemm alpha beta": Case([node("Flatten", outputs=["a"]),
        node("Gemm", ["a", "w", "b"], alpha=0.5, beta=2.0)], {"w": f(252, 5), "b": f(1, 5)}),
    "MatMul, Add": Case([node("Flatten", outputs=["a"]), node("MatMul", ["a", "w"], ["c"]),
        node("Add", ["c", "b"])], {"w": f(252, 5), "b": f(5)}),
    "MatMul of every pixel": Case([node("Transpose", outputs=["a"], perm=[0, 2, 3, 1]),
        node("MatMul", ["a", "w"], ["c"]),
        node("Add", ["c", "b"], ["d"]), node("Transpose", ["d"], perm=[0, 3, 1, 2])], {"w": f(4, 6), "b": f(6)}),
    "MatMul of rows": Case([node("Reshape", ["x", "s"], ["a"]), node("Transpose", ["a"], ["b"], perm=[0, 2, 1]),
                            node("MatMul", ["b", "w"])], {"s": i(1, 4, 63), "w": f(4, 6)}),
    **{f"{kind} {what}": one(kind, kernel_shape=[3, 2], opset=19, **attributes) for kind in ("MaxPool", "AveragePool")
       for what, attributes in (
        ("strides", {"strides": [2, 2]}), ("pads", {"strides": [2, 1], "pads": [1, 0, 2, 1]}),
        ("ceil", {"strides": [2, 2], "ceil_mode": 1}), ("ceil pads", {"strides": [3, 3], "ceil_mode": 1,
        "pads": [1, 1, 1, 1]}), ("same upper", {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        ("same lower", {"auto_pad": "SAME_LOWER", "strides": [2, 2]}), ("dilations", {"dilations": [2, 2]}),
        ("uneven dilations", {"dilations": [2, 3], "pads": [1, 0, 2, 1], "strides": [1, 2]}),
        ("dilations down", {"dilations": [3, 1], "strides": [2, 2]}),
        ("dilations ceil", {"dilations": [2, 2], "strides": [2, 2], "pads": [1, 1, 0, 1], "ceil_mode": 1}))},
    "AveragePool dilations include": one("AveragePool", kernel_shape=[3, 2], dilations=[2, 3], pads=[1, 1, 2, 1],
                                         strides=[2, 1], count_include_pad=1, opset=19),
    "AveragePool include": one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
    "AveragePool include ceil": one("AveragePool", kernel_shape=[3, 3], pads=[1, 0, 1, 0], strides=[2, 2], ceil_mode=1,
                                    count_include_pad=1, opset=19),
    "GlobalAveragePool": one("GlobalAveragePool"),
    "GlobalMaxPool": one("GlobalMaxPool"),
    "ReduceMean": one("ReduceMean", axes=[2, 3], keepdims=0),
    "ReduceMean kept": one("ReduceMean", axes=[-1, -2]),
    "ReduceMean axes": one("ReduceMean", i(2, 3), opset=18, keepdims=0),
    "ReduceMean rows": one("ReduceMean", axes=[2]),
    "ReduceMean all": one("ReduceMean"),
    "ReduceMean channels": one("ReduceMean", axes=[1]),
    "ReduceMax": one("ReduceMax", axes=[2, 3]),
    "ReduceMax columns": one("ReduceMax", axes=[3]),
    "ReduceMax channels": one("ReduceMax", axes=[1]),
    "ReduceSum": one("ReduceSum", i(2, 3)),
    "ReduceMean of a transpose": Case([node("Transpose", outputs=["a"], perm=[0, 2, 3, 1]),
                                       node("ReduceMean", ["a"], axes=[1, 2], keepdims=0)]),
    **{kind: one(kind, positive=kind in ("Sqrt", "Log", "Reciprocal")) for kind in (
        "Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSwish", "HardSigmoid", "Neg", "Identity", "Dropout", "Softplus",
        "Softsign", "Abs", "Exp", "Sqrt", "Log", "Elu", "Selu", "Reciprocal")},
    "Celu": one("Celu", alpha=2.0),
    "Mish": one("Mish", opset=18),
    "Gelu": one("Gelu", opset=20),
    "Gelu tanh": one("Gelu", opset=20, approximate="tanh"),
    "HardSigmoid six": one("HardSigmoid", alpha=1 / 6, beta=0.5),
    "Clip six": one("Clip", np.float32(0), np.float32(6)),
    "Clip low": one("Clip", np.float32(0), None),
    "Clip old": one("Clip", opset=9, min=0.0, max=6.0),
    "Clip one": one("Clip", np.float32(-1), np.float32(1)),
    "Clip any": one("Clip", np.float32(-0.3), np.float32(0.7)),
    "PRelu": one("PRelu", f(4, 1, 1)),
    "PRelu one": one("PRelu", np.full(1, 0.3, np.float32)),
    "Add number": one("Add", np.float32(0.3)),
    "Add channels": one("Add", f(1, 4, 1, 1)),
    "Add columns": one("Add", f(9)),
    "Add map": one("Add", f(4, 7, 9)),
    "Mul channels": one("Mul", f(4, 1, 1), first=True),
    "Mul columns": one("Mul", f(9)),
    "Sub constant": one("Sub", f(4, 1, 1)),
    "Sub from constant": one("Sub", f(4, 1, 1), first=True),
    "Div constant": one("Div", np.float32(3)),
    "Div of constant": one("Div", np.float32(3), first=True, positive=True),
    "Pow": one("Pow", np.float32(2)),
    "Pow root": one("Pow", np.float32(0.5), positive=True),
    "Max constant": one("Max", np.float32(0)),
    "Min constant": one("Min", f(4, 1, 1)),
    "Add value": two("Add", node("Relu", outputs=["z"])),
    "Add value and vector": two("Add", POOL),
    "Mul vector": two("Mul", POOL, reverse=True),
    "Mul pixels": two("Mul", CHANNEL),
    "Mul other order": Case([node("Transpose", outputs=["a"], perm=[0, 2, 3, 1]), node("Reshape", ["a", "s"], ["z"]),
                             node("Mul", ["x", "z"])], {"s": i(1, 4, 7, 9)}),
    "Sub value": two("Sub", POOL),
    "Sub from value": two("Sub", POOL, reverse=True),
    "Div value": two("Div", node("Sigmoid", outputs=["z"])),
    "Max value": two("Max", POOL),
    "Min value": two("Min", POOL),
    "Sum": Case([node("Relu", outputs=["z"]), node("Sum", ["x", "z", "x", "c"])], {"c": f(4, 1, 1)}),
    "Mean": two("Mean", node("Relu", outputs=["z"])),
    "Transpose": one("Transpose", perm=[0, 2, 3, 1]),
    "Transpose of others": Case([node("Transpose", outputs=["a"], perm=[0, 2, 1, 3]), node("Conv", ["a", "w"])],
                                {"w": f(2, 7, 1, 1)}),
    "Reshape": one("Reshape", i(0, -1)),
    "Squeeze, Unsqueeze": Case([POOL, node("Squeeze", ["z", "a"], ["b"]), node("Unsqueeze", ["b", "a"])],
        {"a": i(2, 3)}),
    "Concat": Case([node("Relu", outputs=["z"]), node("Concat", ["x", "z", "x"], axis=1)]),
    "Concat rows": Case([node("Relu", outputs=["z"]), node("Concat", ["x", "z"], axis=2)]),
    "Concat constant": Case([node("Concat", ["c", "x"], axis=1)], {"c": f(1, 2, 7, 9)}),
    "Split": Case([node("Split", ["x", "s"], ["a", "b"], axis=1), node("Concat", ["b", "a"], axis=1)], {"s": i(1, 3)}),
    "Slice channels": one("Slice", i(1), i(3), i(1)),
    "Slice pixels": one("Slice", i(1, 2), i(6, 9), i(2, 3), i(2, 3)),
    "Slice backwards": one("Slice", i(-1), i(-100), i(1), i(-1)),
    "Slice old": one("Slice", starts=[0, 1], ends=[9, -1], axes=[0, 2], opset=9),
    "Gather channels": one("Gather", i(3, 0, 0, -2), axis=1),
    "Gather in two axes": Case([node("Gather", ["x", "c"], ["a"], axis=1), node("Flatten", ["a"])],
                               {"c": np.array([[2, 0, 1], [-1, 3, 3]])}),
    "Gather of a flat map": Case([node("Flatten", outputs=["a"]), node("Gather", ["a", "c"], axis=1)],
                                 {"c": RNG.integers(0, 252, (1, 6, 2, 1))}),
    "Conv of a vector that becomes a map": Case(
        [node("Flatten", outputs=["v"]), node("Gemm", ["v", "m"], ["a"]), node("Reshape", ["a", "s"], ["b"]),
         node("Conv", ["b", "w"])],
        {"m": f(6, 40), "s": i(1, 2, 4, 5), "w": f(3, 2, 3, 3)}, (1, 6, 1, 1)),
    "CastLike a constant": Case([node("CastLike", ["c", "x"], ["a"]), node("Mul", ["x", "a"])], {"c": np.float64(3)}),
    "values in other orders": Case(
        [node("Reshape", ["x", "s"], ["a"]), node("Transpose", ["a"], ["b"], perm=[0, 2, 1, 3]),
         node("Reshape", ["b", "s"], ["c"]), node("Mul", ["a", "c"], ["d"]), node("Reshape", ["d", "r"])],
        {"s": i(4, 3, 3, 7), "r": i(1, -1)}),
    "Gather one": Case([node("Flatten", outputs=["a"]), node("Gather", ["x", "c"], axis=2)], {"c": np.int64(3)}),
    "channel shuffle": Case([node("Reshape", ["x", "s"], ["a"]), node("Transpose", ["a"], ["b"], perm=[0, 2, 1, 3, 4]),
        node("Reshape", ["b", "t"], ["c"]), node("Conv", ["c", "w"], group=4)],
        {"s": i(1, 2, 2, 7, 9), "t": i(1, -1, 7, 9), "w": f(4, 1, 3, 3)}),
    "Pad constant": one("Pad", i(0, 0, 1, 2, 0, 0, 3, 0)),
    "Pad value": one("Pad", i(0, 0, 1, 2, 0, 0, 3, 0), np.float32(2)),
    "Pad reflect": one("Pad", i(0, 0, 1, 2, 0, 0, 3, 0), mode="reflect"),
    "Pad edge": one("Pad", i(0, 0, 1, 2, 0, 0, 3, 0), mode="edge"),
    "Pad negative": one("Pad", i(0, 0, -1, 2, 0, 0, 3, -2)),
    "Pad old": one("Pad", opset=9, pads=[0, 0, 1, 2, 0, 0, 3, 0]),
    "DepthToSpace": one("DepthToSpace", blocksize=2, shape=(1, 8, 3, 5)),
    "DepthToSpace CRD": one("DepthToSpace", blocksize=2, mode="CRD", shape=(1, 8, 3, 5)),
    "SpaceToDepth": one("SpaceToDepth", blocksize=2, shape=(1, 3, 4, 6)),
    **{f"Resize {mode} {how}": one("Resize", ROI, None, i(1, 4, *size), mode=mode,
        coordinate_transformation_mode=how) for mode in ("nearest", "linear", "cubic")
       for how, size in (("half_pixel", (13, 5)), ("asymmetric", (14, 18)), ("align_corners", (9, 12)))},
    "Resize scales": one("Resize", ROI, np.array([1, 1, 2, 3], np.float32), mode="linear"),
    "Resize old": one("Resize", np.array([1, 1, 2, 2], np.float32), opset=10),
    "Upsample": one("Upsample", np.array([1, 1, 2, 2], np.float32), opset=9),
    "LRN": one("LRN", size=3, alpha=0.3, beta=0.6, bias=2.0),
    "BatchNormalization": one("BatchNormalization", f(4), f(4), f(4), np.abs(f(4)) + 0.1, epsilon=1e-3),
    "Softmax": one("Softmax", axis=1),
    "Softmax old": one("Softmax", opset=9),
    "Softmax of a vector": Case([node("Flatten", outputs=["a"]), node("Softmax", ["a"])]),
    "Softmax of columns": one("Softmax", axis=3),
    "LogSoftmax": one("LogSoftmax", axis=1),
    "InstanceNormalization": one("InstanceNormalization", f(4), f(4)),
    "group normalization": Case([node("Reshape", ["x", "s"], ["a"]),
        node("InstanceNormalization", ["a", "g", "b"], ["c"]), node("Reshape", ["c", "t"], ["d"]),
        node("Mul", ["d", "e"])],
        {"s": i(1, 2, -1), "t": i(1, 4, 7, 9), "g": f(2), "b": f(2), "e": f(4, 1, 1)}),
    "LayerNormalization": Case([node("Transpose", outputs=["a"], perm=[0, 2, 3, 1]),
        node("LayerNormalization", ["a", "g", "b"], ["c"], axis=-1, epsilon=1e-3),
        node("Transpose", ["c"], perm=[0, 3, 1, 2])], {"g": f(4), "b": f(4)}),
    "layer normalization": Case([node("ReduceMean", outputs=["m"], axes=[1]), node("Sub", ["x", "m"], ["d"]),
        node("Pow", ["d", "two"], ["q"]), node("ReduceMean", ["q"], ["v"], axes=[1]), node("Add", ["v", "e"], ["u"]),
        node("Sqrt", ["u"], ["r"]), node("Div", ["d", "r"], ["n"]), node("Mul", ["n", "g"], ["o"]),
        node("Add", ["o", "b"])], {"two": np.float32(2), "e": np.float32(1e-3), "g": f(4, 1, 1), "b": f(4, 1, 1)}),
    "shape arithmetic": Case([node("Shape", outputs=["s"]), node("Gather", ["s", "zero"], ["n"], axis=0),
        node("Unsqueeze", ["n", "at"], ["u"]), node("Concat", ["u", "rest"], ["t"], axis=0),
        node("Reshape", ["x", "t"], ["a"]), node("Cast", ["a"], ["b"], to=1), node("Gemm", ["b", "w"])],
        {"zero": np.int64(0), "at": i(0), "rest": i(-1), "w": f(252, 3)}),
    "quantized weights": Case([node("DequantizeLinear", ["w", "s", "z"], ["k"], axis=0), node("Conv", ["x", "k"])],
        {"w": RNG.integers(-128, 128, (6, 4, 3, 3)).astype(np.int8), "s": np.abs(f(6)), "z": np.zeros(6, np.int8)}),
    "Constant": Case([node("Constant", [], ["c"], value=numpy_helper.from_array(f(4, 1, 1))),
                      node("Mul", ["x", "c"])]),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:quantized weights were widened")
@pytest.mark.parametrize("name", CASES)
def test_gives_what_onnx_runtime_gives(name: str) -> None:
    case = CASES[name]
    model = model_of(case.nodes, case.constants, case.shape, case.opset)
    x = seeded(name).standard_normal(case.shape, dtype=np.float32)
    x = np.abs(x) + np.float32(0.1) if case.positive else x
    graph, tensors = from_onnx(model)
    found = Net(graph, tensors, threads=1).run(np.ascontiguousarray(x[0].transpose(1, 2, 0)))
    expected = run_onnx(model, x)
    assert_same(found, expected)


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Hold our (C,) or (H, W, C) to ONNX's (1, C), (1, C, 1, 1) or (1, C, H, W), or what lies in the same order."""
    if found.ndim == 3 and expected.ndim == 4 and expected.shape == (1, found.shape[2], *found.shape[:2]):
        expected = expected.transpose(0, 2, 3, 1)
    assert found.size == expected.size
    difference = np.abs(found.reshape(-1) - expected.reshape(-1)).max()
    assert difference <= 1e-5 * max(1.0, np.abs(expected).max())
