"""Where a convolution's or a pool's window falls: Keras' paddings as numbers of zeros, and the size of the result."""

from __future__ import annotations

Padding = str | tuple[int, int, int, int]  # "valid", "same", or zeros to add: (top, bottom, left, right)


def explicit_padding(
    padding: Padding,
    size: tuple[int | None, ...],
    kernel: tuple[int, int],
    strides: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> tuple[int, int, int, int]:
    """Turn a Keras padding into zeros (top, bottom, left, right) for an image of `size` (height, width).

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


def output_size(padding: Padding, axis: int, size: int | None, kernel: int, stride: int, dilation: int) -> int | None:
    """Count a window's positions along an axis (0: height, 1: width) of `size` pixels; None for an open size."""
    if size is None:
        return None
    if padding == "same":
        return -(-size // stride)
    zeros = 0 if isinstance(padding, str) else sum(padding[2 * axis : 2 * axis + 2])
    return (size + zeros - (kernel - 1) * dilation - 1) // stride + 1
