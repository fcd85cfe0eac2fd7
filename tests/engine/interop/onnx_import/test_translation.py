"""What cannot be taken is refused, every node of it at once, with the reason; what comes of a model is lean."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

import ml_dtypes
import onnx
from onnx import TensorProto

from lcnn_engine import ModelFormatError, Net, from_onnx
from lcnn_engine.interop.onnx_import.translation import NotTakenError
from tests.helpers.kernel_cases import seeded
from tests.helpers.onnx_models import model_of, node, run_onnx

RNG = seeded("translation")
KERNEL = RNG.standard_normal((4, 4, 3, 3), dtype=np.float32)
VECTOR = RNG.standard_normal(4, dtype=np.float32)


def refusals(*nodes: object, **constants: np.ndarray) -> list[tuple[str, str, str]]:
    with pytest.raises(NotTakenError) as caught:
        from_onnx(model_of(nodes, constants))  # type: ignore[arg-type]
    return [tuple(refusal) for refusal in caught.value.refusals]  # type: ignore[misc]


def test_every_node_is_named_at_once() -> None:
    found = refusals(
        node("Conv", ["x", "w"], ["a"], name="first", pads=[-1, 0, 0, 0]), node("Relu", ["a"], ["b"], name="fine"),
        node("LSTM", ["b", "w", "w"], ["c"], name="second"), node("MatMul", ["x", "x"], ["d"], name="third"),
        node("Sum", ["c", "d"], name="fourth"), w=KERNEL,
    )  # fmt: skip
    assert [(name, op) for name, op, _ in found] == [("first", "Conv"), ("second", "LSTM"), ("third", "MatMul")]
    assert "expected pads of at least 0" in found[0][2]
    assert "change the model, or end it before (--output NAME)" in found[1][2]
    assert "a product of two values (attention)" in found[2][2]


def test_what_follows_a_refused_node_is_not_named() -> None:
    found = refusals(
        node("Erf", outputs=["a"], name="first"), node("Shape", ["a"], ["s"]), node("Reshape", ["a", "s"])
    )  # fmt: skip
    assert [name for name, _, _ in found] == ["first"]


def test_a_long_list_is_cut_short_in_the_message_alone() -> None:
    nodes = [node("Erf", ["x"], [f"a{i}"], name=f"node {i}") for i in range(30)]
    with pytest.raises(NotTakenError) as caught:
        from_onnx(model_of([*nodes, node("Concat", [f"a{i}" for i in range(30)], axis=1)]))
    assert len(caught.value.refusals) == 30
    assert "30 nodes of the model cannot be taken" in str(caught.value)
    assert "and 10 more" in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).refusals == caught.value.refusals


@pytest.mark.parametrize(("op", "attributes", "constants", "reason"), [
    ("Conv", {}, [KERNEL[:, :3]], r"expected 4 channels in 1 groups, found a kernel \(4, 3, 3, 3\)"),
    ("Conv", {"strides": [1, 1, 1]}, [KERNEL], "expected strides to be 2 numbers"),
    ("Conv", {"auto_pad": "SOME"}, [KERNEL], "expected auto_pad to be"),
    ("Conv", {"kernel_shape": [2, 2]}, [KERNEL], "expected kernel_shape to be the kernel's"),
    ("Conv", {}, [KERNEL[0]], r"expected a 2-D kernel \(n, m, kh, kw\)"),
    ("Conv", {}, [KERNEL, VECTOR[:2]], "expected a bias of 4 numbers, found 2"),
    ("MaxPool", {"kernel_shape": [4, 2], "dilations": [3, 2]}, [], "expected an output of at least one pixel"),
    ("ConvTranspose", {"strides": [1009, 1013]}, [KERNEL], "expected a ConvTranspose of at most 67108864 weights"),
    ("ConvTranspose", {"strides": [2**30, 1]}, [KERNEL], "expected a ConvTranspose of at most 67108864 weights"),
    ("ConvTranspose", {"strides": [0, 1]}, [KERNEL], "expected strides and dilations of at least 1"),
    ("LRN", {"size": 4}, [], "expected an odd size, found 4"),
    ("BatchNormalization", {}, [VECTOR, VECTOR, VECTOR, -np.ones(4, np.float32)], "expected statistics that give"),
    ("BatchNormalization", {}, [VECTOR[:2]] * 4, "expected numbers for 4 channels"),
    ("Cast", {"to": 7}, [], "expected a cast to floating point"),
    ("Reshape", {}, [np.array([5, 5])], r"expected a shape for 252 values, found \[5, 5\]"),
    ("Softmax", {"axis": 9}, [], "expected an axis of 4, found 9"),
    ("Pow", {}, [np.float32(2.5)], "expected an exponent 0.5 or a whole number"),
    ("Div", {}, [np.float32(0)], "expected no division by 0"),
    ("Add", {}, [np.zeros((2, 1, 1, 1), np.float32)], "expected constants that fit"),
    ("ArgMax", {}, [], "change the model, or end it before"),
])  # fmt: skip
def test_refused(op: str, attributes: dict[str, object], constants: list[np.ndarray], reason: str) -> None:
    names = {f"c{i}": constant for i, constant in enumerate(constants)}
    found = refusals(node(op, ["x", *names], **attributes), **names)
    assert len(found) == 1
    with pytest.raises(NotTakenError, match=reason):
        from_onnx(model_of([node(op, ["x", *names], **attributes)], names))


def test_batch_norms_paddings_and_activations_join_their_layers() -> None:
    constants = {"w": KERNEL, "v": VECTOR, "p": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "f": KERNEL[:, :, 0, 0]}
    nodes = [
        node("Pad", ["x", "p"], ["a"]), node("Conv", ["a", "w"], ["b"], name="conv"), node("Mul", ["b", "n"], ["c"]),
        node("Add", ["c", "n"], ["d"]), node("Relu", ["d"], ["e"]), node("Dropout", ["e"], ["g"]),
        node("GlobalAveragePool", ["g"], ["h"], name="pool"), node("Flatten", ["h"], ["i"]),
        node("MatMul", ["i", "f"], ["j"], name="fc"), node("Add", ["j", "v"], ["k"]),
        node("Softmax", ["k"], name="end"),
    ]  # fmt: skip
    graph, tensors = from_onnx(model_of(nodes, {**constants, "n": VECTOR[:, None, None]}))
    found = [(each.name, each.op, each.attributes().get("activation", "")) for each in graph.nodes]
    assert found == [("conv", "conv2d", "relu"), ("pool", "global_avg_pool2d", ""), ("fc", "dense", "linear"),
                     ("end", "softmax", "")]  # fmt: skip
    assert graph.nodes[0].attributes()["padding"] == (1, 1, 1, 1)
    assert set(tensors) == {"conv/kernel", "conv/bias", "fc/kernel", "fc/bias"}
    np.testing.assert_allclose(tensors["conv/kernel"], KERNEL * VECTOR[:, None, None, None], rtol=1e-6)


def test_what_is_quantized_is_said() -> None:
    """Weights are widened, exactly; activations keep their range, and are not rounded."""
    constants = {"s": np.float32(0.05), "z": np.uint8(0), "k": np.float32(0.01), "i": np.int8(0),
                 "w": RNG.integers(-100, 100, KERNEL.shape).astype(np.int8)}  # fmt: skip
    nodes = [node("DequantizeLinear", ["w", "k", "i"], ["wide"]), node("Conv", ["x", "wide"], ["a"], name="conv"),
             node("QuantizeLinear", ["a", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"])]  # fmt: skip
    with pytest.warns(UserWarning, match="quantized") as caught:
        graph, tensors = from_onnx(model_of(nodes, constants))
    assert [str(warning.message) for warning in caught] == [
        "quantized weights were widened to float32",
        "the rounding of quantized activations was left out, their limits were kept",
    ]  # fmt: skip
    assert [(each.op, each.attributes().get("activation")) for each in graph.nodes] == [
        ("conv2d", "relu"), ("constant", None), ("minimum", "linear")]  # fmt: skip
    np.testing.assert_allclose(tensors["conv/kernel"], constants["w"] * 0.01, rtol=1e-6)


@pytest.mark.parametrize(("scale", "zero", "low", "high"), [
    (0.05, np.uint8(0), 0, 12.75), (0.01, np.uint8(100), -1.0, 1.55),
    (0.01, np.int8(0), -1.28, 1.27), (0.01, np.int8(-128), 0, 2.55),
    (6 / 255, np.uint8(0), 0, 6),
    (2e-5, np.int16(5), -32773 * 2e-5, 32762 * 2e-5), (0.02, None, 0, 5.1),
    (0.5, np.array(3, ml_dtypes.uint4), -1.5, 6), (0.5, np.array(-8, ml_dtypes.int4), 0, 7.5),
])  # fmt: skip
def test_quantized_activations_keep_their_limits(scale: float, zero: Any, low: float, high: float) -> None:
    """As ONNX Runtime does, but for half a step of rounding."""
    constants = {"s": np.float32(scale), **({} if zero is None else {"z": zero})}
    names = ["s", "z"][: len(constants)]
    nodes = [node("QuantizeLinear", ["x", *names], ["q"]), node("DequantizeLinear", ["q", *names])]
    model = model_of(nodes, constants, opset=21)
    x = 8 * seeded("limits").standard_normal((1, 4, 7, 9), dtype=np.float32)
    with pytest.warns(UserWarning, match="their limits were kept"):
        graph, tensors = from_onnx(model)
    found = Net(graph, tensors).run(x[0].transpose(1, 2, 0))
    np.testing.assert_allclose(found, np.clip(x[0].transpose(1, 2, 0), low, high), rtol=1e-6)
    np.testing.assert_allclose(found, run_onnx(model, x)[0].transpose(1, 2, 0), atol=0.51 * scale)
    if (low, high) == (0, 6):
        assert [each.attributes()["activation"] for each in graph.nodes] == ["relu6"]


PAIRS = {"s": np.float32(0.05), "z": np.uint8(0), "other": np.float32(0.06), "signed": np.int8(0)}


@pytest.mark.parametrize(("nodes", "reason"), [
    ([node("QuantizeLinear", ["x", "s", "z"])], "found it as the output"),
    ([node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("AveragePool", ["q"], ["m"], kernel_shape=[2, 2]),
      node("DequantizeLinear", ["m", "s", "z"])], "read by a DequantizeLinear alone, found AveragePool"),
    ([node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("Identity", ["q"])], "found it as the output"),
    ([node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "other", "z"])],
     "a QuantizeLinear with the same scale and zero point"),
    ([node("DequantizeLinear", ["x", "s", "signed"])], "a QuantizeLinear with the same scale and zero point"),
])  # fmt: skip
def test_roundings_that_are_no_pair_are_refused(nodes: list[object], reason: str) -> None:
    with pytest.raises(NotTakenError, match=reason):
        from_onnx(model_of(nodes, PAIRS))  # type: ignore[arg-type]


@pytest.mark.parametrize("between", [[], [node("MaxPool", ["q"], ["m"], kernel_shape=[2, 2]),
                                          node("Transpose", ["m"], ["q2"], perm=[0, 2, 3, 1])]])  # fmt: skip
def test_a_zero_point_that_is_left_out_is_zero(between: list[object]) -> None:
    """And what only moves numbers may lie between."""
    last = "q2" if between else "q"
    nodes = [node("QuantizeLinear", ["x", "s", "z"], ["q"]), *between, node("DequantizeLinear", [last, "s"])]
    with pytest.warns(UserWarning, match="quantized"):
        graph, _ = from_onnx(model_of(nodes, PAIRS))  # type: ignore[arg-type]
    assert [each.op for each in graph.nodes] == ["activation", "constant", "minimum", *["max_pool2d"] * bool(between)]


def test_the_order_of_axes_is_seen_through_roundings() -> None:
    """As tf2onnx writes a TFLite model of 8 bits."""
    nodes = [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("Transpose", ["q"], ["t"], perm=[0, 3, 1, 2]),
             node("DequantizeLinear", ["t", "s", "z"], ["d"]), node("Conv", ["d", "w"], ["c"]),
             node("Transpose", ["c"], perm=[0, 2, 3, 1])]  # fmt: skip
    with pytest.warns(UserWarning, match="quantized"):
        graph, _ = from_onnx(model_of(nodes, {**PAIRS, "w": KERNEL}, (1, 7, 9, 4)))
    assert graph.input.shape == (7, 9, 4)
    assert [each.op for each in graph.nodes] == ["activation", "constant", "minimum", "conv2d"]


def test_a_batch_is_refused() -> None:
    """Its images may be mixed, as by this mean over all of them."""
    with pytest.raises(ModelFormatError, match=r"input 'x': expected one image, found a batch of 3; export the model"):
        from_onnx(model_of([node("ReduceMean", axes=[0, 2, 3])], shape=(3, 4, 5, 6)))


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.INT64, TensorProto.BOOL])
def test_arithmetic_of_whole_numbers_is_refused(kind: int) -> None:
    """7 / 2 is 3 there."""
    with pytest.raises(
        ModelFormatError, match=r"expected floating-point numbers, found \w+; begin the model with a Cast"
    ):
        from_onnx(with_input_of(kind, model_of([node("Div", ["x", "two"])], {"two": np.uint8(2)})))
    cast = [node("Cast", outputs=["f"], to=TensorProto.FLOAT), node("Div", ["f", "two"])]
    graph, _ = from_onnx(with_input_of(kind, model_of(cast, {"two": np.float32(2)})))
    assert [each.op for each in graph.nodes] == ["batch_norm"]


def with_input_of(kind: int, model: bytes) -> bytes:
    changed = onnx.load_from_string(model)
    changed.graph.input[0].type.tensor_type.elem_type = kind
    return changed.SerializeToString()


def test_dropout_as_in_training_is_refused() -> None:
    constants = {"ratio": np.float32(0.5), "on": np.array(True), "off": np.array(False)}
    with pytest.raises(NotTakenError, match="found one with training_mode"):
        from_onnx(model_of([node("Dropout", ["x", "ratio", "on"])], constants))
    from_onnx(model_of([node("Dropout", ["x", "ratio", "off"])], constants))


def test_a_layer_that_others_read_keeps_its_own_value() -> None:
    nodes = [
        node("Conv", ["x", "w"], ["a"], name="conv"),
        node("Relu", ["a"], ["b"], name="relu"),
        node("Add", ["a", "b"]),
    ]
    graph, _ = from_onnx(model_of(nodes, {"w": KERNEL}))
    assert [(each.name, each.attributes()["activation"]) for each in graph.nodes[:2]] == [
        ("conv", "linear"),
        ("relu", "relu"),
    ]


def test_transposes_and_reshapes_leave_nothing_behind() -> None:
    """As TensorFlow's models come: N, H, W, C outside, N, C, H, W inside."""
    nodes = [node("Transpose", ["x"], ["a"], perm=[0, 3, 1, 2]), node("Conv", ["a", "w"], ["b"], name="conv"),
             node("Transpose", ["b"], ["c"], perm=[0, 2, 3, 1]), node("Reshape", ["c", "s"], ["d"], name="flat"),
             node("Gemm", ["d", "f"], name="fc")]  # fmt: skip
    weights = RNG.standard_normal((4 * 35, 3), dtype=np.float32)
    graph, tensors = from_onnx(model_of(nodes, {"w": KERNEL, "s": np.array([1, -1]), "f": weights}, (1, 7, 9, 4)))
    assert graph.input.shape == (7, 9, 4)
    assert [each.name for each in graph.nodes] == ["conv", "flat", "fc"]
    np.testing.assert_array_equal(tensors["fc/kernel"], weights.T)
