"""What works value by value: results in the place of their inputs, copies, outputs."""

from __future__ import annotations

from lcnn_engine.kernels import capabilities, choose_variant
from lcnn_engine.plan import lower
from lcnn_engine.plan.fields import Lrn, ToNhwc
from lcnn_engine.plan.lowering import Lowered
from tests.helpers.kernel_cases import Network, seeded


def lowered(network: Network) -> Lowered:
    graph = network.graph()
    return lower(graph, network.tensors, [graph.output], capabilities(choose_variant()))


def test_pointwise_results_may_take_the_place_of_their_inputs() -> None:
    network = Network((5, 6, 3), seeded("over"))
    network.add("activation", activation="relu")
    network.add("add", "image", network.nodes[-1].name)
    found = lowered(network)
    relu, add = found.calls[1:3]
    assert relu.output is not None
    assert add.output is not None
    assert found.buffers[relu.output.offset.buffer].replaces == (relu.inputs[0].offset.buffer,)
    assert len(found.buffers[add.output.offset.buffer].replaces) == 2


def test_concat_copies_each_input_to_its_channels() -> None:
    network = Network((5, 6, 3), seeded("concat"))
    first = network.add("activation", activation="relu")
    network.add("concat", "image", first)
    copies = [call for call in lowered(network).calls if call.kernel == "pointwise"][1:]
    channels = [call.output.offset.offset // call.output.plane for call in copies if call.output]
    assert channels == [0, 3]


def test_one_pixel_is_a_vector_already() -> None:
    network = Network((1, 1, 7), seeded("flatten"))
    network.add("flatten")
    assert [call.kernel for call in lowered(network).calls] == ["space_to_depth", "to_nhwc"]


def test_outputs_are_numbered_and_lrn_knows_no_more_channels_than_there_are() -> None:
    network = Network((2, 2, 3), seeded("lrn"))
    network.add("lrn", depth_radius=50, bias=1.0, alpha=1.0, beta=0.5)
    calls = lowered(network).calls
    assert calls[-1].fields == ToNhwc(0, None)
    assert next(call.fields.radius for call in calls if isinstance(call.fields, Lrn)) == 3
