"""Lowering of dense convolutions: which of the two kernels, and how the work is cut."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import prod

import numpy as np

from ..kernels import ACTIVATION_CODES, Program
from ..model import graph as g
from .bands import add_steps, target_of
from .builder import Builder
from .fusion import Task
from .lookups import lower_as_lookups
from .memory import LINE, Map
from .packing import Lookups, balanced_lanes, pack_conv, tap_offsets

PASS_BYTES = 256 * 1024  # weights of one pass: a share of the second-level cache
PIXELS_PER_UNIT = 120  # twenty register tiles
PATCH_FLOATS = 8192  # windows of a tile of pixels, brought together: the first-level cache
PATCH_WIDTH = 24  # of the result: in narrower ones the rows that a tile is made of are too short
PATCH_VALUES = 2.5  # of a window, for each filter: more take longer to bring together than results to transpose


@dataclass(frozen=True)
class Cut:
    """Filters side by side, channels of a pass, pixels of a unit, and the floats of scratch that these need."""

    patches: bool
    lanes: int
    channels: int
    pixels: int
    scratch: int


def _cut(program: Program, filters: int, kernel: np.ndarray, width: int, most_pixels: int) -> Cut:
    """For a group of ``filters``, windows as in ``kernel`` (n, channels, kh, kw), and a result with rows of ``width``
    of which at most ``most_pixels`` are in memory at once."""
    channels, taps = kernel.shape[1], kernel[0, 0].size
    values = channels * taps
    patches = values * program.patch_pixels
    if width >= PATCH_WIDTH and patches <= PATCH_FLOATS and values <= PATCH_VALUES * filters:
        return Cut(True, program.patch_filters, channels, program.patch_pixels, patches)
    lanes = balanced_lanes(filters, program.width, program.conv_lanes)
    passes = -(-values * lanes * 4 // PASS_BYTES)
    pixels = min(most_pixels, PIXELS_PER_UNIT)
    return Cut(False, lanes, -(-channels // passes), pixels, (pixels + LINE) * lanes)


def lower_conv(builder: Builder, task: Task, pool: Task | None = None) -> None:
    """A dense convolution, and the pool behind it."""
    node = task.node
    assert isinstance(node, g.Conv2D)
    kernel = builder.tensors[f"{node.name}/kernel"]
    own = node.filters // node.groups
    if node.groups > 1 and own <= builder.program.width // 4:  # lanes would stay empty: let lanes be pixels
        lower_as_lookups(builder, task, node, Lookups.from_kernel(kernel, node.groups), pool)
        return
    source = builder.value(node.inputs[0])
    target = target_of(builder, task, pool)
    cut = _cut(builder.program, own, kernel, target.value.width, target.most_rows * target.value.width)
    offsets = tap_offsets(cut.channels, source.plane, node.kernel_size, node.dilation, source.row)

    @cache
    def packed() -> tuple[np.ndarray, np.ndarray]:
        return pack_conv(kernel, builder.tensor(node.name, "bias"), node.groups, cut.lanes, builder.program.zeros)

    def add(out: Map, row: int) -> None:
        weights, bias = packed()
        at = source.map()
        builder.program.add_conv(
            at._replace(offset=at.offset + row * node.strides[0] * at.row),
            out,
            patches=cut.patches,
            weights=weights,
            bias=bias,
            offsets=offsets,
            group_filters=own,
            strides=node.strides,
            padding=node.padding,
            pixels_per_unit=cut.pixels,
            activation=ACTIVATION_CODES[task.activation],
            alpha=task.alpha,
        )

    name = "conv patches" if cut.patches else f"conv {cut.lanes}"
    multiplications = prod(builder.shape(task.result)[:2]) * kernel.size
    add_steps(builder, task, target, name, add, [source.buffer], multiplications, cut.scratch)
