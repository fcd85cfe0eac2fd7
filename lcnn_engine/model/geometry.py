"""Operations that move values and compute none, and resizing: classes of their own kind, as in ``operations.py``.

What they mean is in MODEL_FORMAT.md; ``reference_geometry.py`` defines them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..utils.messages import shown
from .node import (
    MAX_ELEMENTS,
    Node,
    Shape,
    TensorSpec,
    check_finite,
    check_integers,
    elements,
    is_size,
    node_error,
)

__all__ = [
    "COORDINATES", "PAD_MODES", "RESIZE_EDGES", "RESIZE_METHODS", "ROUNDINGS", "Crop2D", "DepthToSpace", "Pad2D",
    "Permute", "Reshape", "Resize2D", "SpaceToDepth", "Tabled", "TakeChannels",
]  # fmt: skip

PAD_MODES = ("constant", "reflect", "symmetric", "edge")
RESIZE_METHODS = ("nearest", "bilinear", "bicubic")
COORDINATES = ("half_pixel", "align_corners", "asymmetric")
ROUNDINGS = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")
RESIZE_EDGES = ("clamp", "exclude")


def _check_choice(node: Node, attribute: str, choices: tuple[str, ...]) -> None:
    value = getattr(node, attribute)
    if not isinstance(value, str) or value not in choices:
        raise node_error(node.name, f"{attribute} to be one of {', '.join(choices)}", value)


class Tabled(Node):
    """What an engine may do by a table for each axis of the result, of what is read where."""

    rank: ClassVar[int | None] = 3

    def taps(self) -> int:
        """Count the values that one is made of, along an axis."""
        return 1


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Pad2D(Tabled):
    """More pixels around the image: ``value``, or the image's own. (H, W, C) -> (top + H + bottom, ..., C)."""

    op = "pad2d"
    padding: tuple[int, int, int, int]
    mode: str = "constant"
    value: float = 0.0

    def check(self) -> None:
        super().check()
        check_integers(self, "padding", 0, 4)
        _check_choice(self, "mode", PAD_MODES)
        check_finite(self, "value")
        if self.mode != "constant" and self.value != 0:
            raise node_error(self.name, "value only with mode constant", self.value)

    def _shape(self, *inputs: Shape) -> Shape:
        (height, width, channels), (top, bottom, left, right) = inputs[0], self.padding
        spare = {"reflect": 1, "symmetric": 0}.get(self.mode)
        if spare is not None and (max(top, bottom) > height - spare or max(left, right) > width - spare):
            most = [height - spare, width - spare]
            raise node_error(self.name, f"{self.mode} padding of at most {most}, down and across", list(self.padding))
        return (height + top + bottom, width + left + right, channels)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Crop2D(Tabled):
    """Fewer pixels: (H, W, C) -> (H - top - bottom, W - left - right, C)."""

    op = "crop2d"
    cropping: tuple[int, int, int, int]

    def check(self) -> None:
        super().check()
        check_integers(self, "cropping", 0, 4)

    def _shape(self, *inputs: Shape) -> Shape:
        (height, width, channels), (top, bottom, left, right) = inputs[0], self.cropping
        size = (height - top - bottom, width - left - right)
        if min(size) < 1:
            raise node_error(self.name, f"an output of at least one pixel from input {inputs[0]}", size)
        return (*size, channels)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Resize2D(Tabled):
    """The image at another size, each channel by itself. (H, W, C) -> (*size, C)."""

    op = "resize2d"
    size: tuple[int, int]
    method: str
    coordinates: str = "half_pixel"
    rounding: str = "floor"
    cubic_coefficient: float = -0.5
    edges: str = "clamp"

    def check(self) -> None:
        super().check()
        check_integers(self, "size", 1, 2)
        for attribute, choices in (
            ("method", RESIZE_METHODS), ("coordinates", COORDINATES), ("rounding", ROUNDINGS), ("edges", RESIZE_EDGES),
        ):  # fmt: skip
            _check_choice(self, attribute, choices)
        check_finite(self, "cubic_coefficient")
        if not -1 <= self.cubic_coefficient <= 0:
            raise node_error(self.name, "cubic_coefficient from -1 to 0", self.cubic_coefficient)
        for attribute, method, default in (
            ("rounding", "nearest", "floor"), ("cubic_coefficient", "bicubic", -0.5), ("edges", "bicubic", "clamp"),
        ):  # fmt: skip
            if self.method != method and getattr(self, attribute) != default:
                raise node_error(self.name, f"{attribute} only with method {method}", getattr(self, attribute))

    def taps(self) -> int:
        return {"nearest": 1, "bilinear": 2, "bicubic": 4}[self.method]

    def _shape(self, *inputs: Shape) -> Shape:
        return (*self.size, inputs[0][-1])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class _Blocks(Tabled):
    """What trades channels for pixels: blocks of ``block_size`` squared."""

    block_size: int

    def check(self) -> None:
        super().check()
        check_integers(self, "block_size", 1)


class DepthToSpace(_Blocks):
    """Channels into blocks of pixels: (H, W, b*b*C) -> (H*b, W*b, C)."""

    op = "depth_to_space"

    def _shape(self, *inputs: Shape) -> Shape:
        (height, width, channels), block = inputs[0], self.block_size
        if channels % block**2:
            raise node_error(self.name, f"channels to be a multiple of {block} * {block}", channels)
        return (height * block, width * block, channels // block**2)


class SpaceToDepth(_Blocks):
    """Blocks of pixels into channels: (H*b, W*b, C) -> (H, W, b*b*C)."""

    op = "space_to_depth"

    def _shape(self, *inputs: Shape) -> Shape:
        (height, width, channels), block = inputs[0], self.block_size
        if height % block or width % block:
            raise node_error(self.name, f"height and width to be multiples of {block}", (height, width))
        return (height // block, width // block, channels * block**2)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TakeChannels(Tabled):
    """y[..., j] = x[..., indices[j]]: (..., C) -> (..., channels). Channels may be left out and repeated."""

    op = "take_channels"
    rank = None
    channels: int

    def check(self) -> None:
        super().check()
        check_integers(self, "channels", 1)

    def _shape(self, *inputs: Shape) -> Shape:
        return (*inputs[0][:-1], self.channels)

    def tensor_specs(self, *inputs: Shape) -> dict[str, TensorSpec]:
        return {"indices": TensorSpec("I32", (self.channels,))}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Reshape(Node):
    """The same values in another shape, in C order: any shape -> (C,) or (H, W, C)."""

    op = "reshape"
    shape: tuple[int, ...]

    def check(self) -> None:
        super().check()
        shape = self.shape
        if not isinstance(shape, tuple) or len(shape) not in (1, 3) or not all(map(is_size, shape)):
            raise node_error(self.name, f"shape to be 1 or 3 integers from 1 to {MAX_ELEMENTS}", shape)

    def _shape(self, *inputs: Shape) -> Shape:
        if elements(self.shape) != elements(inputs[0]):
            expected = f"as many values as input {shown(self.inputs[0])} of shape {inputs[0]} has"
            raise node_error(self.name, expected, self.shape)
        return self.shape


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Permute(Tabled):
    """Axes in another order: axis i of the result is axis axes[i] of the input. (H, W, C) only."""

    op = "permute"
    axes: tuple[int, int, int]

    def check(self) -> None:
        super().check()
        check_integers(self, "axes", 0, 3)
        if sorted(self.axes) != [0, 1, 2]:
            raise node_error(self.name, "axes to be 0, 1 and 2 in some order", list(self.axes))

    def _shape(self, *inputs: Shape) -> Shape:
        return tuple(inputs[0][axis] for axis in self.axes)
