"""Lowering alone: the steps, calls, buffers and constants of a graph, for kernels that need not exist."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lcnn_engine.errors import ModelFormatError
from lcnn_engine.kernels import Capabilities
from lcnn_engine.model.graph import Concat
from lcnn_engine.plan import lower
from lcnn_engine.plan.arena import lifetimes_of
from lcnn_engine.plan.calls import StepKind
from lcnn_engine.plan.fields import Lookup, SpaceToDepth
from lcnn_engine.plan.lowering import Lowered
from lcnn_engine.plan.machine import Machine
from lcnn_engine.plan.references import INPUT, ConstantRef
from tests.helpers.kernel_cases import Network, seeded
from tests.helpers.networks import chain

WIDE = Capabilities(
    width=16, masks=1, bf16=0, int8=0, alignments=1, max_tile=26, conv_lanes=64, patch_filters=8, patch_pixels=48,
    dense_unit=128, dictionary_pixels=48,
)  # fmt: skip
NARROW = WIDE._replace(width=4, masks=0, alignments=0, max_tile=12, conv_lanes=8)


def classifier() -> Network:
    network = Network((33, 33, 3), seeded("lowering"))
    network.add("lookup_conv2d", filters=8, kernel_size=(3, 3), strides=(2, 2))
    network.add("activation", activation="relu")
    network.add("max_pool2d", pool_size=(2, 2), strides=(2, 2))
    network.add("conv2d", filters=6, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="relu")
    network.add("flatten")
    network.add("dense", units=10)
    network.add("softmax")
    return network


def lowered(network: Network, able: Capabilities = WIDE, machine: Machine | None = None) -> Lowered:
    graph = network.graph()
    return lower(graph, network.tensors, [graph.output], able, machine)


def test_steps_are_kinds_in_order_and_calls_name_them() -> None:
    found = lowered(classifier())
    assert [step.kind for step in found.steps] == [
        StepKind.SPLIT_BY_STRIDE, StepKind.DICTIONARY, StepKind.LOOKUP_TILE, StepKind.POOL, StepKind.CONV,
        StepKind.REORDER, StepKind.NONZEROS, StepKind.DENSE, StepKind.SOFTMAX, StepKind.OUTPUT,
    ]  # fmt: skip
    assert [call.kernel for call in found.calls] == [
        "space_to_depth", "dictionary", "lookup_tile", "max_pool", "conv", "to_nhwc", "nonzeros", "dense", "softmax",
        "to_nhwc",
    ]  # fmt: skip
    assert [call.step for call in found.calls] == list(range(10))


def test_the_activation_of_a_later_node_is_part_of_the_call() -> None:
    fields = lowered(classifier()).calls[2].fields
    assert isinstance(fields, Lookup)
    assert (fields.activation, fields.filters) == ("relu", 8)


def test_calls_name_buffers_and_constants_that_there_are() -> None:
    found = lowered(classifier())
    assert {buffer for call in found.calls for buffer in call.buffers} == set(range(len(found.buffers)))
    named = {value.number for call in found.calls for value in call.fields if isinstance(value, ConstantRef)}
    assert named == set(range(len(found.constants)))
    assert all(life.first < life.last for life in lifetimes_of(found.calls, len(found.buffers)))


def test_the_first_layer_reads_the_caller() -> None:
    fields = lowered(classifier()).calls[0].fields
    assert isinstance(fields, SpaceToDepth)
    assert fields.source == INPUT
    assert (fields.height, fields.width, fields.channels) == (33, 33, 3)


def test_equal_graphs_lower_equally_and_others_do_not() -> None:
    one, again = lowered(classifier()), lowered(classifier())
    assert (one.steps, one.calls, one.buffers) == (again.steps, again.calls, again.buffers)
    assert all(np.array_equal(a.array, b.array) for a, b in zip(one.constants, again.constants, strict=True))
    assert lowered(classifier(), NARROW).calls != one.calls


def test_the_machine_is_what_choices_go_by() -> None:
    machine = replace(Machine(), patch_width=1, patch_floats=10**9, patch_values=10**9)
    assert "conv_patches" in {call.kernel for call in lowered(classifier(), WIDE, machine).calls}
    assert "lookup_gather" in {call.kernel for call in lowered(classifier(), WIDE, Machine(gather_pixels=10**6)).calls}


def test_a_pool_is_computed_in_bands() -> None:
    whole = lowered(classifier())
    banded = lowered(classifier(), WIDE, Machine(band_bytes=4000))
    assert [step.kind for step in banded.steps] == [step.kind for step in whole.steps]
    assert sum(call.kernel == "max_pool" for call in banded.calls) > 1
    assert max(buffer.size for buffer in banded.buffers) < max(buffer.size for buffer in whole.buffers) + 1


def test_inputs_by_the_hundred_thousand_are_refused() -> None:
    graph = chain([Concat(name="all", inputs=("image",) * 2**19)], (1, 1, 1))
    with pytest.raises(ModelFormatError, match="steps"):
        lower(graph, {}, ["all"], WIDE)


@pytest.mark.parametrize("size", [1, 3])
def test_a_convolution_whose_reads_do_not_fit_into_32_bits_is_refused(size: int) -> None:
    """Each value is small enough for the format; with its border a channel lies too far from the first."""
    network = Network((4400, 4400, 100), seeded("far"))
    network.add(
        "conv2d", filters=1, kernel_size=(size, size), padding=(1000,) * 4, dilation=(size // 2 * 1000 or 1,) * 2
    )
    with pytest.raises(ModelFormatError, match=r"expected conv2d_0/offsets of at most 2147483647, found \d+; make the"):
        lowered(network)
