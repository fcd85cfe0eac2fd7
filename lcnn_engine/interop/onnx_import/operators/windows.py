"""The windows of convolutions and pools: their size, strides, dilation and padding, as ONNX says them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..building import RefusedError
from ..calls import Translating

__all__ = ["Window", "window_of"]


class Window(NamedTuple):
    """A window over (H, W); ``padding`` is top, bottom, left, right."""

    size: tuple[int, int]
    strides: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int, int, int]


def window_of(call: Translating, size: Sequence[int], image: Sequence[int]) -> Window:
    """Read the window of a node; ``size`` its taps down and across, ``image`` (H, W, ...). Raises RefusedError."""
    strides, dilation = (call.integers(name, [1, 1], 2) for name in ("strides", "dilations"))
    mode = call.text("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        pads = [_same(image[i], size[i], strides[i], dilation[i], mode) for i in (0, 1)]
    elif mode in ("NOTSET", "VALID"):
        top, left, bottom, right = call.integers("pads", [0] * 4, 4) if mode == "NOTSET" else [0] * 4
        pads = [(top, bottom), (left, right)]
    else:
        raise RefusedError(f"expected auto_pad to be NOTSET, VALID, SAME_UPPER or SAME_LOWER, found {mode!r}")
    if min(min(pair) for pair in pads) < 0:
        raise RefusedError(f"expected pads of at least 0, found {call.integers('pads')}")
    return Window((size[0], size[1]), (strides[0], strides[1]), (dilation[0], dilation[1]), (*pads[0], *pads[1]))


def _same(size: int, window: int, stride: int, dilation: int, mode: str) -> tuple[int, int]:
    total = max(0, (-(-size // stride) - 1) * stride + (window - 1) * dilation + 1 - size)
    less, more = total // 2, total - total // 2
    return (less, more) if mode == "SAME_UPPER" else (more, less)
