"""The lookup layers: a convolution and a dense layer built from a shared dictionary (LCNN, section 3).

    S = X * D                 k 1x1 convolutions: every position of the image against every row of the dictionary
    Y = S * P + bias          a convolution whose kernel P is sparse: its non-zeros are the lookups (I, C)

Letters are the paper's: X input, D dictionary, S = X * D, P sparse tensor, I and C its indices and values; m input
channels, k dictionary size, n filters, kh x kw the kernel. Layouts are Keras': D is (1, 1, m, k) and P (kh, kw, k, n)
in a convolution, (m, k) and (k, n) in a dense layer; images are (batch, height, width, channels). How P becomes
sparse, and stays so, is in ``base``.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from lcnn_train.layers.arguments import padding_of, pair, positive
from lcnn_train.layers.base import Activation, Constraint, Initializer, LookupLayer, Regularizer
from lcnn_train.layers.geometry import Padding, explicit_padding, output_size

_TYPICAL_BATCH = 32  # images over which the cost of composing D and P is spread, when the layer picks its form


@keras.saving.register_keras_serializable(package="lcnn")
class LookupConv2D(LookupLayer):
    """Lookup convolution: pad, D (1x1, stride 1, no bias), P (sparse, strided, bias), activation.

    Args:
        filters: n.
        kernel_size: an integer or (kh, kw).
        dictionary: k, the number of rows of D; None for no dictionary: D is the identity, k = m, and the layer a
            pruned convolution.
        strides: an integer or (sh, sw), of P; D always has stride 1.
        padding: "valid", "same", or zeros to add as (top, bottom, left, right).
        dilation_rate: an integer or (dh, dw), of P; it cannot be combined with strides above 1.
        l1: lambda', the weight of the loss lambda' * epsilon * |P|_1. There is none on D.
        threshold: c in epsilon = c / sqrt(kh*kw*k).
        activation: a function, or the name of one of Keras'; None for none.
        use_bias: whether a bias is added to each filter.
        bias_initializer, bias_regularizer, bias_constraint: as in keras.layers.Conv2D.
        lookups_per_tap: s; instead of the threshold, keep the s largest |P| of each tap (r, c) of each filter.
        groups_of: 1, 2, 4, 8, 16 or 32 neighbouring filters look up the same atoms at the same taps, each with
            coefficients of its own; the last group is smaller where filters is no multiple.
        atoms_of: 1 or 2: with 2, atoms 0 and 1, 2 and 3 and so on are looked up together. In both structures an
            entry's size is the root mean square of those that share its fate, in both rules and in the loss.
        activity_regularizer: of the output, as in keras.layers.Conv2D.
        trainable: whether D, P and the bias are trained.
        name: of the layer; Keras makes one of the class's name unless given.
        dtype: a Keras dtype or policy; the global one unless given.
        kwargs: what else every Keras layer takes: autocast, input_shape.

    Input (batch, h, w, m), output (batch, h', w', n). Raises ValueError for an argument that makes no layer.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        dictionary: int | None,
        strides: int | tuple[int, int] = 1,
        padding: Padding = "valid",
        dilation_rate: int | tuple[int, int] = 1,
        l1: float = 0.3,
        threshold: float = 0.01,
        activation: Activation = None,
        use_bias: bool = True,
        *,
        bias_initializer: Initializer = "zeros",
        bias_regularizer: Regularizer = None,
        bias_constraint: Constraint = None,
        lookups_per_tap: int | None = None,
        groups_of: int = 1,
        atoms_of: int = 1,
        activity_regularizer: Regularizer = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            dictionary,
            l1=l1,
            threshold=threshold,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            bias_constraint=bias_constraint,
            lookups_per_tap=lookups_per_tap,
            groups_of=groups_of,
            atoms_of=atoms_of,
            activity_regularizer=activity_regularizer,
            trainable=trainable,
            name=name,
            dtype=dtype,
            **kwargs,
        )
        self.filters = positive("filters", filters)
        self.kernel_size = pair("kernel_size", kernel_size)
        self.strides = pair("strides", strides)
        self.dilation_rate = pair("dilation_rate", dilation_rate)
        self.padding = padding_of(padding)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "strides above 1 cannot be combined with a dilation_rate above 1. "
                f"Received: strides={strides}, dilation_rate={dilation_rate}"
            )
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        m = _channels(self.name, input_shape)
        self._add_weights(m, self.kernel_size, self.filters)
        self.input_spec = keras.layers.InputSpec(ndim=4, axes={-1: m})

    def call(self, X: Any, training: bool | None = None) -> Any:
        composed = self._cheaper_composed(X.shape)
        if not isinstance(self.padding, str):
            top, bottom, left, right = self.padding
            X = ops.pad(X, ((0, 0), (top, bottom), (left, right), (0, 0)))
        P = self._loss_and_P(training)
        if composed and self.D is not None:
            D = ops.reshape(self.D, self.D.shape[2:])
            return self._finish(self._conv(X, ops.einsum("mk,rckn->rcmn", D, P)))
        S = X
        if self.D is not None:
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
        m, k = X_shape[-1], self.atoms
        if m >= k or None in X_shape[1:3]:
            return False
        _, height, width, _ = self.compute_output_shape(X_shape)
        return _TYPICAL_BATCH * height * width * (k - m) > m * k

    def _covers(self, S_shape: tuple[int | None, ...]) -> bool:
        """Whether the kernel covers all of S (AlexNet's fc6): a matrix product, which is faster than a convolution."""
        return self.padding != "same" and tuple(S_shape[1:3]) == self.kernel_size and max(self.dilation_rate) == 1

    def explicit_padding(self, input_shape: tuple[int | None, ...]) -> tuple[int, int, int, int]:
        """Return the zeros added around an input of this shape: (top, bottom, left, right)."""
        return explicit_padding(self.padding, input_shape[1:3], self.kernel_size, self.strides, self.dilation_rate)

    def padded_size(self, input_shape: tuple[Any, ...]) -> tuple[int, int]:
        """Return height and width of S, the border included, for an input of this shape."""
        top, bottom, left, right = self.explicit_padding(input_shape)
        return input_shape[1] + top + bottom, input_shape[2] + left + right

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        size = [
            output_size(self.padding, axis, input_shape[1 + axis], kernel, stride, dilation)
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
class LookupDense(LookupLayer):
    """Lookup dense layer: a lookup convolution with a 1x1 kernel on a vector, or on the last axis of anything else.

    Args:
        units: n.
        dictionary: k, the number of rows of D; None for no dictionary: D is the identity, k = m, and the layer a
            pruned dense layer.
        l1: lambda', the weight of the loss lambda' * epsilon * |P|_1. There is none on D.
        threshold: c in epsilon = c / sqrt(k).
        activation: a function, or the name of one of Keras'; None for none.
        use_bias: whether a bias is added to each unit.
        bias_initializer, bias_regularizer, bias_constraint: as in keras.layers.Dense.
        lookups_per_tap: s; instead of the threshold, keep the s largest |P| of each unit.
        groups_of, atoms_of: so many neighbouring units look up the same atoms, and these in pairs, as in LookupConv2D.
        activity_regularizer: of the output, as in keras.layers.Dense.
        trainable: whether D, P and the bias are trained.
        name: of the layer; Keras makes one of the class's name unless given.
        dtype: a Keras dtype or policy; the global one unless given.
        kwargs: what else every Keras layer takes: autocast, input_shape.

    Input (batch, ..., m), output (batch, ..., n). Raises ValueError for an argument that makes no layer.
    """

    def __init__(
        self,
        units: int,
        dictionary: int | None,
        l1: float = 0.3,
        threshold: float = 0.01,
        *,
        activation: Activation = None,
        use_bias: bool = True,
        bias_initializer: Initializer = "zeros",
        bias_regularizer: Regularizer = None,
        bias_constraint: Constraint = None,
        lookups_per_tap: int | None = None,
        groups_of: int = 1,
        atoms_of: int = 1,
        activity_regularizer: Regularizer = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(
            dictionary,
            l1=l1,
            threshold=threshold,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            bias_constraint=bias_constraint,
            lookups_per_tap=lookups_per_tap,
            groups_of=groups_of,
            atoms_of=atoms_of,
            activity_regularizer=activity_regularizer,
            trainable=trainable,
            name=name,
            dtype=dtype,
            **kwargs,
        )
        self.units = positive("units", units)
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        m = _channels(self.name, input_shape)
        self._add_weights(m, (), self.units)
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: m})

    def call(self, X: Any, training: bool | None = None) -> Any:
        S = X if self.D is None else ops.matmul(X, self.D)
        return self._finish(ops.matmul(S, self._loss_and_P(training)))

    def padded_size(self, input_shape: tuple[Any, ...]) -> tuple[int, ...]:
        """Return the positions of S: all axes between the batch and the last; a vector is an image of one pixel."""
        return input_shape[1:-1] or (1, 1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def _channels(name: str, input_shape: tuple[int | None, ...]) -> int:
    if input_shape[-1] is None:
        raise ValueError(f"{name}: the last axis of the input must have a fixed size. Received: shape={input_shape}")
    return int(input_shape[-1])
