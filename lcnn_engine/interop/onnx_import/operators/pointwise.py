"""Functions of one number, and scales and shifts by constants."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..building import RefusedError, by_channel
from ..calls import Input, Translating
from ..layout import Value
from ..tensors import FLOATS
from .registry import translates

__all__ = ["activated", "constant_like", "limited", "scaled"]

FLOAT_LIMIT = 3.4e38  # a bound of Clip beyond it bounds nothing


def activated(call: Translating, value: Value, name: str, alpha: float | None = None, part: str = "") -> Value:
    """Append an activation of a value, in whatever order it lies."""
    node = call.add("activation", value.node, part=part, activation=name, alpha=alpha)
    return Value(node, value.shape, value.axes)


def scaled(
    call: Translating, value: Value, scale: float | np.ndarray, shift: float | np.ndarray, part: str = ""
) -> Value:
    """Append y = x * scale + shift, by constants that are broadcast as ONNX's. Raises RefusedError."""
    channels = value.shape[-1]
    constants = [by_channel(np.asarray(number, np.float32), value) for number in (scale, shift)]
    if any(constant is None for constant in constants):
        shapes = [np.shape(number) for number in (scale, shift)]
        raise RefusedError(f"expected constants that fit {value.dims}, found {shapes}")
    found = [constant for constant in constants if constant is not None]
    if all(constant.shape == (channels,) for constant in found):
        node = call.add("batch_norm", value.node, part=part, tensors={"scale": found[0], "shift": found[1]})
        return Value(node, value.shape, value.axes)
    for op, array, nothing in (("multiply", found[0], 1.0), ("add", found[1], 0.0)):
        if (array != nothing).any():
            constant = call.add("constant", part=f"{op}.constant", tensors={"value": array}, shape=array.shape)
            value = Value(call.add(op, value.node, constant, part=part), value.shape, value.axes)
    return value


def constant_like(call: Translating, array: np.ndarray, value: Value, part: str) -> str:
    """Append a constant, broadcast over ``value``, in its order: of shape (C,), or the whole. Raises RefusedError."""
    found = by_channel(np.asarray(array, np.float32), value)
    if found is None:
        raise RefusedError(f"expected a constant that fits {value.dims}, found shape {np.shape(array)}")
    return call.add("constant", part=part, tensors={"value": found}, shape=found.shape)


def _plain(name: str) -> Callable[[Translating], Value]:
    return lambda call: activated(call, call.value(), name)


for _type, _name in {
    "Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softplus": "softplus", "Softsign": "softsign", "Abs": "abs",
    "Exp": "exponential", "Sqrt": "sqrt", "Log": "log", "Mish": "mish", "HardSwish": "hard_silu",
}.items():  # fmt: skip
    translates(_type)(_plain(_name))


@translates("lcnn.activation")
def _recognised(call: Translating) -> Value:
    alpha = call.operator.attributes.get("alpha")
    return activated(call, call.value(), call.text("activation", ""), alpha)


@translates("Identity", "Dropout", "Cast")
def _identity(call: Translating) -> Value:
    to = call.operator.attributes.get("to")
    if call.operator.type == "Cast" and to not in FLOATS:
        raise RefusedError("expected a cast to floating point, found one to whole numbers")
    if call.operator.type == "Dropout" and call.opset >= 12 and np.any(call.maybe(2)):
        raise RefusedError("expected a Dropout for inference, found one with training_mode")
    return call.value()


@translates("CastLike")
def _cast_like(call: Translating) -> list[Input]:
    found, like = call.given(0), call.given(1)
    if isinstance(like, np.ndarray) and like.dtype.kind != "f":
        raise RefusedError("expected a cast to floating point, found one to whole numbers")
    return [found.astype(np.float32) if isinstance(found, np.ndarray) else found]


@translates("Elu", "LeakyRelu")
def _with_alpha(call: Translating) -> Value:
    name, default = {"Elu": ("elu", 1.0), "LeakyRelu": ("leaky_relu", 0.01)}[call.operator.type]
    return activated(call, call.value(), name, call.number("alpha", default))


@translates("Celu")
def _celu(call: Translating) -> Value:
    """alpha * elu(x / alpha)."""
    alpha, value = call.number("alpha", 1.0), call.value()
    if alpha == 1.0:
        return activated(call, value, "elu", 1.0)
    inner = activated(call, scaled(call, value, 1 / alpha, 0.0, "inner"), "elu", 1.0, "elu")
    return scaled(call, inner, alpha, 0.0)


@translates("Selu")
def _selu(call: Translating) -> Value:
    alpha, gamma = call.number("alpha", 1.67326319), call.number("gamma", 1.05070102)
    if math.isclose(alpha, 1.67326319, rel_tol=1e-6) and math.isclose(gamma, 1.05070102, rel_tol=1e-6):
        return activated(call, call.value(), "selu")
    return scaled(call, activated(call, call.value(), "elu", alpha, "elu"), gamma, 0.0)


@translates("Gelu")
def _gelu(call: Translating) -> Value:
    return activated(call, call.value(), "gelu_tanh" if call.text("approximate", "none") == "tanh" else "gelu")


@translates("Swish")
def _swish(call: Translating) -> Value:
    alpha, value = call.number("alpha", 1.0), call.value()
    if alpha == 1.0:
        return activated(call, value, "silu")
    gate = activated(call, scaled(call, value, alpha, 0.0, "steeper"), "sigmoid", part="gate")
    return Value(call.add("multiply", value.node, gate.node), value.shape, value.axes)


@translates("HardSigmoid")
def _hard_sigmoid(call: Translating) -> Value:
    alpha, beta, value = call.number("alpha", 0.2), call.number("beta", 0.5), call.value()
    if math.isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        return activated(call, value, "hard_sigmoid")
    six = activated(call, scaled(call, value, 6 * alpha, 6 * beta, "line"), "relu6", part="six")
    return scaled(call, six, 1 / 6, 0.0)


@translates("Clip")
def _clip(call: Translating) -> Value:
    low, high = call.scalar(1, "min"), call.scalar(2, "max")
    low = None if low is None or low < -FLOAT_LIMIT else low
    high = None if high is None or high > FLOAT_LIMIT else high
    return limited(call, call.value(), low, high)


def limited(call: Translating, value: Value, low: float | None, high: float | None) -> Value:
    """Append what keeps a value between two numbers, of which None is no limit."""
    names: dict[tuple[float | None, float | None], str] = {
        (0.0, None): "relu",
        (0.0, 6.0): "relu6",
        (-1.0, 1.0): "hard_tanh",
    }
    named = names.get((low, high))
    if named is not None:
        return activated(call, value, named)
    if low == 0.0:
        value = activated(call, value, "relu", part="above")
    elif low is not None:
        bound = constant_like(call, np.array(low), value, "low")
        value = Value(call.add("maximum", value.node, bound, part="above"), value.shape, value.axes)
    if high is not None:
        bound = constant_like(call, np.array(high), value, "high")
        value = Value(call.add("minimum", value.node, bound), value.shape, value.axes)
    return value


@translates("PRelu")
def _prelu(call: Translating) -> Value:
    value, slope = call.value(), call.constant(1)
    if slope.size == 1:
        return activated(call, value, "leaky_relu", float(slope.reshape(-1)[0]))
    if slope.ndim == 1 and len(value.dims) == 4 and slope.size == value.dims[1] != value.dims[3]:
        slope = slope.reshape(-1, 1, 1)  # as old exporters mean it
    found = by_channel(slope, value)
    if found is None or found.shape != value.shape[-1:]:
        raise RefusedError(f"expected a slope for each channel, found shape {slope.shape} for {value.dims}")
    return Value(call.add("prelu", value.node, tensors={"slope": found}), value.shape, value.axes)


@translates("Neg")
def _negative(call: Translating) -> Value:
    return scaled(call, call.value(), -1.0, 0.0)


@translates("Reciprocal")
def _reciprocal(call: Translating) -> Value:
    value = call.value()
    one = constant_like(call, np.array(1.0), value, "one")
    if len(value.shape) == 3:
        one = call.add("add", one, scaled(call, value, 0.0, 0.0, "zero").node, part="ones")
    return Value(call.add("divide", one, value.node), value.shape, value.axes)
