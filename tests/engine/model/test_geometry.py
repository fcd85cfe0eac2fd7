"""The rules of operations that move values, and of resizing, each broken alone; and what breaks none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lcnn_engine import ModelFormatError, read_model
from lcnn_engine.model.graph import Graph
from tests.helpers.model_files import in_order, unchecked_file, valid_graph, valid_tensors
from tests.helpers.refusals import Edit, Refusals, assert_refused, edited, new_node

BIG = 2**31 - 1


def on_pool(op: str, **values: object) -> Edit:
    """Put a node ``new`` after the pool of the valid graph, (3, 3, 4)."""
    return new_node(name="new", op=op, inputs=["pool"], **values)


def resize(**values: object) -> Edit:
    return on_pool("resize2d", **{"size": [2, 2], "method": "bilinear"} | values)


REFUSALS: Refusals = {
    "pad2d without padding": (on_pool("pad2d"), ("node 'new': expected the key 'padding'",)),
    "negative padding": (on_pool("pad2d", padding=[0, 0, 0, -1]), ("node 'new': expected padding", "from 0")),
    "unknown mode": (on_pool("pad2d", padding=[0] * 4, mode="wrap"), ("mode to be one of constant", "found 'wrap'")),
    "mode that is no string": (on_pool("pad2d", padding=[0] * 4, mode=[1]), ("node 'new': expected mode to be one",)),
    "value of another mode": (
        on_pool("pad2d", padding=[0] * 4, mode="edge", value=1), ("expected value only with mode constant",)),
    "value that is no number": (on_pool("pad2d", padding=[0] * 4, value="1"), ("expected value to be a finite",)),
    "reflection of the whole image": (
        on_pool("pad2d", padding=[3, 0, 0, 0], mode="reflect"),
        ("node 'new': expected reflect padding of at most [2, 2], down and across, found [3, 0, 0, 0]",)),
    "mirror larger than the image": (
        on_pool("pad2d", padding=[0, 0, 0, 4], mode="symmetric"), ("expected symmetric padding of at most [3, 3]",)),
    "padding of too many values": (
        on_pool("pad2d", padding=[BIG, 0, 0, 0], mode="edge"), ("expected an output of at most 2147483647 values",)),
    "crop2d without cropping": (on_pool("crop2d"), ("node 'new': expected the key 'cropping'",)),
    "negative cropping": (on_pool("crop2d", cropping=[-1, 0, 0, 0]), ("node 'new': expected cropping", "from 0")),
    "cropping of all": (
        on_pool("crop2d", cropping=[1, 2, 0, 0]), ("expected an output of at least one pixel", "found (0, 3)")),
    "cropping of more than all": (on_pool("crop2d", cropping=[0, 0, BIG, BIG]), ("expected an output of at least",)),
    "crop of a vector": (
        new_node(name="new", op="crop2d", inputs=["flat"], cropping=[0] * 4), ("expected input 'flat' of shape (H,",)),
    "resize2d without size": (on_pool("resize2d", method="nearest"), ("node 'new': expected the key 'size'",)),
    "resize2d without method": (on_pool("resize2d", size=[2, 2]), ("node 'new': expected the key 'method'",)),
    "size of 0": (resize(size=[0, 2]), ("node 'new': expected size to be 2 integers from 1",)),
    "size as floats": (resize(size=[2.0, 2.0]), ("node 'new': expected size",)),
    "size of too many values": (resize(size=[2**20, 2**20]), ("expected an output of at most 2147483647 values",)),
    "unknown method": (resize(method="area"), ("expected method to be one of nearest, bilinear, bicubic",)),
    "unknown coordinates": (resize(coordinates="pytorch"), ("expected coordinates to be one of half_pixel",)),
    "unknown rounding": (resize(method="nearest", rounding="up"), ("expected rounding to be one of floor",)),
    "unknown edges": (resize(method="bicubic", edges="wrap"), ("expected edges to be one of clamp, exclude",)),
    "rounding of bilinear": (resize(rounding="ceil"), ("expected rounding only with method nearest, found 'ceil'",)),
    "coefficient of bilinear": (resize(cubic_coefficient=-0.75), ("cubic_coefficient only with method bicubic",)),
    "edges of nearest": (resize(method="nearest", edges="exclude"), ("edges only with method bicubic",)),
    "coefficient out of range": (
        resize(method="bicubic", cubic_coefficient=0.5), ("expected cubic_coefficient from -1 to 0, found 0.5",)),
    "block_size 0": (on_pool("depth_to_space", block_size=0), ("node 'new': expected block_size",)),
    "block_size beyond the channels": (
        on_pool("depth_to_space", block_size=BIG), ("expected channels to be a multiple of", "found 4")),
    "channels that make no blocks": (
        on_pool("depth_to_space", block_size=3), ("expected channels to be a multiple of 3 * 3, found 4",)),
    "pixels that make no blocks": (
        on_pool("space_to_depth", block_size=2), ("expected height and width to be multiples of 2, found (3, 3)",)),
    "take_channels without channels": (on_pool("take_channels"), ("node 'new': expected the key 'channels'",)),
    "take_channels of none": (on_pool("take_channels", channels=0), ("node 'new': expected channels",)),
    "take_channels without indices": (
        on_pool("take_channels", channels=2), ("tensor 'new/indices': expected I32 of shape (2,), found none",)),
    "channels of too many values": (
        on_pool("take_channels", channels=BIG), ("expected an output of at most 2147483647 values",)),
    "reshape without shape": (on_pool("reshape"), ("node 'new': expected the key 'shape'",)),
    "shape of two numbers": (on_pool("reshape", shape=[6, 6]), ("expected shape to be 1 or 3 integers from 1",)),
    "shape with an open size": (on_pool("reshape", shape=[-1, 3, 3]), ("expected shape to be 1 or 3 integers from 1",)),
    "shape of other values": (
        on_pool("reshape", shape=[3, 3, 5]),
        ("expected as many values as input 'pool' of shape (3, 3, 4) has, found (3, 3, 5)",)),
    "shape beyond 2^31 - 1": (on_pool("reshape", shape=[BIG, BIG, BIG]), ("expected as many values as input 'pool'",)),
    "permute without axes": (on_pool("permute"), ("node 'new': expected the key 'axes'",)),
    "an axis twice": (on_pool("permute", axes=[0, 1, 1]), ("expected axes to be 0, 1 and 2 in some order",)),
    "negative axis": (on_pool("permute", axes=[0, 1, -1]), ("node 'new': expected axes to be 3 integers from 0",)),
    "axes of two": (on_pool("permute", axes=[1, 0]), ("node 'new': expected axes to be 3 integers",)),
}  # fmt: skip


@pytest.mark.parametrize("rule", REFUSALS)
def test_refused_in_a_file_and_by_the_writer(rule: str, tmp_path: Path) -> None:
    assert_refused(*REFUSALS[rule], tmp_path)


def test_defaults() -> None:
    """Half a pixel, down, Keys' own slope, zeros."""
    pad, size = edited(on_pool("pad2d", padding=[1] * 4)), edited(resize(method="bicubic"))
    assert pad == edited(on_pool("pad2d", padding=[1] * 4, mode="constant", value=0))
    options = {"coordinates": "half_pixel", "rounding": "floor", "cubic_coefficient": -0.5, "edges": "clamp"}
    assert size == edited(resize(method="bicubic", **options))


def taking(indices: Any) -> Graph:
    graph = valid_graph()
    on_pool("take_channels", channels=3)(graph)
    return read_model(unchecked_file(graph, valid_tensors() | {"new/indices": np.array(indices)}))[0]


@pytest.mark.parametrize(
    ("indices", "fragments"),
    [
        (np.int32([0, 4, 1]), ("tensor 'new/indices': expected indices from 0 to the input's", "3, found 4 at 1")),
        (np.int32([-1, 0, 1]), ("tensor 'new/indices': expected indices from 0", "found -1 at 0")),
        (np.int32([0, 1]), ("tensor 'new/indices': expected I32 of shape (3,), found I32 (2,)",)),
        (np.float32([0, 1, 2]), ("tensor 'new/indices': expected I32 of shape (3,), found F32",)),
    ],
)
def test_indices_that_are_refused(indices: np.ndarray, fragments: tuple[str, ...]) -> None:
    with pytest.raises(ModelFormatError) as refused:
        taking(indices)
    assert in_order(str(refused.value), fragments), str(refused.value)


def test_channels_may_be_taken_twice() -> None:
    assert taking(np.int32([3, 0, 0])).shapes["new"] == (3, 3, 3)
