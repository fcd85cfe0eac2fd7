"""The operations, a class each: its name in a file, fields, checks, shape rule and tensors. NODE_TYPES lists them.

From that list follow the keys that a file may have, and, by tests, that every operation has a definition, a lowering
and a translation. A class without fields of its own is no dataclass of its own, but has its parent's methods: to make
each its own would take half of the time that importing the engine takes. What all share is in ``node.py``; those that
move values are in ``geometry.py``, norms and the like in ``channelwise.py``; the meaning of every field is in
MODEL_FORMAT.md. docs/adding-an-operation.md tells how to add one.

Legend, the letters of the LCNN paper: n filters, m input channels, k dictionary atoms, D the dictionary (k, m),
I the lookup indices, C their coefficients, S = D * X, P the sparse kernel that I and C spell out.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..utils.messages import shown
from .channelwise import LRN, BatchNorm, ChannelMax, ChannelMean, GroupNorm, LayerNorm, PRelu
from .geometry import Crop2D, DepthToSpace, Pad2D, Permute, Reshape, Resize2D, SpaceToDepth, TakeChannels
from .node import Activated, Node, Shape, TensorSpec, Windowed, check_integers, elements, node_error

__all__ = [
    "NODE_TYPES", "Activation", "Add", "AvgPool2D", "Concat", "Constant", "Conv2D", "Convolution", "Dense",
    "DenseLike", "Divide", "Elementwise", "Flatten", "GlobalAvgPool2D", "GlobalMaxPool2D", "GlobalPool2D",
    "LogSoftmax", "LookupConv2D", "LookupDense", "MaxPool2D", "Maximum", "Minimum", "Multiply", "OfTwo", "Pool2D",
    "Softmax", "Subtract", "ZeroPad2D",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Convolution(Activated, Windowed):
    """What dense and lookup convolutions share."""

    filters: int
    kernel_size: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)

    def window(self) -> tuple[int, int]:
        return self.kernel_size

    def spacing(self) -> tuple[int, int]:
        return self.dilation

    def check(self) -> None:
        super().check()
        check_integers(self, "filters", 1)
        check_integers(self, "kernel_size", 1, 2)
        check_integers(self, "dilation", 1, 2)

    def _shape(self, *inputs: Shape) -> Shape:
        return (*self.output_size(inputs[0]), self.filters)


def _lookup_specs(filters: int, channels: int) -> dict[str, TensorSpec]:
    return {
        "dictionary": TensorSpec("F32", ("k", channels), optional=True),
        "indptr": TensorSpec("I32", (filters + 1,)),
        "indices": TensorSpec("I32", ("nnz",)),
        "coefficients": TensorSpec("F32", ("nnz",)),
        "bias": TensorSpec("F32", (filters,), optional=True),
    }


class LookupConv2D(Convolution):
    """S = D * X, then Y = act(bias + sum of C * shifted S): the paper's lookup convolution (section 3).

    (H, W, m) -> (H', W', n).
    """

    op = "lookup_conv2d"

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        return _lookup_specs(self.filters, inputs[0][-1])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Conv2D(Convolution):
    """Y = act(bias + W * X), filters and channels in ``groups``: a dense convolution. (H, W, m) -> (H', W', n)."""

    op = "conv2d"
    groups: int = 1

    def check(self) -> None:
        super().check()
        check_integers(self, "groups", 1)
        if self.filters % self.groups:
            raise node_error(self.name, f"filters {self.filters} to be a multiple of groups", self.groups)

    def _shape(self, *inputs: Shape) -> Shape:
        if inputs[0][-1] % self.groups:
            raise node_error(self.name, f"input channels {inputs[0][-1]} to be a multiple of groups", self.groups)
        return super()._shape(*inputs)

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        kernel = (self.filters, inputs[0][-1] // self.groups, *self.kernel_size)
        return {"kernel": TensorSpec("F32", kernel), "bias": TensorSpec("F32", (self.filters,), optional=True)}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DenseLike(Activated):
    """What dense and lookup layers on vectors share."""

    rank = 1
    units: int

    def check(self) -> None:
        super().check()
        check_integers(self, "units", 1)

    def _shape(self, *inputs: Shape) -> Shape:
        return (self.units,)


class LookupDense(DenseLike):
    """S = D @ x, then y = act(bias + P @ S): a lookup convolution on one pixel. (m,) -> (n,)."""

    op = "lookup_dense"

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        return _lookup_specs(self.units, inputs[0][0])


class Dense(DenseLike):
    """y = act(bias + W @ x). (m,) -> (n,)."""

    op = "dense"

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        bias = TensorSpec("F32", (self.units,), optional=True)
        return {"kernel": TensorSpec("F32", (self.units, inputs[0][0])), "bias": bias}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Pool2D(Windowed):
    """What pools share: one number for each window of ``pool_size``, per channel. (H, W, C) -> (H', W', C)."""

    pool_size: tuple[int, int]

    def window(self) -> tuple[int, int]:
        return self.pool_size

    def check(self) -> None:
        super().check()
        check_integers(self, "pool_size", 1, 2)
        top, bottom, left, right = self.padding
        if max(top, bottom) >= self.pool_size[0] or max(left, right) >= self.pool_size[1]:
            raise node_error(self.name, f"padding smaller than pool_size {list(self.pool_size)}", list(self.padding))

    def _shape(self, *inputs: Shape) -> Shape:
        return (*self.output_size(inputs[0]), inputs[0][-1])


class MaxPool2D(Pool2D):
    """The max of each window; padding never wins."""

    op = "max_pool2d"


class AvgPool2D(Pool2D):
    """The mean of what each window holds of the image; padding does not count."""

    op = "avg_pool2d"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ZeroPad2D(Node):
    """Zeros around the image: (H, W, C) -> (top + H + bottom, left + W + right, C)."""

    op = "zero_pad2d"
    rank = 3
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def check(self) -> None:
        super().check()
        check_integers(self, "padding", 0, 4)

    def _shape(self, *inputs: Shape) -> Shape:
        (height, width, channels), (top, bottom, left, right) = inputs[0], self.padding
        return (height + top + bottom, width + left + right, channels)


class GlobalPool2D(Node):
    """What global pools share: one number for each channel. (H, W, C) -> (C,)."""

    rank = 3

    def _shape(self, *inputs: Shape) -> Shape:
        return (inputs[0][-1],)


class GlobalAvgPool2D(GlobalPool2D):
    """The mean of every channel."""

    op = "global_avg_pool2d"


class GlobalMaxPool2D(GlobalPool2D):
    """The max of every channel."""

    op = "global_max_pool2d"


class Flatten(Node):
    """(H, W, C) -> (H*W*C,), in C order."""

    op = "flatten"
    rank = 3

    def _shape(self, *inputs: Shape) -> Shape:
        return (elements(inputs[0]),)


class Softmax(Node):
    """y = exp(x) / sum of exp(x) over the last axis, of any shape."""

    op = "softmax"


class LogSoftmax(Node):
    """y = x - log(sum of exp(x)) over the last axis, of any shape."""

    op = "log_softmax"


class Activation(Activated):
    """y = act(x), of any shape."""

    op = "activation"


class Elementwise(Activated):
    """What operations of value with value share: inputs of one shape, but some may be repeated over it.

    Those are (1, 1, C) or (C,), over the image, and (H, W, 1), over its channels.
    """

    many = True

    def _shape(self, *inputs: Shape) -> Shape:
        full = max(inputs, key=lambda shape: (len(shape), elements(shape)))
        for name, shape in zip(self.inputs, inputs, strict=True):
            fitting = [full, (1, 1, full[-1]), (full[-1],), *([(*full[:2], 1)] if len(full) == 3 else [])]
            if shape not in fitting:
                raise node_error(self.name, f"input {shown(name)} of shape {' or '.join(map(str, fitting))}", shape)
        return full


class Add(Elementwise):
    """y = act(x1 + x2 + ...)."""

    op = "add"


class Multiply(Elementwise):
    """y = act(x1 * x2 * ...)."""

    op = "multiply"


class Maximum(Elementwise):
    """y = act(max(x1, x2, ...))."""

    op = "maximum"


class Minimum(Elementwise):
    """y = act(min(x1, x2, ...))."""

    op = "minimum"


class OfTwo(Elementwise):
    """What operations of just two values share: their order matters."""

    many = False
    count = 2


class Subtract(OfTwo):
    """y = act(x1 - x2)."""

    op = "subtract"


class Divide(OfTwo):
    """y = act(x1 / x2)."""

    op = "divide"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Constant(Node):
    """A value that the model holds, of ``shape`` (H, W, C) or (C,)."""

    op = "constant"
    count = 0
    shape: Shape

    def check(self) -> None:
        super().check()
        if not isinstance(self.shape, tuple) or len(self.shape) not in (1, 3):
            raise node_error(self.name, "shape to be 1 or 3 integers", self.shape)
        check_integers(self, "shape", 1, len(self.shape))

    def _shape(self, *inputs: Shape) -> Shape:
        return self.shape

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        return {"value": TensorSpec("F32", self.shape)}


class Concat(Node):
    """The channels of all inputs after one another. (H, W, Ci) -> (H, W, sum of Ci), or the same of (Ci,)."""

    op = "concat"
    many = True

    def _shape(self, *inputs: Shape) -> Shape:
        for name, shape in zip(self.inputs, inputs, strict=True):
            if shape[:-1] != inputs[0][:-1]:
                raise node_error(self.name, f"input {shown(name)} to fit {inputs[0]} but for its channels", shape)
        return (*inputs[0][:-1], sum(shape[-1] for shape in inputs))


NODE_TYPES: dict[str, type[Node]] = {
    cls.op: cls
    for cls in (
        LookupConv2D, LookupDense, Conv2D, Dense, MaxPool2D, AvgPool2D, ZeroPad2D, GlobalAvgPool2D, GlobalMaxPool2D,
        Flatten, Softmax, LogSoftmax, Activation, Add, Multiply, Subtract, Divide, Maximum, Minimum, Constant, Concat,
        BatchNorm, PRelu, LayerNorm, GroupNorm, LRN, ChannelMax, ChannelMean,
        Pad2D, Crop2D, Resize2D, DepthToSpace, SpaceToDepth, TakeChannels, Reshape, Permute,
    )
}  # fmt: skip
