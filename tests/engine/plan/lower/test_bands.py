"""A convolution and the pool behind it, by bands of rows: every row is computed once and pooled in time."""

from __future__ import annotations

import tracemalloc

import pytest

from lcnn_engine.kernels import capabilities, choose_variant
from lcnn_engine.plan import Plan, lower
from lcnn_engine.plan.fields import Pool
from lcnn_engine.plan.machine import Machine
from tests.helpers.kernel_cases import Network, check, seeded


@pytest.mark.parametrize("band_bytes", [1, 3000, 10**9])
@pytest.mark.parametrize(("size", "stride", "padding"), [(3, 2, 1), (2, 2, 0), (3, 1, 1), (2, 3, 0)])
def test_rows_are_computed_once_and_carried_where_two_bands_need_them(
    size: int, stride: int, padding: int, band_bytes: int
) -> None:
    network = Network((23, 17, 3), seeded("bands"))
    network.add("conv2d", filters=6, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    network.add("max_pool2d", pool_size=(size, size), strides=(stride, stride), padding=(padding,) * 4)
    graph = network.graph()
    able = capabilities(choose_variant())
    calls = lower(graph, network.tensors, [graph.output], able, Machine(band_bytes=band_bytes)).calls
    computed = sum(call.output.height for call in calls if call.kernel.startswith("conv") and call.output)
    needed = min(23, (graph.output_shape[0] - 1) * stride - padding + size)
    assert computed == needed or (computed < needed and stride > size)  # rows between windows need not be computed
    pools = [call for call in calls if isinstance(call.fields, Pool)]
    assert sum(call.output.height for call in pools if call.output) == graph.output_shape[0]
    assert (len(pools) > 1) is (band_bytes < 10**9)


def test_a_large_image_has_no_more_bands_than_the_machine_allows() -> None:
    """Or a file of 436 bytes would be a million calls of a kilobyte."""
    network = Network((1_600_000, 1, 1), seeded("tall"))
    network.add("conv2d", filters=1, kernel_size=(1, 1))
    network.add("max_pool2d", pool_size=(524_288, 1), strides=(1, 1))
    graph = network.graph()
    tracemalloc.start()
    lowered = lower(graph, network.tensors, [graph.output], capabilities(choose_variant()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    pools = [call for call in lowered.calls if isinstance(call.fields, Pool)]
    assert len(pools) == Machine().max_bands
    assert sum(call.output.height for call in pools if call.output) == graph.output_shape[0]
    assert peak < 20e6


@pytest.mark.parametrize("max_bands", [1, 2, 5])
def test_bands_that_are_fewer_than_the_cache_asks_for(max_bands: int) -> None:
    network = Network((23, 17, 3), seeded("fewer"))
    network.add("conv2d", filters=6, kernel_size=(3, 3), padding=(1, 1, 1, 1))
    network.add("max_pool2d", pool_size=(3, 3), strides=(1, 1))
    machine = Machine(band_bytes=1, max_bands=max_bands)
    check(network, machine=machine)
    plan = Plan(network.graph(), network.tensors, machine=machine)
    assert sum(isinstance(call.fields, Pool) for call in plan.calls) == max_bands
