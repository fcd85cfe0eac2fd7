"""The layers that constants are fitted to call every kernel there is."""

from __future__ import annotations

from benchmarks.fit_costs.layers import READER, layers
from lcnn_engine.kernels import LAYOUTS
from lcnn_engine.plan import Machine, planned


def test_every_kernel_is_called_and_the_seed_decides() -> None:
    called: dict[str, int] = dict.fromkeys(LAYOUTS, 0)
    drawn = list(layers(1, 0.05))
    for layer in drawn:
        machine = Machine(blas=layer.blas)
        lowered = planned(layer.graph, layer.tensors, precision=layer.precision, machine=machine, multiplied=()).lowered
        for call in lowered.calls:
            called[call.kernel] += lowered.steps[call.step].name != READER
    assert min(called.values()) >= 1, called
    again = list(layers(1, 0.05))
    assert [layer.graph.nodes[0].attributes() for layer in drawn] == [
        layer.graph.nodes[0].attributes() for layer in again
    ]
