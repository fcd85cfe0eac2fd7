"""Kernels of int8 in every variant, those without instructions for it too, against the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lcnn_engine.kernels import capabilities, usable_variants
from lcnn_engine.model import precision as precisions
from lcnn_engine.model.int8 import FEWEST_CHANNELS
from lcnn_engine.plan import Plan
from tests.engine.kernels.test_sweep import KERNELS, STRIDES, geometry
from tests.helpers.kernel_cases import CONV_LANES, DENSE_LANES, WIDTHS, Network, check, edges, seeded

ROUNDING = 1e-6  # of the largest |output|: integers are the same everywhere, and a few steps in float32 come after
DICTIONARY_PIXELS = sorted({capabilities(variant).dictionary_pixels for variant in usable_variants()})


def swept(network: Network, **options: Any) -> None:
    """Each node by its own inputs: no difference may make another integer of an input further on."""
    names = [node.name for node in network.nodes]
    check(network, precision="int8", outputs=names, tolerance=ROUNDING, **options)


def looked_up(network: Network) -> None:
    """The same for layers with lookups, which are sums in float32 over what int8 gives."""
    check(network, precision="int8", outputs=[node.name for node in network.nodes])


def kernels_of(network: Network) -> set[str]:
    plan = Plan(network.graph(), network.tensors, precision="int8", multiplied=())
    return {call.kernel for call in plan.calls}


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 17, 64])
@pytest.mark.parametrize("filters", [1, 7, *edges(CONV_LANES), 130])
def test_convolution_channels_and_filters(channels: int, filters: int) -> None:
    network = Network((5, 7, channels), seeded("int8", channels, filters))
    network.add("conv2d", filters=filters, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    assert {"ranges", "pack_quads", "conv_int8"} <= kernels_of(network)
    swept(network)


@pytest.mark.parametrize("strides", STRIDES, ids=str)
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_convolution_geometry(kernel: tuple[int, int], strides: tuple[int, int]) -> None:
    place = geometry(("int8",), kernel, strides)
    network = Network((*place.pop("size"), 3), seeded("int8", kernel, strides), bias=False)
    network.add("conv2d", filters=6, kernel_size=kernel, **place)
    swept(network)


@pytest.mark.parametrize("pixels", range(1, 15))
def test_convolution_pixels(pixels: int) -> None:
    for shape in ((1, pixels, 6), (pixels, 1, 6)):
        network = Network(shape, seeded("int8 pixels", shape))
        network.add("conv2d", filters=20, kernel_size=(1, 1))
        swept(network)


def test_a_convolution_in_several_passes_that_threads_share() -> None:
    network = Network((27, 27, 260), seeded("int8 passes"))
    network.add("conv2d", filters=100, kernel_size=(5, 5), padding=(2, 2, 2, 2))
    swept(network)


def test_each_layer_has_its_own_range_and_readers_of_one_input_share_it() -> None:
    network = Network((9, 11, 5), seeded("int8 layers"), k=6)
    first = network.add("conv2d", filters=12, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    network.add("conv2d", first, filters=7, kernel_size=(3, 3), padding=(2, 0, 1, 1), name="left")
    network.add("lookup_conv2d", first, filters=7, kernel_size=(5, 5), padding=(2, 2, 2, 2), name="right")
    network.add("concat", "left", "right")
    network.add("flatten")
    network.add("dense", units=20)
    calls = Plan(network.graph(), network.tensors, precision="int8", multiplied=()).calls
    assert [call.kernel for call in calls if call.kernel in ("ranges", "pack_quads")] == [
        *["ranges", "pack_quads"] * 2,
        "ranges",
    ]
    swept(network)


def test_a_convolution_and_a_pool_behind_it() -> None:
    network = Network((29, 31, 3), seeded("int8 pool"))
    network.add("conv2d", filters=24, kernel_size=(5, 5), strides=(2, 2), activation="relu")
    network.add("max_pool2d", pool_size=(3, 3), strides=(2, 2))
    check(network, precision="int8", tolerance=ROUNDING)


# ------------------------------------------------------------------------------------------------------ S = D X


@pytest.mark.parametrize("channels", [7, 8, 9, 10, 11, 64, 257])
@pytest.mark.parametrize("k", [1, 7, 8, 9, 30])
def test_dictionaries(channels: int, k: int) -> None:
    network = Network((5, 7, channels), seeded("int8 D", channels, k), k=k, density=min(1.0, 10 / k))
    network.add("lookup_conv2d", filters=6, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    assert ("dictionary_int8" in kernels_of(network)) == (channels >= FEWEST_CHANNELS)
    looked_up(network)


@pytest.mark.parametrize("pixels", sorted({1, 2, 3, *edges(DICTIONARY_PIXELS), *edges(WIDTHS), 130, 500}))
def test_dictionaries_at_so_many_pixels(pixels: int) -> None:
    for shape in ((1, pixels, 9), (pixels, 1, 9)):
        network = Network(shape, seeded("int8 D pixels", shape), k=12)
        network.add("lookup_conv2d", filters=8, kernel_size=(1, 1))
        looked_up(network)


@pytest.mark.parametrize("strides", STRIDES, ids=str)
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_lookup_geometry(kernel: tuple[int, int], strides: tuple[int, int]) -> None:
    place = geometry(("int8 lookups",), kernel, strides)
    network = Network((*place.pop("size"), 10), seeded("int8 lookups", kernel, strides), bias=False)
    if strides == (2, 2):  # not the caller's input
        network.add("activation", activation="leaky_relu", alpha=0.3)
    network.add("lookup_conv2d", filters=6, kernel_size=kernel, **place)
    looked_up(network)


def test_a_range_is_of_the_whole_input_and_not_of_the_phases_that_lookups_read() -> None:
    network = Network((8, 8, 8), seeded("int8 phases"))
    network.add("lookup_conv2d", filters=3, kernel_size=(1, 1), strides=(2, 2))
    graph, x = network.graph(), network.rng.standard_normal((8, 8, 8)).astype(np.float32)
    x[1, 1] = 50  # which no lookup reads
    for variant in usable_variants():
        assert_close(ran(variant, network, x), precisions.evaluate("int8", graph, network.tensors, x)[graph.output])


# ------------------------------------------------------------------------------------------------------ dense layers


@pytest.mark.parametrize("units", sorted({1, 2, 3, *edges([*WIDTHS, *DENSE_LANES, 64, 2048])}))
@pytest.mark.parametrize("op", ["dense", "lookup_dense"])
def test_dense_units(op: str, units: int) -> None:
    network = Network((37,), seeded("int8", op, units), k=11)
    network.add(op, units=units, activation="relu")
    assert {"nonzeros_int8", "dense_int8"} <= kernels_of(network)
    looked_up(network)


@pytest.mark.parametrize("length", sorted({1, 2, 3, *edges([*WIDTHS, 8]), 100, 1000, 4096}))
@pytest.mark.parametrize("zeros", [0.0, 0.7, 1.0])
def test_dense_lengths_and_inputs_of_zero(length: int, zeros: float) -> None:
    for before in (None, "relu"):  # with integers below what stands for 0, and without
        network = Network((length,), seeded("int8 length", length, zeros, before))
        if before:
            network.add("activation", activation=before)
        network.add("dense", units=30)
        swept(network, zeros=zeros)


def test_a_dictionary_of_a_vector_and_of_one_pixel() -> None:
    for shape in ((120,), (1, 1, 120)):
        network = Network(shape, seeded("int8 vector", shape), k=70)
        if len(shape) == 1:
            network.add("lookup_dense", units=30)
        else:
            network.add("lookup_conv2d", filters=30, kernel_size=(1, 1))
        assert "dense_int8" in kernels_of(network)
        looked_up(network)


# ------------------------------------------------------------------------------------------------------ ends of ranges


def test_pictures_and_weights_of_zero() -> None:
    network = every_layer()
    swept(network, zeros=1.0)
    for name in ("conv/kernel", "lookups/dictionary", "dense/kernel"):
        network.tensors[name][...] = 0
    swept(network)


@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1e30, 1e36])
def test_inputs_far_from_1(scale: float) -> None:
    """Below 2^-126 a scale is 0; a product of scales may be beyond what float32 has."""
    for op in ("conv2d", "lookup_conv2d"):
        network = Network((5, 6, 9), seeded("int8 far", op, scale))
        network.add(op, filters=7, kernel_size=(3, 3))
        swept(network, scale=scale)


def test_the_largest_integers_in_the_longest_sums() -> None:
    """127 * 255 * 66311 is all that an int32 holds, and the same with the sign of the zero's share."""
    for sign in (1, -1):
        network = Network((66_311,), seeded("int8 largest"), bias=False)
        network.add("dense", units=2)
        network.tensors["dense_1/kernel"] = np.full((2, 66_311), [[1], [-0.5]], np.float32)
        x = np.full(network.shape, sign * 2.0, np.float32)
        wanted = np.array([2.0, -1.0]) * sign * 66_311
        for variant in usable_variants():
            assert "dense_int8" in kernels_of(network)
            assert_close(ran(variant, network, x), wanted)


def test_longer_sums_stay_in_float32() -> None:
    network = Network((66_312,), seeded("int8 long"))
    network.add("dense", units=3)
    assert "dense_int8" not in kernels_of(network)
    check(network, precision="int8")


def test_groups_and_lookups_of_few_channels_stay_in_float32() -> None:
    network = Network((6, 6, 8), seeded("int8 groups"))
    network.add("conv2d", filters=32, kernel_size=(3, 3), groups=2)
    network.add("conv2d", filters=32, kernel_size=(3, 3), groups=32)
    assert "ranges" not in kernels_of(network)
    check(network, precision="int8")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("op", ["conv2d", "lookup_conv2d", "dense", "lookup_dense"])
def test_a_number_on_the_way_that_is_not_finite_reaches_the_result(op: str, bad: float) -> None:
    image = op.endswith("conv2d")
    network = Network((4, 5, 9) if image else (60,), seeded("int8 bad", op))
    network.add("batch_norm")
    network.tensors[f"{network.nodes[-1].name}/scale"][:] = 1
    network.tensors[f"{network.nodes[-1].name}/shift"][:] = [
        bad,
        *[0.0] * (network.shapes[network.nodes[-1].name][-1] - 1),
    ]
    network.add(op, **({"filters": 6, "kernel_size": (3, 3), "padding": (1, 1, 1, 1)} if image else {"units": 6}))
    graph, x = network.graph(), network.rng.standard_normal(network.shape).astype(np.float32)
    with np.errstate(invalid="ignore"):
        expected = precisions.evaluate("int8", graph, network.tensors, x)[graph.output]
    assert np.isnan(expected).any()
    for variant in usable_variants():
        assert np.array_equal(np.isnan(ran(variant, network, x)), np.isnan(expected))


def test_sums_are_the_same_integers_in_every_variant() -> None:
    """Without a bias there is one product after the sum, so that all bits are equal."""
    for op in ("conv2d", "dense"):
        network = Network((9, 9, 21) if op == "conv2d" else (777,), seeded("int8 bits", op), bias=False)
        network.add(op, **({"filters": 70, "kernel_size": (3, 3)} if op == "conv2d" else {"units": 70}))
        x = network.rng.standard_normal(network.shape).astype(np.float32)
        first, *others = (ran(variant, network, x) for variant in usable_variants())
        assert all(np.array_equal(first, other) for other in others)


def every_layer() -> Network:
    network = Network((7, 8, 9), seeded("int8 every"), k=6)
    network.add("conv2d", filters=9, kernel_size=(3, 3), name="conv")
    network.add("lookup_conv2d", filters=5, kernel_size=(3, 3), padding=(1, 1, 1, 1), name="lookups")
    network.add("flatten")
    network.add("dense", units=11, name="dense")
    return network


def ran(variant: str, network: Network, x: np.ndarray) -> np.ndarray:
    plan = Plan(network.graph(), network.tensors, variant=variant, precision="int8", multiplied=())
    out = np.empty((1, *plan.output_shapes[0]), np.float32)
    assert plan.run(x[None], [out], 2)
    return out[0]


def assert_close(found: np.ndarray, wanted: np.ndarray) -> None:
    assert np.abs(found - wanted).max() <= ROUNDING * np.abs(wanted).max()
