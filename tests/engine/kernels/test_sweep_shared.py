"""Filters that share their lookups, in every variant against the reference: groups around the number of lanes, rows
around the tiles of pixels, few lookups and many, layers of which but some filters share theirs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lcnn_engine.kernels import CONSTANTS
from lcnn_engine.plan import Plan
from lcnn_engine.plan.machine import Machine
from tests.engine.kernels.test_sweep import KERNELS, STRIDES, geometry
from tests.helpers.kernel_cases import Network, check, edges, seeded

LANES = CONSTANTS["SHARED_LANES"]
ALL_SHARED = Machine(shared_filters=1)


def shared(shape: tuple[int, int, int], *seed: object, filters: int = 2 * LANES, **attributes: Any) -> Network:
    """A convolution whose filters share their lookups, with a border around what it reads."""
    options = {
        name: attributes.pop(name) for name in ("k", "density", "bias", "groups_of", "alone") if name in attributes
    }
    network = Network(shape, seeded("shared", *seed), **{"groups_of": LANES, **options})
    network.add("batch_norm")
    network.add("lookup_conv2d", filters=filters, **{"kernel_size": (1, 1), **attributes})
    return network


def kernels_of(network: Network, machine: Machine | None = None) -> set[str]:
    plan = Plan(network.graph(), network.tensors, machine=machine, multiplied=())
    return {call.kernel for call in plan.calls if call.kernel.startswith("lookup")}


@pytest.mark.parametrize("filters", [*edges([LANES, 2 * LANES]), 2, 9, 100])
def test_filters_around_the_lanes(filters: int) -> None:
    for size in ((1, 1), (3, 5), (9, 20)):
        network = shared((*size, 4), "filters", filters, size, filters=filters, activation="relu")
        assert "lookup_shared" in kernels_of(network, ALL_SHARED)
        check(network, machine=ALL_SHARED)


@pytest.mark.parametrize("width", [*range(1, 30), 52, 53, 56, 112])
def test_rows_around_a_tile(width: int) -> None:
    for strides in ((1, 1), (2, 2)):
        network = shared((3, width, 5), "width", width, kernel_size=(3, 3), padding=(1, 1, 1, 1), strides=strides)
        assert kernels_of(network) == {"lookup_shared"}
        check(network)


@pytest.mark.parametrize("density", [0.02, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (7, 7), (2, 13)])
def test_few_lookups_and_many(size: tuple[int, int], density: float) -> None:
    for channels, k in ((1, 0), (37, 0), (60, 9)):
        network = shared((*size, channels), "lookups", size, density, channels, density=density, k=k)
        check(network)


@pytest.mark.parametrize("strides", STRIDES, ids=str)
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_geometry(kernel: tuple[int, int], strides: tuple[int, int]) -> None:
    for draw, k in enumerate((4, 0)):
        place = geometry(("shared", draw), kernel, strides)
        size = place.pop("size")
        network = shared((*size, 3), draw, kernel, strides, k=k, bias=draw == 0, kernel_size=kernel, **place)
        network.add("max_pool2d", pool_size=(1, 1))
        check(network)


@pytest.mark.parametrize("alone", [1, 5, 20])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (6, 17)])
def test_layers_of_which_some_filters_share_nothing(size: tuple[int, int], alone: int) -> None:
    for k in (0, 6):
        filters = 2 * LANES + alone
        network = shared((*size, 8), "alone", size, alone, k=k, filters=filters, alone=alone, activation="tanh")
        assert len(kernels_of(network)) == 2
        check(network)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (6, 17), (30, 19)])
def test_each_filter_has_its_border_cleared(size: tuple[int, int]) -> None:
    """Whichever way it goes, in memory that held other numbers before; between the rows of two units, too."""
    for draw, alone in enumerate((5, 20, 60)):
        filters = 2 * LANES + alone
        network = Network((*size, 8), seeded("border", size, draw), groups_of=LANES, alone=alone)
        network.add("conv2d", filters=4 * filters, kernel_size=(1, 1))
        network.add("conv2d", filters=8, kernel_size=(1, 1))
        network.add("lookup_conv2d", filters=filters, kernel_size=(1, 1))
        assert kernels_of(network) == {"lookup_shared", "lookup_gather" if math.prod(size) <= 4 else "lookup_tile"}
        network.add("conv2d", filters=filters, kernel_size=(3, 3), padding=(1, 1, 1, 1), groups=filters)
        check(network)


@pytest.mark.parametrize("activation", ["linear", "relu", "leaky_relu", "silu"])
def test_activations_and_a_pool_behind_them(activation: str) -> None:
    alpha = 0.3 if activation == "leaky_relu" else None
    network = shared((19, 23, 6), activation, kernel_size=(3, 3), activation=activation, alpha=alpha)
    network.add("max_pool2d", pool_size=(3, 3), strides=(2, 2))
    check(network)
    check(network, machine=Machine(band_bytes=4096))


def test_a_dense_lookup_layer() -> None:
    for inputs, k in ((40, 0), (700, 0), (90, 12)):
        network = Network((inputs,), seeded("dense", inputs, k), k=k, groups_of=LANES)
        network.add("lookup_dense", units=6 * LANES, activation="relu")
        assert kernels_of(network) == {"lookup_shared"}
        check(network, zeros=0.5)


def test_threads_that_share_a_layer() -> None:
    network = shared((27, 27, 48), "threads", filters=12 * LANES, kernel_size=(5, 5), padding=(2, 2, 2, 2), k=30)
    check(network)


def test_lists_that_differ_in_one_lookup_are_not_shared() -> None:
    network = shared((4, 4, 20), "differ", k=0, density=0.5)
    name = network.nodes[-1].name
    indptr, indices = network.tensors[f"{name}/indptr"], network.tensors[f"{name}/indices"]
    for o in range(0, len(indptr) - 1, 2):  # every other filter reads one channel that the others do not
        row = indices[indptr[o] : indptr[o + 1]]
        row[-1] = min(set(range(int(row[-2]) + 1, 20)) - {int(row[-1])}, default=row[-1])
    check(network, machine=ALL_SHARED)
    assert np.isfinite(network.tensors[f"{name}/coefficients"]).all()
