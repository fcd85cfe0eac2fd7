"""Operators with weights: convolutions, matrix products."""

from __future__ import annotations

import math

import numpy as np

from ..building import RefusedError
from ..calls import Translating
from ..layout import Value, image, joined, places, vector
from .registry import translates
from .windows import Window, window_of

__all__: list[str] = []

MAX_WRITTEN_OUT = 2**26  # weights that are written out: of a grouped convolution of one pixel, of all phases


def _weights(call: Translating) -> tuple[np.ndarray, np.ndarray | None]:
    """Give the kernel (n, m, kh, kw), and the bias where there is one. Raises RefusedError."""
    kernel, bias = call.constant(1), call.maybe(2)
    if kernel.ndim != 4 or kernel.dtype.kind != "f":
        raise RefusedError(f"expected a 2-D kernel (n, m, kh, kw), found {kernel.dtype} of {kernel.shape}")
    if call.integers("kernel_shape", kernel.shape[2:], 2) != list(kernel.shape[2:]):
        raise RefusedError(f"expected kernel_shape to be the kernel's, found {call.integers('kernel_shape')}")
    return kernel, None if bias is None else bias.reshape(-1)


def _tensors(kernel: np.ndarray, bias: np.ndarray | None) -> dict[str, np.ndarray]:
    tensors = {"kernel": kernel}
    if bias is not None:
        if bias.size != len(kernel):
            raise RefusedError(f"expected a bias of {len(kernel)} numbers, found {bias.size}")
        tensors["bias"] = bias
    return tensors


@translates("Conv")
def _conv(call: Translating) -> Value:
    kernel, bias = _weights(call)
    groups, value = call.integer("group", 1), call.value()
    if len(value.dims) != 4:
        raise RefusedError(f"expected an image (1, C, H, W), found shape {value.dims}")
    if groups < 1 or len(kernel) % groups or value.dims[1] != kernel.shape[1] * groups:
        raise RefusedError(f"expected {value.dims[1]} channels in {groups} groups, found a kernel {kernel.shape}")
    window = window_of(call, kernel.shape[2:], value.dims[2:])
    if len(value.shape) == 1 and value.dims[2:] == (1, 1):
        return _of_one_pixel(call, kernel, bias, groups, window)
    source = call.image()
    node = call.add(
        "conv2d", source, tensors=_tensors(kernel, bias), filters=len(kernel), kernel_size=window.size,
        strides=window.strides, padding=window.padding, dilation=window.dilation, groups=groups,
    )  # fmt: skip
    return image(node, call.builder.shapes[node])


def _of_one_pixel(call: Translating, kernel: np.ndarray, bias: np.ndarray | None, groups: int, window: Window) -> Value:
    """A convolution of a vector as an image of one pixel, of which one tap meets the pixel."""
    (top, bottom, left, right), (dh, dw), (kh, kw) = window.padding, window.dilation, window.size
    if top + bottom != (kh - 1) * dh or left + right != (kw - 1) * dw or top % dh or left % dw:
        raise RefusedError(f"expected a window with one place on one pixel, found {window}")
    tap = kernel[:, :, top // dh, left // dw]
    if groups > 1:
        n, m = len(tap), tap.shape[1] * groups
        if n * m > MAX_WRITTEN_OUT:
            raise RefusedError(f"expected a grouped convolution of one pixel of at most {MAX_WRITTEN_OUT} weights")
        whole = np.zeros((groups, n // groups, groups, m // groups), np.float32)
        whole[np.arange(groups), :, np.arange(groups)] = tap.reshape(groups, n // groups, m // groups)
        tap = whole.reshape(n, m)
    return _dense(call, tap.T, bias, call.value(), [1], after=2)


@translates("ConvTranspose")
def _conv_transpose(call: Translating) -> Value:
    """A convolution whose filters are the phases of the result's pixels, which depth_to_space spreads over the map.

    Blocks of b x b pixels, b the least common multiple of the strides: pixel b*q + p of an axis of stride s gets tap r
    of input pixel i where s*i + r = b*q + p. So block q reads a window around pixel b/s * q, and all phases of all
    blocks are one convolution with b*b*n filters and strides b/s.
    """
    kernel, bias = _weights(call)  # (m, n / groups, kh, kw)
    groups, (sh, sw) = call.integer("group", 1), call.integers("strides", [1, 1], 2)
    dilation = call.integers("dilations", [1, 1], 2)
    if min(sh, sw, *dilation) < 1:
        raise RefusedError(f"expected strides and dilations of at least 1, found {(sh, sw)} and {tuple(dilation)}")
    source = call.image()
    shape, block = call.builder.shapes[source], math.lcm(sh, sw)
    if groups < 1 or len(kernel) % groups or shape[-1] != len(kernel):
        raise RefusedError(f"expected a kernel for {shape[-1]} channels in {groups} groups, found {kernel.shape}")
    n, reach = kernel.shape[1] * groups, [(kernel.shape[2 + i] - 1) * dilation[i] + 1 for i in (0, 1)]
    taps = [
        _taps(size, stride, dilation[i], block) for i, (size, stride) in enumerate(zip(reach, (sh, sw), strict=True))
    ]
    if block**2 * n * len(kernel) * math.prod(each.shape[1] for each in taps) > MAX_WRITTEN_OUT:
        raise RefusedError(f"expected a ConvTranspose of at most {MAX_WRITTEN_OUT} weights in all its phases")
    kept = [_kept(call, axis, shape[axis], reach[axis], stride) for axis, stride in enumerate((sh, sw))]
    spread = _phases(kernel, groups, *taps)
    padding: list[int] = []
    for axis, stride in enumerate((sh, sw)):
        blocks = max(-(-shape[axis] * stride // block), -(-sum(kept[axis]) // block))
        padding += (reach[axis] - 1) // stride, blocks * block // stride - shape[axis]
    node = call.add(
        "conv2d", source, part="phases" if block > 1 else "whole", filters=len(spread), kernel_size=spread.shape[2:],
        tensors=_tensors(spread, None if bias is None else np.tile(bias, block**2)), padding=tuple(padding),
        strides=(block // sh, block // sw), dilation=tuple(dilation) if block == 1 else (1, 1),
        groups=groups if block == 1 else 1,
    )  # fmt: skip
    if block > 1:
        node = call.add("depth_to_space", node, part="whole", block_size=block)
    height, width, _ = call.builder.shapes[node]
    (top, new_height), (left, new_width) = kept
    cropping = (top, height - top - new_height, left, width - left - new_width)
    if any(cropping):
        node = call.add("crop2d", node, cropping=cropping)
    return image(node, call.builder.shapes[node])


def _kept(call: Translating, axis: int, size: int, reach: int, stride: int) -> tuple[int, int]:
    """Give where the result begins in the whole that all taps reach, and its size."""
    whole = stride * (size - 1) + reach + call.integers("output_padding", [0, 0], 2)[axis]
    mode = call.text("auto_pad", "NOTSET")
    if call.has("output_shape"):
        wanted = call.integers("output_shape")[-2:][axis]
        total = whole - wanted
        before = total // 2 if mode == "SAME_UPPER" else total - total // 2
    elif mode in ("SAME_UPPER", "SAME_LOWER"):
        wanted, total = size * stride, whole - size * stride
        before = total // 2 if mode == "SAME_UPPER" else total - total // 2
    else:
        pads = call.integers("pads", [0] * 4, 4)
        before, wanted = pads[axis], whole - pads[axis] - pads[axis + 2]
    if before < 0 or wanted < 1:
        raise RefusedError(f"expected a result of at least one pixel and no negative pads, found {wanted, before}")
    return before, wanted


def _taps(reach: int, stride: int, dilation: int, block: int) -> np.ndarray:
    """List, for each phase and each pixel of a block's window along an axis, the tap that it has there; -1: none."""
    if block == 1:  # which the convolution's own dilation spreads
        return np.arange((reach - 1) // dilation + 1)[None, ::-1]
    back, ahead = (reach - 1) // stride, block // stride - 1
    if block * (back + ahead + 1) > MAX_WRITTEN_OUT:
        raise RefusedError(f"expected a ConvTranspose of at most {MAX_WRITTEN_OUT} weights in all its phases")
    places = np.arange(block)[:, None] - stride * np.arange(-back, ahead + 1)
    return np.where((places >= 0) & (places < reach) & (places % dilation == 0), places // dilation, -1)


def _phases(kernel: np.ndarray, groups: int, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Make the kernel (b*b*n, m, th, tw) of all phases, rows of phases first; for b = 1 in groups, (n, m/groups, ...).

    ``down``, ``across``: (b, th) and (b, tw), the taps of each phase.
    """
    (m, per_group, _, _), block = kernel.shape, len(down)
    whole = np.pad(kernel.astype(np.float32, copy=False), [(0, 0), (0, 0), (0, 1), (0, 1)])  # tap -1 is 0
    phases = whole[:, :, down[:, :, None, None], across]  # m, n / groups, b, th, b, tw
    size = down.shape[1], across.shape[1]
    phases = phases.reshape(groups, m // groups, per_group, block, size[0], block, size[1]).transpose(
        3, 5, 0, 2, 1, 4, 6
    )
    if groups == 1 or block == 1:
        return phases.reshape(block**2 * per_group * groups, m // groups, *size)
    spread = np.zeros((block, block, groups, per_group, groups, m // groups, *size), np.float32)
    for group in range(groups):
        spread[:, :, group, :, group] = phases[:, :, group]
    return spread.reshape(block**2 * per_group * groups, m, *size)


@translates("Gemm")
def _gemm(call: Translating) -> Value:
    matrix, bias = call.constant(1), call.maybe(2)
    if call.integer("transA", 0):
        raise RefusedError("expected transA 0, found 1")
    if matrix.ndim != 2:
        raise RefusedError(f"expected a matrix, found {matrix.shape}")
    matrix = matrix.T if call.integer("transB", 0) else matrix
    value = call.value()
    if len(value.dims) != 2 or value.dims != (1, len(matrix)):
        raise RefusedError(f"expected one row of {len(matrix)} values, found {value.dims}")
    alpha, beta = call.number("alpha", 1.0), call.number("beta", 1.0)
    if bias is not None:
        try:
            bias = np.broadcast_to(bias, (1, matrix.shape[1])).reshape(-1) * np.float32(beta)
        except ValueError:
            raise RefusedError(f"expected a bias of {matrix.shape[1]} numbers, found {bias.shape}") from None
    return _dense(call, matrix if alpha == 1.0 else matrix * np.float32(alpha), bias, value, [1])


@translates("MatMul")
def _matmul(call: Translating) -> Value:
    if isinstance(call.given(1), Value) and isinstance(call.given(0), Value):
        raise RefusedError("expected a constant matrix, found a product of two values (attention)")
    value, matrix = call.value(), call.constant(1)
    if matrix.ndim > 2 and set(matrix.shape[:-2]) == {1}:
        matrix = matrix.reshape(matrix.shape[-2:])
    if matrix.ndim != 2 or value.dims[-1] != len(matrix):
        raise RefusedError(f"expected a matrix for rows of {value.dims[-1]} values, found {matrix.shape}")
    last = len(value.dims) - 1
    if all(size == 1 for size in value.dims[:-1]):
        return _dense(call, matrix, None, value, [last], before=last - 1)
    value = call.channels_last(value, last)
    channels, filters = matrix.shape
    kernel = matrix.T[:, :, None, None]
    node = call.add("conv2d", value.node, tensors={"kernel": kernel}, filters=filters, kernel_size=(1, 1))
    axes = [tuple((size, stride // channels * filters) for size, stride in axis) for axis in value.axes[:-1]]
    return Value(node, call.builder.shapes[node], (*axes, joined([(filters, 1)])))


def _dense(
    call: Translating, matrix: np.ndarray, bias: np.ndarray | None, value: Value, axes: list[int], before: int = 0,
    after: int = 0,
) -> Value:  # fmt: skip
    """Multiply a vector by a matrix (m, n), whose rows are brought into the order in which the vector lies."""
    order = places(factor for axis in axes for factor in value.axes[axis])
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    kernel = matrix.T if (np.diff(order) == 1).all() else matrix.T[:, inverse]
    source = value.node if len(value.shape) == 1 else call.add("flatten", value.node, part="flat")
    node = call.add("dense", source, tensors=_tensors(kernel, bias), units=len(kernel))
    found = vector(node, (len(kernel),), after)
    return Value(node, found.shape, ((),) * before + found.axes)
