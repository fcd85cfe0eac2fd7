"""Every kernel variant this CPU has against the reference, over the sizes and shapes where kernels go wrong.

Each case is a small network with random weights; :func:`kernel_cases.check` runs it on every variant, after filling all
memory with NaN, alone, in a batch and on two threads. Tile sizes are asked of the variants, so that new ones are swept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.helpers.kernel_cases import (
    DENSE_LANES,
    LOOKUP_TILES,
    VARIANTS,
    WIDTHS,
    Network,
    check,
    edges,
    lookups_of,
    seeded,
)

KERNELS = [(1, 1), (3, 3), (5, 5), (7, 7), (11, 11), (1, 7), (5, 2), (3, 11)]
STRIDES = [(1, 1), (2, 2), (3, 3), (4, 4), (1, 3), (4, 1), (2, 3)]


def test_the_fastest_variant_of_this_cpu_is_swept_and_the_portable_one_too() -> None:
    assert VARIANTS[-1] == "scalar"


# ---------------------------------------------------------------------------------------------- lookup convolution


@pytest.mark.parametrize("pixels", sorted({*range(1, 8), *edges([*WIDTHS, *(2 * w for w in WIDTHS)])}))
def test_lookup_rows_around_a_vector(pixels: int) -> None:
    for kernel, padding in (((1, 1), (0, 0, 0, 0)), ((3, 3), (1, 1, 1, 1))):
        network = Network((1, pixels, 3), seeded("row", pixels, kernel))
        network.add("lookup_conv2d", filters=3, kernel_size=kernel, padding=padding, activation="relu")
        check(network)


@pytest.mark.parametrize("pixels", edges([*LOOKUP_TILES, *(2 * tile for tile in LOOKUP_TILES)]))
def test_lookup_pictures_around_a_tile(pixels: int) -> None:
    for shape in ((1, pixels, 2), (pixels // 8 or 1, 8, 2)):
        network = Network(shape, seeded("tile", pixels, shape))
        network.add("lookup_conv2d", filters=9, kernel_size=(1, 3), padding=(0, 0, 1, 1))
        check(network)


@pytest.mark.parametrize("size", [(13, 13), (27, 27), (55, 13), (2, 120), (61, 1)])
def test_lookup_on_larger_pictures_that_threads_share(size: tuple[int, int]) -> None:
    network = Network((*size, 8), seeded("large", size), k=30)
    network.add("lookup_conv2d", filters=40, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    check(network)


@pytest.mark.parametrize("filters", [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 130])
def test_lookup_filters(filters: int) -> None:
    for size in ((1, 1), (2, 2), (5, 9)):  # a vector, gathered pixels, tiles
        network = Network((*size, 4), seeded("filters", filters, size))
        network.add("lookup_conv2d", filters=filters, kernel_size=(1, 1), activation="relu")
        check(network)


@pytest.mark.parametrize("k", [1, 2, 3, 4, 7, 8, 15, 16, 17, 30, 31, 32, 33, 64, 100, 255, 500, 512, 1000, 1023, 1024])
def test_lookup_dictionaries(k: int) -> None:
    for shape, kernel in (((6, 7, 5), (3, 3)), ((1, 1, 40), (1, 1)), ((2, 3, 17), (2, 2))):
        network = Network(shape, seeded("k", k, shape), k=k, density=min(1.0, 40 / k))
        network.add("lookup_conv2d", filters=5, kernel_size=kernel)
        check(network)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 15, 16, 17, 64, 257, 1023, 1024, 1025, 2500])
@pytest.mark.parametrize("k", [0, 3, 70])
def test_lookup_channels(channels: int, k: int) -> None:
    network = Network((5, 6, channels), seeded("channels", channels, k), k=k, density=min(1.0, 30 / (k or channels)))
    network.add("lookup_conv2d", filters=6, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    check(network)


@pytest.mark.parametrize("m", [3, 64, 300, 1030])
@pytest.mark.parametrize("k", [7, 30, 130, 500, 1000])
def test_dictionaries_that_take_several_matrix_products(k: int, m: int) -> None:
    network = Network((20, 23, m), seeded("products", k, m), k=k, density=min(1.0, 5 / k))
    network.add("lookup_conv2d", filters=3, kernel_size=(2, 2), padding=(1, 0, 0, 1))
    check(network)


def geometry(seed: tuple[object, ...], kernel: tuple[int, int], strides: tuple[int, int]) -> dict[str, Any]:
    """Dilation, a padding of its own on every side, and an image size that fit them, drawn at random."""
    rng = seeded("geometry", seed, kernel, strides)
    dilation = tuple(int(rng.choice([1, 1, 2, 3])) if taps < 7 else 1 for taps in kernel)
    reach = [(taps - 1) * step + 1 for taps, step in zip(kernel, dilation, strict=True)]
    padding = [int(rng.integers(0, span + 1)) for span in (reach[0], reach[0], reach[1], reach[1])]
    if rng.random() < 0.3:
        padding = [0, 0, 0, 0]
    size = [
        max(1, int(rng.integers(span, span + 14)) - before - after)
        for span, before, after in zip(reach, padding[::2], padding[1::2], strict=True)
    ]
    while size[0] + padding[0] + padding[1] < reach[0]:
        size[0] += 1
    while size[1] + padding[2] + padding[3] < reach[1]:
        size[1] += 1
    return {"size": tuple(size), "strides": strides, "padding": tuple(padding), "dilation": dilation}


@pytest.mark.parametrize("strides", STRIDES, ids=str)
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
@pytest.mark.parametrize("op", ["lookup_conv2d", "depthwise"])
def test_convolution_geometry(op: str, kernel: tuple[int, int], strides: tuple[int, int]) -> None:
    for draw, k in enumerate((4, 0, 9)):
        place = geometry((op, draw), kernel, strides)
        network = Network((*place.pop("size"), 3), seeded(op, draw, kernel, strides), k=k, bias=draw != 1)
        if draw == 0:  # read a value with a border instead of the caller's input
            network.add("batch_norm")
        if op == "depthwise":
            network.add("conv2d", filters=6, groups=3, kernel_size=kernel, **place)
        else:
            network.add(op, filters=4, kernel_size=kernel, **place)
        check(network)


@pytest.mark.parametrize("width", edges({*(2 * w for w in WIDTHS), *(4 * w for w in WIDTHS)}))
@pytest.mark.parametrize("padding", [0, 1, 3, 17])
def test_planes_split_by_stride_around_a_vector(padding: int, width: int) -> None:
    for k in (0, 5):
        network = Network((5, width, 3), seeded("split", width, padding, k), k=k)
        network.add("activation", activation="tanh")
        network.add("lookup_conv2d", filters=4, kernel_size=(3, 3), strides=(2, 2), padding=(padding,) * 4)
        check(network)


@pytest.mark.parametrize("side", range(4), ids=["top", "bottom", "left", "right"])
@pytest.mark.parametrize("op", ["lookup_conv2d", "conv2d"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_padding_on_one_side_alone(side: int, op: str, strides: tuple[int, int]) -> None:
    for amount in (1, 2, 3, 20):
        padding = tuple(amount if at == side else 0 for at in range(4))
        network = Network((5, 7, 2), seeded("side", op, side, amount, strides))
        network.add("activation", activation="relu")
        network.add(op, filters=5, kernel_size=(3, 3), padding=padding, strides=strides)
        check(network)


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (6, 6), (11, 5), (13, 1)])
@pytest.mark.parametrize("op", ["lookup_conv2d", "conv2d"])
def test_outputs_of_one_pixel(op: str, kernel: tuple[int, int]) -> None:
    network = Network((*kernel, 6), seeded("pixel", op, kernel), k=7)
    network.add(op, filters=300, kernel_size=kernel, strides=(2, 3), activation="relu")
    network.add("flatten")
    network.add("lookup_dense", units=20)
    check(network)


@pytest.mark.parametrize("k", [0, 6])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (2, 1), (9, 8)])
def test_filters_without_lookups(k: int, bias: bool, size: tuple[int, int]) -> None:
    for kept in ([], [0], [6], [2, 3]):
        network = Network((*size, 4), seeded("none", k, bias, size, kept), k=k, bias=bias)
        name = network.add("lookup_conv2d", filters=7, kernel_size=(1, 1), activation="sigmoid")
        P = np.zeros((7, k or 4))
        P[kept] = network.rng.standard_normal((len(kept), k or 4))
        network.tensors.update({f"{name}/{tensor}": array for tensor, array in lookups_of(P).items()})
        check(network)


def test_coefficients_of_zero_are_lookups_like_others() -> None:
    network = Network((6, 6, 3), seeded("zeros"))
    name = network.add("lookup_conv2d", filters=6, kernel_size=(3, 3))
    network.tensors[f"{name}/coefficients"][::2] = 0
    check(network)


@pytest.mark.parametrize("lookups", [1, 2, 3, 4, 5, 7, 8, 9])
def test_few_lookups_a_filter(lookups: int) -> None:
    for size in ((1, 1), (3, 1), (4, 9)):
        network = Network((*size, 9), seeded("few", lookups, size), k=0)
        name = network.add("lookup_conv2d", filters=10, kernel_size=(1, 1))
        P = np.zeros((10, 9))
        P[:, :lookups] = network.rng.standard_normal((10, lookups))
        network.tensors.update({f"{name}/{tensor}": array for tensor, array in lookups_of(P).items()})
        check(network)


# ------------------------------------------------------------------------------------------------------ dense layers


@pytest.mark.parametrize("units", sorted({1, 2, 3, *edges([*WIDTHS, *DENSE_LANES]), 1000}))
@pytest.mark.parametrize("op", ["dense", "lookup_dense"])
def test_dense_units(op: str, units: int) -> None:
    network = Network((37,), seeded(op, units), k=11)
    network.add(op, units=units, activation="relu")
    check(network)


@pytest.mark.parametrize("length", sorted({1, 2, 3, *edges(WIDTHS), 100, 1000, 4096}))
@pytest.mark.parametrize("zeros", [0.0, 0.7, 1.0])
def test_dense_lengths_and_inputs_of_zero(length: int, zeros: float) -> None:
    for op, k in (("dense", 0), ("lookup_dense", 0), ("lookup_dense", 12), ("lookup_dense", 600)):
        network = Network((length,), seeded(op, k, length, zeros), k=k, density=min(1.0, 50 / (k or length)))
        network.add(op, units=30)
        check(network, zeros=zeros)


@pytest.mark.parametrize("length", [25_088, 150_528])
def test_sums_over_very_many_inputs_keep_their_digits(length: int) -> None:
    for zeros in (0.0, 0.7):
        network = Network((length,), seeded("long", length, zeros))
        network.add("dense", units=20)
        check(network, zeros=zeros)
