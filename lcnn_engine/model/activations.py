"""The activations, a row each: from it follow what a file may say, the NumPy definition and the translation to ONNX.

A row goes by the name that both the file format and ``keras.activations`` have for it, and computes what Keras 3 does.
The kernels' half of the table, in the same order, is ``kernels/csrc/activations.h``; a test holds the two together.
docs/adding-an-operation.md tells how to add one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

__all__ = ["ACTIVATIONS", "ACTIVATION_FUNCTIONS", "ActivationFunction"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64: TypeAlias = NDArray[np.float64]

NOTHING: Mapping[str, float | str] = MappingProxyType({})
HARD_SIGMOID: Mapping[str, float | str] = MappingProxyType({"alpha": 1.0 / 6.0, "beta": 0.5})
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


class ActivationFunction(NamedTuple):
    """One activation, y = function(x, alpha) of every value by itself.

    In ONNX it is the operator ``onnx`` on x, or with ``onnx_gate`` x times that; None: x itself. ``alpha``, where an
    activation takes it, is an attribute there, too.
    """

    name: str
    function: Callable[[Float64, float], Float64]
    """float64 of any shape, and alpha (0 where there is none) -> float64 of that shape."""
    onnx: str | None
    onnx_attributes: Mapping[str, float | str] = NOTHING
    onnx_operands: Mapping[str, float] = MappingProxyType({})
    """Constants that the operator takes after x, in its order, by the names of their initializers."""
    onnx_gate: bool = False
    takes_alpha: bool = False
    """Whether a node must give ``alpha``; elsewhere it must not."""


def _sigmoid(x: Float64) -> Float64:
    return 0.5 + 0.5 * np.tanh(0.5 * x)  # 1 / (1 + exp(-x)), without its overflow


def _relu6(x: Float64) -> Float64:
    return np.clip(x, 0.0, 6.0)


def _elu(x: Float64, alpha: float) -> Float64:
    return np.where(x >= 0.0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def _normal(x: Float64) -> Float64:
    """Give the share of the normal distribution below x, erfc(-x / sqrt 2) / 2: NumPy has no erf."""
    return 0.5 * np.asarray(_ERFC(-x / math.sqrt(2.0)), np.float64)


_ERFC = np.frompyfunc(math.erfc, 1, 1)


def _quiet(function: Callable[[Float64], Float64], x: Float64) -> Float64:
    """Apply a function that gives inf or NaN outside of its domain, as the kernels do, without a warning."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return function(x)


ACTIVATION_FUNCTIONS: dict[str, ActivationFunction] = {
    row.name: row
    for row in (
        ActivationFunction("linear", lambda x, _: x, None),
        ActivationFunction("relu", lambda x, _: np.maximum(x, 0.0), "Relu"),
        ActivationFunction("relu6", lambda x, _: _relu6(x), "Clip", onnx_operands={"zero": 0.0, "six": 6.0}),
        ActivationFunction("leaky_relu", lambda x, a: np.where(x >= 0.0, x, a * x), "LeakyRelu", takes_alpha=True),
        ActivationFunction("sigmoid", lambda x, _: _sigmoid(x), "Sigmoid"),
        ActivationFunction("tanh", lambda x, _: np.tanh(x), "Tanh"),
        ActivationFunction("silu", lambda x, _: x * _sigmoid(x), "Sigmoid", onnx_gate=True),
        ActivationFunction("hard_sigmoid", lambda x, _: _relu6(x + 3.0) / 6.0, "HardSigmoid", HARD_SIGMOID),
        ActivationFunction("hard_silu", lambda x, _: x * _relu6(x + 3.0) / 6.0, "HardSigmoid", HARD_SIGMOID,
                           onnx_gate=True),  # ONNX Runtime, too, makes a HardSwish of this
        ActivationFunction("elu", lambda x, a: _elu(x, a), "Elu", takes_alpha=True),
        ActivationFunction("selu", lambda x, _: SELU_SCALE * _elu(x, SELU_ALPHA), "Selu"),
        ActivationFunction("softplus", lambda x, _: np.logaddexp(0.0, x), "Softplus"),
        ActivationFunction("softsign", lambda x, _: x / (1.0 + np.abs(x)), "Softsign"),
        ActivationFunction("gelu", lambda x, _: x * _normal(x), "Gelu"),
        ActivationFunction("gelu_tanh", lambda x, _: x * _sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)),
                           "Gelu", {"approximate": "tanh"}),
        ActivationFunction("mish", lambda x, _: x * np.tanh(np.logaddexp(0.0, x)), "Mish"),
        ActivationFunction("exponential", lambda x, _: _quiet(np.exp, x), "Exp"),
        ActivationFunction("abs", lambda x, _: np.abs(x), "Abs"),
        ActivationFunction("sqrt", lambda x, _: _quiet(np.sqrt, x), "Sqrt"),
        ActivationFunction("log", lambda x, _: _quiet(np.log, x), "Log"),
        ActivationFunction("hard_tanh", lambda x, _: np.clip(x, -1.0, 1.0), "Clip",
                           onnx_operands={"minus_one": -1.0, "one": 1.0}),
    )
}  # fmt: skip

ACTIVATIONS = tuple(ACTIVATION_FUNCTIONS)
