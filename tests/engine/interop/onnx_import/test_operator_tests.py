"""ONNX's own tests of its operators: what is taken is right, what is not is refused, and the page says which."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx")

import onnx

from tests.helpers.onnx_operator_tests import Way, operator_tests, outcome, results
from tests.helpers.onnx_operators_page import PATH, page

KINDS = pytest.mark.parametrize("pytorch", [False, True], ids=["operators", "written by PyTorch"])

TAKEN = (
    "Abs", "Add", "AveragePool", "BatchNormalization", "Celu", "Clip", "Concat", "Conv", "ConvTranspose",
    "DepthToSpace", "Div", "Dropout", "Elu", "Exp", "Flatten", "Gather", "Gelu", "Gemm", "GlobalAveragePool",
    "GlobalMaxPool", "GroupNormalization", "HardSigmoid", "HardSwish", "Identity", "InstanceNormalization",
    "LRN", "LayerNormalization", "LeakyRelu", "Log", "LogSoftmax", "MatMul", "Max", "MaxPool", "Mean", "Min",
    "Mish", "Mul", "Neg", "PRelu", "Pad", "Pow", "Reciprocal", "ReduceMax", "ReduceMean", "ReduceSum", "Relu",
    "Reshape", "Resize", "Selu", "Sigmoid", "Size", "Shape", "Slice", "Softmax", "Softplus", "Softsign",
    "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Swish", "Tanh", "Transpose", "Unsqueeze",
    "Upsample",
)  # fmt: skip


@KINDS
def test_none_is_wrong(pytorch: bool) -> None:
    wrong = [
        (each.test.name, way, tried.why)
        for each in results(pytorch)
        for way, tried in [*each.tried.items(), ("constants", each.folded)]
        if tried.kind not in ("passed", "refused")
    ]
    assert not wrong


@KINDS
def test_every_refusal_has_a_reason(pytorch: bool) -> None:
    tried = [one for each in results(pytorch) for one in (*each.tried.values(), each.folded)]
    assert all(one.why for one in tried if one.kind == "refused")


def test_a_wrong_number_would_be_found() -> None:
    """One number of what is expected, moved by more than rounding, in each way of judging."""
    test = next(test for test in operator_tests() if test.name == "test_conv_with_strides_padding")
    for way in (Way(("x",), direct=True), Way(("x",))):
        assert outcome(test, way).kind == "passed"
        moved = {name: array.copy() for name, array in test.outputs.items() if array is not None}
        moved["y"].flat[3] *= 1.0001
        assert outcome(test._replace(outputs=moved), way).kind == "wrong"


@pytest.mark.parametrize("operator", TAKEN)
def test_is_taken(operator: str) -> None:
    assert any(each.passed for each in results() if each.test.operator == operator)


def test_the_page_is_what_comes_out() -> None:
    text = PATH.read_text(encoding="utf-8")
    if f"the package onnx {onnx.__version__} has" not in text:
        pytest.skip("the page is of another version of the package onnx, which has other tests")
    assert page() == text, "write it again: python -m tests.helpers.onnx_operators_page"
