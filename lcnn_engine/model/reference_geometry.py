"""The reference of operations that move values, and of resizing, in plain NumPy: a part of ``reference.py``.

Moving rounds nothing, so only resizing calculates, in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .geometry import Resize2D
from .interpolation import Taps, taps_of
from .reference_channelwise import narrow

__all__ = ["GEOMETRY", "interpolated"]

Array = NDArray[Any]


def pad2d(x: Array, *, padding: Sequence[int], mode: str = "constant", value: float = 0.0) -> Array:
    """Put pixels around the image, by the rules of ``np.pad``. (H, W, C) -> (top + H + bottom, left + W + right, C)."""
    top, bottom, left, right = padding
    more: Mapping[str, Any] = {"constant_values": value} if mode == "constant" else {}
    return narrow(np.pad(x, ((top, bottom), (left, right), (0, 0)), mode, **more))  # type: ignore[call-overload]


def crop2d(x: Array, *, cropping: Sequence[int]) -> Array:
    """Leave out rows and columns at the sides. (H, W, C) -> (H - top - bottom, W - left - right, C)."""
    top, bottom, left, right = cropping
    return narrow(x[top : x.shape[0] - bottom, left : x.shape[1] - right])


def resize2d(
    x: Array,
    *,
    size: Sequence[int],
    method: str,
    coordinates: str = "half_pixel",
    rounding: str = "floor",
    cubic_coefficient: float = -0.5,
    edges: str = "clamp",
) -> Array:
    """y[i, j] = sum over the taps of both axes of weight * x[row, column]; ``resampling.py`` has the weights."""
    node = Resize2D(
        name="", inputs=("",), size=(size[0], size[1]), method=method, coordinates=coordinates, rounding=rounding,
        cubic_coefficient=cubic_coefficient, edges=edges,
    )  # fmt: skip
    rows, columns = (taps_of(node, axis, x.shape[axis]) for axis in (0, 1))
    return narrow(interpolated(x, rows, columns))


def interpolated(x: Array, rows: Taps, columns: Taps) -> Array:
    """Add up the taps of an image (H, W, C), down and then across, in float64. -> (H', W', C)."""
    down = np.einsum("is,isxc->ixc", rows[1], x.astype(np.float64)[rows[0]])
    across: Array = np.einsum("jt,ijtc->ijc", columns[1], down[:, columns[0]])
    return across


def depth_to_space(x: Array, *, block_size: int) -> Array:
    """y[h*b + i, w*b + j, c] = x[h, w, (i*b + j)*C + c], C channels in the result. As ``tf.nn.depth_to_space``."""
    b, (height, width, channels) = block_size, x.shape
    blocks = x.reshape(height, width, b, b, channels // b**2).transpose(0, 2, 1, 3, 4)
    return narrow(blocks.reshape(height * b, width * b, channels // b**2))


def space_to_depth(x: Array, *, block_size: int) -> Array:
    """y[h, w, (i*b + j)*C + c] = x[h*b + i, w*b + j, c], C channels in x. As ``tf.nn.space_to_depth``."""
    b, (height, width, channels) = block_size, x.shape
    blocks = x.reshape(height // b, b, width // b, b, channels).transpose(0, 2, 1, 3, 4)
    return narrow(blocks.reshape(height // b, width // b, channels * b**2))


def take_channels(x: Array, *, indices: NDArray[np.int32], channels: int) -> Array:
    """y[..., j] = x[..., indices[j]]; ``channels`` is how many ``indices`` there are."""
    return narrow(x[..., indices])


def reshape(x: Array, *, shape: Sequence[int]) -> Array:
    """Give the same values, in C order, another shape."""
    return narrow(x.reshape(tuple(shape)))


def permute(x: Array, *, axes: Sequence[int]) -> Array:
    """Put axes in another order: axis i of the result is axis axes[i] of x, as ``np.transpose``."""
    return narrow(x.transpose(tuple(axes)))


_FUNCTIONS = (pad2d, crop2d, resize2d, depth_to_space, space_to_depth, take_channels, reshape, permute)
GEOMETRY: dict[str, Callable[..., Array]] = {function.__name__: function for function in _FUNCTIONS}
