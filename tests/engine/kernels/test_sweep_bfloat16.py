"""Kernels of bfloat16 in every variant, those without instructions for it too, against the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lcnn_engine.kernels import CONSTANTS
from lcnn_engine.model import precision as precisions
from lcnn_engine.plan import Plan
from lcnn_engine.plan.machine import Machine
from tests.engine.kernels.test_sweep import KERNELS, STRIDES, geometry
from tests.helpers.kernel_cases import (
    CONV_LANES,
    DENSE_LANES,
    VARIANTS,
    WIDTHS,
    Network,
    check,
    edges,
    lookups_of,
    seeded,
)

PANEL, LANES = CONSTANTS["PANEL"], CONSTANTS["SHARED_LANES"]


def swept(network: Network, **options: Any) -> None:
    """Rounded numbers within rounding, each node by its own inputs; numbers of few digits bit by bit."""
    names = [node.name for node in network.nodes]
    check(network, precision="bfloat16", outputs=names, **options)
    check(network, precision="bfloat16", exact=True, **options)


def kernels_of(network: Network) -> set[str]:
    plan = Plan(network.graph(), network.tensors, precision="bfloat16", multiplied=())
    return {call.kernel for call in plan.calls}


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 17, 64])
@pytest.mark.parametrize("filters", [1, 7, *edges(CONV_LANES), 130])
def test_convolution_channels_and_filters(channels: int, filters: int) -> None:
    network = Network((5, 7, channels), seeded("bf16", channels, filters))
    network.add("conv2d", filters=filters, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    assert {"pack_pairs", "conv_bf16"} <= kernels_of(network)
    swept(network)


@pytest.mark.parametrize("strides", STRIDES, ids=str)
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_convolution_geometry(kernel: tuple[int, int], strides: tuple[int, int]) -> None:
    for channels in (1, 3, 4):  # words of columns, and of channels
        place = geometry(("bf16", channels), kernel, strides)
        network = Network((*place.pop("size"), channels), seeded("bf16", channels, kernel, strides), bias=False)
        network.add("conv2d", filters=6, kernel_size=kernel, **place)
        swept(network)


@pytest.mark.parametrize("pixels", range(1, 15))
def test_convolution_pixels(pixels: int) -> None:
    for shape in ((1, pixels, 6), (pixels, 1, 6)):
        network = Network(shape, seeded("bf16 pixels", shape))
        network.add("conv2d", filters=20, kernel_size=(1, 1))
        swept(network)


def test_a_convolution_in_several_passes_that_threads_share() -> None:
    network = Network((27, 27, 130), seeded("bf16 passes"))
    network.add("conv2d", filters=100, kernel_size=(5, 5), padding=(2, 2, 2, 2))
    swept(network)


def test_a_convolution_and_a_pool_behind_it() -> None:
    network = Network((29, 31, 3), seeded("bf16 pool"))
    network.add("conv2d", filters=24, kernel_size=(5, 5), strides=(2, 2), activation="relu")
    network.add("max_pool2d", pool_size=(3, 3), strides=(2, 2))
    check(network, precision="bfloat16")


def test_inputs_and_weights_of_zero() -> None:
    network = Network((6, 6, 5), seeded("bf16 zeros"))
    name = network.add("conv2d", filters=9, kernel_size=(3, 3))
    check(network, precision="bfloat16", zeros=1.0)
    network.tensors[f"{name}/kernel"][:] = 0
    check(network, precision="bfloat16")


# ------------------------------------------------------------------------------------------------------- S = D X


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 30, 100])
@pytest.mark.parametrize("channels", [1, 4, 5, 6, 16, 33])
def test_dictionaries(k: int, channels: int) -> None:
    for shape, size in (((6, 7, channels), (3, 3)), ((1, 1, channels), (1, 1))):
        network = Network(shape, seeded("bf16 D", k, channels, shape), k=k, density=min(1.0, 6 / k))
        network.add("lookup_conv2d", filters=5, kernel_size=size, activation="relu")
        swept(network)


@pytest.mark.parametrize("columns", edges([*WIDTHS, *(2 * width for width in WIDTHS), PANEL, 2 * PANEL]))
def test_columns_around_a_panel(columns: int) -> None:
    for shape in ((1, columns, 5), (columns // 8 or 1, 8, 5)):
        network = Network(shape, seeded("bf16 columns", shape), k=11)
        network.add("lookup_conv2d", filters=4, kernel_size=(1, 1))
        assert "dictionary_bf16" in kernels_of(network) or columns == 1
        swept(network)


@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (4, 4), (2, 3)], ids=str)
def test_dictionaries_of_phases_that_threads_share(strides: tuple[int, int]) -> None:
    network = Network((61, 57, 5), seeded("bf16 phases", strides), k=9)
    network.add("lookup_conv2d", filters=40, kernel_size=(5, 5), strides=strides, padding=(2, 2, 2, 2))
    swept(network)


def test_deep_dictionaries_keep_their_digits() -> None:
    for channels in (512, 2500):
        network = Network((5, 6, channels), seeded("bf16 deep", channels), k=20)
        network.add("lookup_conv2d", filters=6, kernel_size=(3, 3), padding=(1, 1, 1, 1))
        swept(network)


# --------------------------------------------------------------------------------------- lookups on pairs of atoms


def paired(shape: tuple[int, int, int], *seed: object, filters: int = 2 * LANES, **attributes: Any) -> Network:
    """A convolution whose filters share lookups of pairs of atoms, with a border around what it reads."""
    options = {name: attributes.pop(name) for name in ("k", "density", "bias") if name in attributes}
    network = Network(shape, seeded("bf16 pairs", *seed), **{"groups_of": LANES, "atoms_of": 2, **options})
    network.add("activation", activation="relu")
    network.add("lookup_conv2d", filters=filters, **{"kernel_size": (1, 1), **attributes})
    return network


@pytest.mark.parametrize("filters", [9, 15, 16, 17 + 8, 31, 32, 100 - 4])
@pytest.mark.parametrize("k", [0, 2, 3, 6, 7])
def test_filters_around_the_lanes(filters: int, k: int) -> None:
    for size in ((1, 1), (3, 5), (9, 20)):
        network = paired((*size, 5), filters, k, size, filters=filters, k=k, activation="relu")
        assert "lookup_shared_bf16" in kernels_of(network)
        swept(network)


@pytest.mark.parametrize("width", [*range(1, 30), 52, 53, 56])
def test_rows_around_a_tile(width: int) -> None:
    for k in (0, 8):
        network = paired((3, width, 4), width, k, k=k, kernel_size=(3, 3), padding=(1, 1, 1, 1))
        swept(network)


@pytest.mark.parametrize("strides", STRIDES, ids=str)
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_geometry_of_pairs(kernel: tuple[int, int], strides: tuple[int, int]) -> None:
    for draw, k in enumerate((4, 0)):
        place = geometry(("bf16 pairs", draw), kernel, strides)
        size = place.pop("size")
        swept(paired((*size, 4), draw, kernel, strides, k=k, bias=draw == 0, kernel_size=kernel, **place))


def test_filters_without_lookups_beside_pairs() -> None:
    for size in ((1, 1), (5, 9)):
        for k in (0, 6):
            network = paired((*size, 6), "none", size, k, k=k, filters=LANES)
            name = network.add("lookup_conv2d", filters=LANES + 5, kernel_size=(1, 1), activation="sigmoid")
            P = np.zeros((LANES + 5, k or LANES))
            P[:LANES, 2:4] = network.rng.standard_normal((LANES, 2))
            network.tensors.update({f"{name}/{tensor}": array for tensor, array in lookups_of(P).items()})
            assert len([kernel for kernel in kernels_of(network) if kernel.startswith("lookup")]) == 2
            check(network, precision="bfloat16", outputs=[node.name for node in network.nodes])


@pytest.mark.parametrize("k", [0, 12, 13])
def test_dense_lookup_layers_on_pairs(k: int) -> None:
    network = Network((90,), seeded("bf16 dense pairs", k), k=k, groups_of=LANES, atoms_of=2)
    network.add("lookup_dense", units=6 * LANES, activation="relu")
    assert "lookup_shared_bf16" in kernels_of(network)
    swept(network, zeros=0.5)


def test_a_pool_behind_pairs() -> None:
    network = Network((19, 23, 6), seeded("bf16 pool pairs"), k=0, groups_of=LANES, atoms_of=2)
    network.add("lookup_conv2d", filters=2 * LANES, kernel_size=(3, 3), activation="silu")
    network.add("max_pool2d", pool_size=(3, 3), strides=(2, 2))
    check(network, precision="bfloat16")
    check(network, precision="bfloat16", machine=Machine(band_bytes=4096))


@pytest.mark.parametrize(
    ("filters", "atoms", "pairs"),
    [(9, (2, 3), True), (8, (2, 3), False), (9, (3, 4), False), (9, (2, 4), False), (9, (2,), False)],
)
def test_lookups_that_are_not_on_pairs_are_float32s(filters: int, atoms: tuple[int, ...], pairs: bool) -> None:
    """Filters with too few of their kind, and atoms that are not 2d and 2d + 1."""
    network = Network((6, 7, 8), seeded("bf16 not", filters, atoms), k=0)
    name = network.add("lookup_conv2d", filters=filters, kernel_size=(1, 1))
    P = np.zeros((filters, 8))
    P[:, list(atoms)] = 1 + network.rng.random((filters, len(atoms)))
    network.tensors.update({f"{name}/{tensor}": array for tensor, array in lookups_of(P).items()})
    assert ("lookup_shared_bf16" in kernels_of(network)) is pairs
    swept(network)
    if not pairs:
        check(network)  # nothing is rounded


# --------------------------------------------------------------------------------------------------- dense layers


@pytest.mark.parametrize("units", sorted({1, 2, *edges([*WIDTHS, *DENSE_LANES]), 1000}))
def test_dense_units(units: int) -> None:
    network = Network((37,), seeded("bf16 dense", units))
    network.add("dense", units=units, activation="relu")
    assert "dense_bf16" in kernels_of(network)
    swept(network)


@pytest.mark.parametrize("length", sorted({1, 2, 3, *edges(WIDTHS), 100, 1000, 25_088}))
@pytest.mark.parametrize("zeros", [0.0, 0.7, 1.0])
def test_dense_lengths_and_inputs_of_zero(length: int, zeros: float) -> None:
    network = Network((length,), seeded("bf16 length", length, zeros))
    network.add("dense", units=30)
    swept(network, zeros=zeros)


def test_a_matrix_larger_than_the_caches() -> None:
    network = Network((3000,), seeded("bf16 far"))
    network.add("dense", units=1100)
    swept(network, zeros=0.3)


# ------------------------------------------------------------------------------------------------- what is float32


def test_groups_stay_in_float32() -> None:
    network = Network((6, 6, 8), seeded("bf16 groups"))
    network.add("conv2d", filters=32, kernel_size=(3, 3), groups=2)
    assert "conv_bf16" not in kernels_of(network)
    check(network, precision="bfloat16")


@pytest.mark.parametrize("op", ["conv2d", "dense", "lookup_conv2d"])
def test_what_becomes_infinite_is_so_in_the_definition(op: str) -> None:
    """A value that bfloat16 has no number for, beside weights of either sign and none: infinities and NaN."""
    network = Network((1, 1, 6), seeded("bf16 far", op), k=3, density=1.0)
    if op == "dense":
        network.add("flatten")
    name = network.add(op, **({"units": 3} if op == "dense" else {"filters": 3, "kernel_size": (1, 1)}))
    weights = network.tensors[f"{name}/{'dictionary' if op == 'lookup_conv2d' else 'kernel'}"]
    weights[1].reshape(-1)[:] = [0, 1, 1, 1, 1, 1]
    x = np.array([[[[3.4e38, 1, 1, 1, 1, 1]]]], np.float32)
    graph = network.graph()
    with np.errstate(invalid="ignore"):
        expected = precisions.evaluate("bfloat16", graph, network.tensors, x[0])[graph.output]
    assert not np.isfinite(expected).all()
    for variant in VARIANTS:
        out = np.empty((1, *expected.shape), np.float32)
        assert Plan(graph, network.tensors, variant=variant, precision="bfloat16", multiplied=()).run(x, [out], 1)
        assert np.array_equal(out[0], expected, equal_nan=True)


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_an_infinity_stays_in_the_windows_that_hold_it(width: int) -> None:
    network = Network((6, 7, 1), seeded("bf16 far column", width))
    network.add("conv2d", filters=3, kernel_size=(2, width))
    x = network.rng.standard_normal((1, 6, 7, 1)).astype(np.float32)
    x[0, 3, 4] = 3.4e38
    graph = network.graph()
    expected = precisions.evaluate("bfloat16", graph, network.tensors, x[0])[graph.output]
    assert 0 < np.isinf(expected).sum() < expected.size
    for variant in VARIANTS:
        out = np.empty((1, *expected.shape), np.float32)
        assert Plan(graph, network.tensors, variant=variant, precision="bfloat16", multiplied=()).run(x, [out], 1)
        assert np.array_equal(np.isinf(out[0]), np.isinf(expected))
        assert not np.isnan(out[0]).any()
