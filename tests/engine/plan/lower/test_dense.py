"""Dense layers: a list of the inputs that are not 0, then their rows of W."""

from __future__ import annotations

from lcnn_engine.kernels import capabilities, choose_variant
from lcnn_engine.plan import lower
from lcnn_engine.plan.fields import Dense, Nonzeros
from lcnn_engine.plan.packing import Packing
from lcnn_engine.plan.references import IsFp16
from tests.helpers.kernel_cases import Network, seeded


def test_the_list_is_made_and_read_and_the_weights_may_be_fp16() -> None:
    network = Network((20,), seeded("dense"), bias=False)
    network.add("dense", units=17, activation="relu")
    graph = network.graph()
    found = lower(graph, network.tensors, [graph.output], capabilities(choose_variant()))
    nonzeros, dense = (call.fields for call in found.calls if isinstance(call.fields, Nonzeros | Dense))
    assert isinstance(nonzeros, Nonzeros)
    assert isinstance(dense, Dense)
    assert nonzeros.list == dense.list
    assert found.buffers[dense.list.buffer].size == 1 + 2 * 20
    assert (dense.length, dense.units, dense.lanes, dense.activation) == (20, 17, 32, "relu")
    assert dense.fp16 == IsFp16(dense.weights.number)
    assert found.constants[dense.weights.number].packing is Packing.DENSE
    assert not found.constants[dense.bias.number].array.any()
