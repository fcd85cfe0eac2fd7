"""The lookup layers: a convolution and a dense layer built from a shared dictionary (LCNN, section 3).

    S = X * D                 k 1x1 convolutions: every place of the picture against every row of the dictionary
    Y = S * P + bias          a convolution whose kernel P is sparse: its non-zeros are the lookups (I, C)

Letters are the paper's: X input, D dictionary, S = X * D, P sparse tensor, I and C its indices and values; m input
channels, k dictionary size, n filters, kh x kw the kernel. Layouts are Keras': D is (1, 1, m, k) and P (kh, kw, k, n)
in a convolution, (m, k) and (k, n) in a dense layer; pictures are (batch, height, width, channels).

P is made sparse while it trains: its loss is lambda' * epsilon * |P|_1, entries with |P| <= epsilon become 0, and an
entry that was once 0 stays 0. The last rule needs a mask of its own (`alive`): an optimizer's momentum would push an
entry back over epsilon within a few steps. The mask is kept by a constraint of the variable P, which every Keras
optimizer applies after its update, so plain `model.fit` needs no callback; and because the forward pass multiplies
by the mask too, weights that an optimizer averages behind our back (EMA) revive nothing either.
"""

# ruff: noqa: N802 - the paper's letters
from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from lcnn_train import sparsity

Padding = str | tuple[int, int, int, int]

_TYPICAL_BATCH = 32  # pictures over which the cost of composing D and P is spread, when the layer picks its form


class _StaysZero(keras.constraints.Constraint):
    """After an update of P: mark the entries at or below epsilon as dead, for good, and return P without them."""

    def __init__(self, alive: keras.Variable, epsilon: float):
        self.alive, self.epsilon = alive, epsilon

    def __call__(self, P: Any) -> Any:
        kept = sparsity.survivors(P, self.alive, self.epsilon)
        self.alive.assign(kept)
        return ops.where(kept, P, ops.zeros_like(P))


class _Lookup(keras.layers.Layer):
    """What LookupConv2D and LookupDense share: D, P, the mask, the bias and the loss."""

    def __init__(
        self,
        dictionary: int,
        l1: float,
        threshold: float,
        activation: Any,
        use_bias: bool,
        bias_initializer: Any,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.dictionary = _positive("dictionary", dictionary)
        self.l1 = _not_negative("l1", l1)
        self.threshold = _not_negative("threshold", threshold)
        self.activation = keras.activations.get(activation)
        self.use_bias = bool(use_bias)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def _add_weights(self, D_shape: tuple[int, ...], P_shape: tuple[int, ...]) -> None:
        """Make D uniform in +-1/sqrt(m), P uniform in +-sigma, the mask all alive, the bias as its initializer says."""
        sigma = sparsity.sigma(P_shape)
        self.epsilon = sparsity.epsilon(P_shape, self.threshold)
        self.D = self.add_weight(
            name="D",
            shape=D_shape,
            initializer=keras.initializers.VarianceScaling(scale=1 / 3, mode="fan_in", distribution="uniform"),
        )
        self.alive = self.add_weight(name="alive", shape=P_shape, initializer="ones", dtype="bool", trainable=False)
        # autocast would round P before it meets the threshold, and mixed precision would then prune other entries.
        self.P = self.add_weight(
            name="P",
            shape=P_shape,
            initializer=keras.initializers.RandomUniform(-sigma, sigma),
            constraint=_StaysZero(self.alive, self.epsilon),
            autocast=False,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=P_shape[-1:], initializer=self.bias_initializer)

    def surviving(self) -> Any:
        """Boolean mask, P's shape: which entries of P are lookups now."""
        return sparsity.survivors(self.P, self.alive, self.epsilon)

    def sparse_P(self) -> Any:
        """P after the threshold, the tensor that the layer computes with and that is exported."""
        return sparsity.sparsify(self.P, self.alive, self.epsilon)

    def _loss_and_P(self) -> Any:
        P = self.sparse_P()
        if self.l1:
            self.add_loss(self.l1 * self.epsilon * ops.sum(ops.abs(P)))
        return ops.cast(P, self.compute_dtype)

    def _finish(self, Y: Any) -> Any:
        if self.bias is not None:
            Y = ops.add(Y, self.bias)
        return self.activation(Y)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "dictionary": self.dictionary,
            "l1": self.l1,
            "threshold": self.threshold,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


@keras.saving.register_keras_serializable(package="lcnn")
class LookupConv2D(_Lookup):
    """Lookup convolution: pad, D (1x1, stride 1, no bias), P (sparse, strided, bias), activation.

    Args:
        filters: n.
        kernel_size: an integer or (kh, kw).
        dictionary: k, the number of rows of D.
        strides: an integer or (sh, sw), of P; D always has stride 1.
        padding: "valid", "same", or zeros to add as (top, bottom, left, right).
        dilation_rate: an integer or (dh, dw), of P; it cannot be combined with strides above 1.
        l1: lambda', the weight of the loss lambda' * epsilon * |P|_1. There is none on D.
        threshold: c in epsilon = c / sqrt(kh*kw*k).
        activation, use_bias, bias_initializer: as in keras.layers.Conv2D.

    Input (batch, h, w, m), output (batch, h', w', n). Raises ValueError for an argument that makes no layer.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        dictionary: int,
        strides: int | tuple[int, int] = 1,
        padding: Padding = "valid",
        dilation_rate: int | tuple[int, int] = 1,
        l1: float = 0.3,
        threshold: float = 0.01,
        activation: Any = None,
        use_bias: bool = True,
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ):
        super().__init__(dictionary, l1, threshold, activation, use_bias, bias_initializer, **kwargs)
        self.filters = _positive("filters", filters)
        self.kernel_size = _pair("kernel_size", kernel_size)
        self.strides = _pair("strides", strides)
        self.dilation_rate = _pair("dilation_rate", dilation_rate)
        self.padding = _padding(padding)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "strides above 1 cannot be combined with a dilation_rate above 1. "
                f"Received: strides={strides}, dilation_rate={dilation_rate}"
            )
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        m = _channels(self.name, input_shape)
        self._add_weights((1, 1, m, self.dictionary), (*self.kernel_size, self.dictionary, self.filters))
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: m})

    def call(self, X: Any) -> Any:
        composed = self._cheaper_composed(X.shape)
        if not isinstance(self.padding, str):
            top, bottom, left, right = self.padding
            X = ops.pad(X, ((0, 0), (top, bottom), (left, right), (0, 0)))
        P = self._loss_and_P()
        if composed:
            D = ops.reshape(self.D, self.D.shape[2:])
            return self._finish(self._conv(X, ops.einsum("mk,rckn->rcmn", D, P)))
        S = ops.conv(X, self.D, strides=1, padding="valid", data_format="channels_last")
        if self._covers(S.shape):
            Y = ops.matmul(ops.reshape(S, (-1, math.prod(S.shape[1:]))), ops.reshape(P, (-1, self.filters)))
            return self._finish(ops.reshape(Y, (-1, 1, 1, self.filters)))
        return self._finish(self._conv(S, P))

    def _conv(self, X: Any, kernel: Any) -> Any:
        return ops.conv(
            X,
            kernel,
            strides=self.strides,
            padding=self.padding if isinstance(self.padding, str) else "valid",
            data_format="channels_last",
            dilation_rate=self.dilation_rate,
        )

    def _cheaper_composed(self, X_shape: tuple[Any, ...]) -> bool:
        """Whether X * (D P), one convolution with the composed kernel, costs less than (X * D) * P.

        It is the same function. It pays where the input has fewer channels than the dictionary rows: AlexNet's conv1
        (a third of a training step on a CPU) and conv2..4 of `accurate`; not in fc6, where composing costs more.
        """
        m, k = X_shape[-1], self.dictionary
        if m >= k or None in X_shape[1:3]:
            return False
        _, height, width, _ = self.compute_output_shape(X_shape)
        return _TYPICAL_BATCH * height * width * (k - m) > m * k

    def _covers(self, S_shape: tuple[int | None, ...]) -> bool:
        """Whether the kernel covers all of S (AlexNet's fc6): a matrix product, which is faster than a convolution."""
        return self.padding != "same" and tuple(S_shape[1:3]) == self.kernel_size and max(self.dilation_rate) == 1

    def explicit_padding(self, input_shape: tuple[int | None, ...]) -> tuple[int, int, int, int]:
        """The zeros added around an input of this shape: (top, bottom, left, right)."""
        return explicit_padding(self.padding, input_shape[1:3], self.kernel_size, self.strides, self.dilation_rate)

    def padded_size(self, input_shape: tuple[Any, ...]) -> tuple[int, int]:
        """Height and width of S, the border included, for an input of this shape."""
        top, bottom, left, right = self.explicit_padding(input_shape)
        return input_shape[1] + top + bottom, input_shape[2] + left + right

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        size = [
            _output_size(self.padding, axis, input_shape[1 + axis], kernel, stride, dilation)
            for axis, (kernel, stride, dilation) in enumerate(
                zip(self.kernel_size, self.strides, self.dilation_rate, strict=True)
            )
        ]
        return (input_shape[0], *size, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
        }


@keras.saving.register_keras_serializable(package="lcnn")
class LookupDense(_Lookup):
    """Lookup dense layer: a lookup convolution with a 1x1 kernel on a vector.

    Args:
        units: n.
        dictionary, l1, threshold, activation, use_bias, bias_initializer: as in LookupConv2D.

    Input (batch, m), output (batch, n). Raises ValueError for an argument that makes no layer.
    """

    def __init__(
        self,
        units: int,
        dictionary: int,
        l1: float = 0.3,
        threshold: float = 0.01,
        activation: Any = None,
        use_bias: bool = True,
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ):
        super().__init__(dictionary, l1, threshold, activation, use_bias, bias_initializer, **kwargs)
        self.units = _positive("units", units)
        self.input_spec = keras.layers.InputSpec(ndim=2)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        m = _channels(self.name, input_shape)
        self._add_weights((m, self.dictionary), (self.dictionary, self.units))
        self.input_spec = keras.layers.InputSpec(ndim=2, axes={-1: m})

    def call(self, X: Any) -> Any:
        return self._finish(ops.matmul(ops.matmul(X, self.D), self._loss_and_P()))

    def padded_size(self, input_shape: tuple[int | None, ...]) -> tuple[int, int]:
        """A vector is a picture of one pixel."""
        return 1, 1

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def explicit_padding(
    padding: Padding,
    size: tuple[int | None, ...],
    kernel: tuple[int, int],
    strides: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> tuple[int, int, int, int]:
    """A Keras padding as zeros (top, bottom, left, right) for a picture of `size` (height, width).

    "same" gives ceil(size / stride) outputs and, where the zeros are odd in number, the bottom and right one more.
    """
    if padding == "valid":
        return 0, 0, 0, 0
    if not isinstance(padding, str):
        return padding
    (top, bottom), (left, right) = (_same_padding(*axis) for axis in zip(size, kernel, strides, dilation, strict=True))
    return top, bottom, left, right


def _same_padding(size: int | None, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    if size is None:
        raise ValueError('padding="same" needs a fixed height and width to become a number of zeros. Received: None')
    outputs = -(-size // stride)
    zeros = max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return zeros // 2, zeros - zeros // 2


def _output_size(padding: Padding, axis: int, size: int | None, kernel: int, stride: int, dilation: int) -> int | None:
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    zeros = 0 if isinstance(padding, str) else sum(padding[2 * axis : 2 * axis + 2])
    return (size + zeros - (kernel - 1) * dilation - 1) // stride + 1


def _positive(name: str, value: Any) -> int:
    if not _is_count(value) or value.__index__() < 1:
        raise ValueError(f"{name} must be an integer of at least 1. Received: {name}={value!r}")
    return value.__index__()


def _not_negative(name: str, value: Any) -> float:
    if isinstance(value, bool) or not hasattr(value, "__float__") or not 0 <= float(value) < math.inf:
        raise ValueError(f"{name} must be a finite number of at least 0. Received: {name}={value!r}")
    return float(value)


def _pair(name: str, value: Any) -> tuple[int, int]:
    values = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{name} must be one integer or two. Received: {name}={value!r}")
    return _positive(name, values[0]), _positive(name, values[1])


def _padding(value: Any) -> Padding:
    if isinstance(value, str) and value.lower() in ("valid", "same"):
        return value.lower()
    if isinstance(value, list | tuple) and len(value) == 4 and all(_is_count(v) for v in value):
        top, bottom, left, right = (v.__index__() for v in value)
        return top, bottom, left, right
    raise ValueError(
        'padding must be "valid", "same" or four integers of at least 0 (top, bottom, left, right). '
        f"Received: padding={value!r}"
    )


def _is_count(value: Any) -> bool:
    return not isinstance(value, bool) and hasattr(value, "__index__") and value.__index__() >= 0


def _channels(name: str, input_shape: tuple[int | None, ...]) -> int:
    if input_shape[-1] is None:
        raise ValueError(f"{name}: the last axis of the input must have a fixed size. Received: shape={input_shape}")
    return int(input_shape[-1])
