"""What int8 layers read: words and ranges, made once for all who read them, and whose ranges they are."""

from __future__ import annotations

import numpy as np

from lcnn_engine.kernels import capabilities, choose_variant
from lcnn_engine.plan import lower
from lcnn_engine.plan.fields import Conv, DictionaryInt8, NonzerosInt8, PackQuads, Ranges
from lcnn_engine.plan.lower.quantize import weights_of
from lcnn_engine.plan.lowering import Lowered
from lcnn_engine.plan.packing import Packing
from lcnn_engine.plan.references import INPUT
from tests.helpers.kernel_cases import Network, seeded


def lowered(network: Network) -> Lowered:
    graph = network.graph()
    able = capabilities(choose_variant())
    return lower(graph, network.tensors, [graph.output], able, precision="int8")


def fields_of(found: Lowered, *kinds: type) -> list[object]:
    return [call.fields for call in found.calls if isinstance(call.fields, kinds)]


def test_readers_of_one_input_share_its_words_and_its_range() -> None:
    network = Network((6, 7, 9), seeded("quads"), k=6)
    network.add("conv2d", "image", filters=5, kernel_size=(3, 3), padding=(1, 1, 1, 1), name="left")
    network.add("lookup_conv2d", "image", filters=5, kernel_size=(3, 3), padding=(1, 1, 1, 1), name="right")
    network.add("add", "left", "right")
    found = lowered(network)
    ranges, packed, conv, dictionary = fields_of(found, Ranges, PackQuads, Conv, DictionaryInt8)
    assert isinstance(ranges, Ranges)
    assert isinstance(packed, PackQuads)
    assert isinstance(conv, Conv)
    assert isinstance(dictionary, DictionaryInt8)
    assert (packed.parts, packed.count) == (ranges.target, 9)
    assert packed.range == conv.range == dictionary.range
    assert found.buffers[ranges.target.buffer].size == 2 * 9 + 2
    assert dictionary.x.buffer == packed.target.buffer
    assert (conv.group_channels, dictionary.quads, dictionary.k) == (3, 3, 6)
    assert found.constants[conv.weights.number].packing is Packing.CONV_QUADS


def test_the_range_of_phases_is_that_of_the_input_they_are_taken_from() -> None:
    network = Network((8, 9, 10), seeded("phases"))
    network.add("lookup_conv2d", filters=5, kernel_size=(3, 3), strides=(2, 2))
    network.add("flatten")
    network.add("dense", units=4)
    rows, packed, vector, listed = fields_of(lowered(network), Ranges, PackQuads, NonzerosInt8)
    assert isinstance(rows, Ranges)
    assert isinstance(packed, PackQuads)
    assert isinstance(vector, Ranges)
    assert isinstance(listed, NonzerosInt8)
    assert (rows.source, rows.stride, rows.length, packed.count) == (INPUT, 90, 90, 8)
    assert (vector.length, listed.count) == (3 * 4 * 5, 1)
    assert listed.parts == vector.target


def test_sums_are_those_of_a_filters_integers() -> None:
    weights = weights_of(np.array([[[1, -2]], [[0, 0]], [[3, 3]]], np.float32))
    assert weights.integers.tolist() == [[[64, -127]], [[0, 0]], [[127, 127]]]
    assert weights.sums.tolist() == [-63, 0, 254]
    assert weights.scales.dtype == np.float32
