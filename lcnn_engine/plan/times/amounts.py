"""What the calls that multiply consist of: how often each of their loops does what it does, by their geometry alone.

Each function gives the amounts of one call by name. ``far`` and ``memory`` are bytes that come from the last shared
cache and from memory; what the second-level cache has costs no more than the instruction that reads it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from ...kernels import CONSTANTS, Capabilities
from ..calls import KernelCall
from ..fields import Conv, Dense, DenseInt8, Depthwise, Dictionary, DictionaryBf16, DictionaryInt8, Lookup, LookupShared
from ..layout import round_up
from ..tiling import registers_of

__all__ = ["MULTIPLYING", "WORD", "Amounts", "Surroundings"]

Amounts = dict[str, float]

WORD = 4  # bytes of a float, an offset, a pair or a quad
CONV_PIXELS = 6  # of a register tile of conv
SHARED_LANES, ATOMS, PANEL_LANES = (CONSTANTS[name] for name in ("SHARED_LANES", "ATOMS", "PANEL_LANES"))
CHEAP = ("linear", "relu", "relu6", "leaky_relu", "abs", "hard_tanh", "hard_sigmoid", "hard_silu")


class Surroundings(NamedTuple):
    """What a call's time depends on besides itself.

    ``able``: what its kernels are capable of. ``near``, ``shared``: bytes of the second-level and of the shared cache.
    ``resident``: bytes that the whole program goes through in a run. ``fp16``: whether its matrix is kept as float16.
    ``nonzero``: share of its input that is not 0. ``first``: bytes of a first-level cache.
    """

    able: Capabilities
    near: int
    shared: int
    resident: float
    fp16: bool = False
    nonzero: float = 1.0
    first: int = 32 * 1024

    def weights(self, count: float) -> Amounts:
        """Tell where so many bytes of weights come from, which nothing has read since the run before."""
        far, memory = self._shares()
        found = {"far": count * far, "memory": count * memory}
        return {name: value for name, value in found.items() if value}

    def common(self, call: KernelCall) -> Amounts:
        """Give what every call takes; its own code, too, may have to come from farther away."""
        far, memory = self._shares()
        found = {"call": 1.0, "unit": float(call.units), "cold call": far, "cold call of memory": memory}
        out = call.output
        if out is None or not any((out.top, out.bottom, out.left, out.right)):
            return found
        ends = out.channels * (out.top + out.bottom) * out.row
        return {
            **found,
            "border": float(ends),
            "bordered": float(out.channels),
            "sides": float(out.channels * out.height),
        }

    def _shares(self) -> tuple[float, float]:
        """Give the shares of what is read once a run that the shared cache still has, and that it has not.

        Half of that cache is taken to be ours; the farther a program goes beyond it, the less it still holds.
        """
        if self.resident <= self.near / 2:
            return 0.0, 0.0
        missed = min(1.0, max(0.0, 2 * self.resident / self.shared - 1))
        beyond = min(1.0, 2 * self.resident / self.near - 1)
        return beyond * (1 - missed), missed

    def doublings(self, call: KernelCall) -> float:
        """Tell how often what lookups go over doubles the first-level cache."""
        return max(0.0, math.log2(max(1, call.reads) * WORD / self.first))

    def values(self, count: float) -> Amounts:
        """Tell how many of so many bytes of activations, just written, the second-level cache has lost again."""
        return {"spilled": max(0.0, count - self.near / 2)}


def dictionary(call: KernelCall, around: Surroundings) -> Amounts:
    """S = D X by sgemm: a unit is a product that packs both of its sides."""
    u = call.fields
    assert isinstance(u, Dictionary)
    return {
        "multiply": round_up(u.k, 4) * u.m * float(u.columns),
        "pack x": float(u.m * u.columns),
        "pack d": float(call.units * u.k * u.m),
        "write": float(u.k * u.columns),
        **around.values(WORD * (u.k + u.m) * u.columns),
        **around.weights(WORD * u.k * u.m),
    }


def dictionary_words(call: KernelCall, around: Surroundings) -> Amounts:
    """S = D X of words of two or four numbers."""
    u = call.fields
    assert isinstance(u, DictionaryBf16 | DictionaryInt8)
    words, lanes = (u.quads, ATOMS) if isinstance(u, DictionaryInt8) else (-(-u.m // 2), PANEL_LANES)
    columns = round_up(u.columns, around.able.width)
    return {
        "multiply": round_up(u.k, lanes) * words * float(columns),
        "pack x": float(words * columns),
        "write": float(u.k * columns),
        **around.values(WORD * (u.k + words) * u.columns),
        **around.weights(WORD * u.k * words),
    }


def lookup_tile(call: KernelCall, around: Surroundings) -> Amounts:
    """Lookups one by one, pixels in lanes: as ``plan/tiling.py`` has it, of all filters."""
    u, out = call.fields, call.output
    assert isinstance(u, Lookup)
    assert out is not None
    width = around.able.width
    rows_apart = {} if u.mask else {"piece": float(u.filters * out.height), "copied": float(u.filters * u.vectors)}
    tiles = -(-u.vectors // u.tile)
    lookups = call.work / (u.vectors * width)
    left = u.vectors * width - (out.height - 1) * u.s_row - out.width
    registers = registers_of(u.tile, tiles, u.alignments - 1, left)
    loads = tiles * lookups * registers
    rows = tiles * u.filters * u.blocks
    doublings = around.doublings(call)
    return {
        "aligned" if u.alignments > 1 else "straddling": loads,
        "farther": loads * doublings,
        "lookup": tiles * lookups,
        "move": float(rows * (u.alignments - 1) * registers),
        "begin": float(rows * registers),
        "partial": float(tiles * u.filters * u.tile * (u.blocks - 1)),
        "end": float(tiles * u.filters * u.tile),
        "row": float(rows),
        **(rows_apart or {"sides": 0.0}),
        "alignment": float(rows * (u.alignments - 1)),
        **around.weights(2 * WORD * lookups),
    }


def lookup_gather(call: KernelCall, around: Surroundings) -> Amounts:
    """Lookups of a pixel or a few, filters in lanes."""
    u = call.fields
    assert isinstance(u, Lookup)
    assert call.output is not None
    pixels = call.output.height * call.output.width
    doublings = around.doublings(call)
    return {
        "lookup": float(call.work),
        "farther": call.work * doublings,
        "row": float(u.filters * u.blocks * pixels),
        **around.weights(2 * WORD * call.work / pixels),
    }


def lookup_shared(call: KernelCall, around: Surroundings) -> Amounts:
    """Lookups that sixteen filters share: pixels of a row in tiles, of which each is broadcast."""
    u = call.fields
    assert isinstance(u, LookupShared)
    assert call.output is not None
    out, vectors = call.output, max(1, SHARED_LANES // around.able.width)
    lookups = call.work / (SHARED_LANES * out.height * out.width)
    tiles = out.height * -(-out.width // (around.able.max_tile // vectors))
    passes = -(-out.height // u.rows_per_unit)
    doublings = around.doublings(call)
    return {
        "multiply": lookups * out.height * out.width * vectors,
        "lookup": lookups * tiles,
        "farther": lookups * out.height * out.width * doublings,
        "tile": float(u.groups * tiles),
        "end": float(u.groups * out.height * out.row),
        "pass": lookups * passes,
        **around.weights(WORD * (SHARED_LANES + 1) * lookups),
    }


def conv(call: KernelCall, around: Surroundings) -> Amounts:
    """A dense convolution, filters in lanes: register tiles of six pixels, which read all weights of a pass each."""
    u = call.fields
    assert isinstance(u, Conv)
    assert call.output is not None
    out = call.output
    pixels, vectors = out.height * out.width, u.lanes // around.able.width
    values = u.groups * u.blocks * u.group_channels * u.taps
    passes = -(-u.group_channels // u.channels_per_pass)
    tiles = pixels // u.pixels_per_unit * -(-u.pixels_per_unit // CONV_PIXELS)
    tiles += -(-(pixels % u.pixels_per_unit) // CONV_PIXELS)
    return {
        "multiply": float(values * pixels * vectors),
        "broadcast": float(values * pixels),
        "load": float(values * tiles * vectors),
        "tile": float(u.groups * u.blocks * tiles * passes * vectors),
        "end": float(u.groups * u.blocks * pixels * vectors),
        "partial": float(u.groups * u.blocks * pixels * vectors * (passes - 1)),
        **around.weights(WORD * values * u.lanes),
    }


def conv_patches(call: KernelCall, around: Surroundings) -> Amounts:
    """A dense convolution with pixels in lanes, whose windows are brought together first."""
    u = call.fields
    assert isinstance(u, Conv)
    assert call.output is not None
    out, able = call.output, around.able
    pixels = round_up(out.height * out.width, able.width)
    values = u.groups * u.group_channels * u.taps
    stride = "by one" if u.stride_w == 1 else "by two" if u.stride_w == 2 else "by more"
    return {
        "multiply": values * round_up(u.group_filters, able.patch_filters) * pixels / able.width,
        f"gather {stride}": values * pixels / able.width,
        "rows": float(values * out.height),
        "end": u.groups * u.group_filters * pixels / able.width,
        "tile": float(call.units * u.blocks),
        **around.values(WORD * out.channels * out.height * out.width),
    }


def conv_depthwise(call: KernelCall, around: Surroundings) -> Amounts:
    """A depthwise convolution, pixels of a row in lanes; of narrow maps two rows, in the halves of a vector."""
    u, out = call.fields, call.output
    assert isinstance(u, Depthwise)
    assert out is not None
    width = around.able.width
    square = u.kernel_h == u.kernel_w in (3, 5) and u.stride_h == u.stride_w <= 2 and u.dilation_h == u.dilation_w == 1
    rows = -(-out.height // 2) if square and out.width <= width // 2 else out.height
    vectors = float(out.channels * rows * -(-out.width // width))
    stride = "by one" if u.stride_w == 1 else "by two" if u.stride_w == 2 else "by more"
    return {
        f"multiply {stride}": vectors * u.kernel_h * u.kernel_w,
        "end": vectors,
        "row": float(out.channels * rows),
        **around.values(WORD * 2 * out.channels * out.height * out.width),
    }


def winograd_input(call: KernelCall, around: Surroundings) -> Amounts:
    """Windows of 4 x 4 of a map, transformed, a row of them at a time."""
    out = call.output
    assert out is not None
    rows = float(out.channels * out.height)
    return {
        "window": rows * -(-out.width // around.able.width),
        "row": rows,
        **around.values(WORD * 16 * out.channels * out.height * out.width),
    }


def conv_winograd(call: KernelCall, around: Surroundings) -> Amounts:
    """The 16 products of every window, as a dense convolution of one tap, and 4 results of each."""
    u, windows = call.fields, call.inputs[0].height * call.inputs[0].width
    assert isinstance(u, Conv)
    vectors, values = u.lanes // around.able.width, 16 * u.blocks * u.group_channels
    tiles = u.pixel_chunks * -(-u.pixels_per_unit * call.inputs[0].width // CONV_PIXELS)
    return {
        "multiply": float(values * windows * vectors),
        "load": float(values * tiles * vectors),
        "tile": float(16 * u.blocks * tiles * vectors),
        "end": float(u.blocks * windows * vectors),
        **around.values(WORD * 16 * u.group_channels * windows),
        **around.weights(WORD * values * u.lanes),
    }


def dense(call: KernelCall, around: Surroundings) -> Amounts:
    """A matrix times a vector, whose rows of W are read where the input is not 0."""
    u = call.fields
    assert isinstance(u, Dense | DenseInt8)
    kind = "float16" if around.fp16 else "whole"
    size = 1 if isinstance(u, DenseInt8) else 2 if around.fp16 or call.kernel == "dense_bf16" else WORD
    rows = u.length * around.nonzero
    multiplied = rows * u.lanes
    return {
        f"multiply {kind}": multiplied,
        "row": rows * max(1.0, u.lanes / 1024),
        "end": float(u.lanes),
        **around.weights(size * multiplied),
    }


MULTIPLYING: dict[str, Callable[[KernelCall, Surroundings], Amounts]] = {
    "dictionary": dictionary,
    "dictionary_direct": dictionary,
    "dictionary_bf16": dictionary_words,
    "dictionary_int8": dictionary_words,
    "lookup_tile": lookup_tile,
    "lookup_gather": lookup_gather,
    "lookup_shared": lookup_shared,
    "lookup_shared_bf16": lookup_shared,
    "conv": conv,
    "conv_bf16": conv,
    "conv_int8": conv,
    "conv_patches": conv_patches,
    "conv_depthwise": conv_depthwise,
    "winograd_input": winograd_input,
    "conv_winograd": conv_winograd,
    "dense": dense,
    "dense_bf16": dense,
    "dense_int8": dense,
}
