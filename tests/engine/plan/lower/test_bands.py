"""A convolution and the pool behind it, by bands of rows: every row is computed once and pooled in time."""

from __future__ import annotations

import pytest

from lcnn_engine.kernels import capabilities, choose_variant
from lcnn_engine.plan import lower
from lcnn_engine.plan.calls import Pool
from lcnn_engine.plan.machine import Machine
from tests.helpers.kernel_cases import Network, seeded


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
