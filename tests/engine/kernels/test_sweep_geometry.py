"""The sweep of ``test_sweep`` for operations that move values, and for resizing."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

from lcnn_engine.model.graph import COORDINATES, PAD_MODES, RESIZE_METHODS, ROUNDINGS
from tests.helpers.kernel_cases import WIDTHS, Network, check, edges, seeded

IMAGES = [(1, 1, 3), (5, 6, 2), (1, 17, 1), (18, 1, 5), (3, 33, 2), (16, 16, 4)]
WIDE = sorted({2, *edges([*WIDTHS, 2 * WIDTHS[-1]])})


def check_with_border_after(network: Network) -> None:
    """Check the network, and with a layer after it that reads a border around its result."""
    check(network)
    if len(network.shapes[network.nodes[-1].name]) == 3:
        network.add("conv2d", filters=3, kernel_size=(2, 2), padding=(1, 1, 2, 1))
        check(network)


@pytest.mark.parametrize("mode", PAD_MODES)
@pytest.mark.parametrize(
    "padding", [(0, 0, 0, 0), (1, 0, 0, 0), (0, 2, 0, 0), (0, 0, 3, 0), (0, 0, 0, 4), (4, 3, 2, 1)]
)
def test_padding(padding: tuple[int, ...], mode: str) -> None:
    for shape in IMAGES:
        spare = {"reflect": 1, "symmetric": 0}.get(mode, -100)
        fits = tuple(min(p, size - spare) for p, size in zip(padding, (shape[0],) * 2 + (shape[1],) * 2, strict=True))
        network = Network(shape, seeded("pad", mode, padding, shape))
        network.add("pad2d", padding=fits, mode=mode, **({"value": 2.5} if mode == "constant" else {}))
        check_with_border_after(network)


@pytest.mark.parametrize("width", WIDE)
def test_padding_and_cropping_around_the_width_of_a_vector(width: int) -> None:
    for op, attributes in (
        ("pad2d", {"padding": (1, 0, 1, 1), "mode": "reflect"}),
        ("pad2d", {"padding": (0, 1, width - 1, width - 1), "mode": "symmetric"}),
        ("pad2d", {"padding": (0, 1, 3, 0), "value": -1.0}),
        ("crop2d", {"cropping": (1, 0, 1, 0)}),
        ("crop2d", {"cropping": (0, 1, 0, width - 1)}),
    ):
        network = Network((3, width, 2), seeded(op, width, attributes))
        network.add(op, **attributes)
        check_with_border_after(network)


@pytest.mark.parametrize("shape", IMAGES)
def test_crops(shape: tuple[int, int, int]) -> None:
    height, width, _ = shape
    for cropping in ((0, 0, 0, 0), (height - 1, 0, 0, width - 1), (0, height - 1, width - 1, 0), (0, 0, 0, width // 2)):
        network = Network(shape, seeded("crop", shape, cropping))
        network.add("crop2d", cropping=cropping)
        check_with_border_after(network)


@pytest.mark.parametrize("method", RESIZE_METHODS)
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_resizing(method: str, coordinates: str) -> None:
    for shape in IMAGES:
        for size in ((1, 1), (2 * shape[0], 2 * shape[1]), (7, 31), (shape[0], 16), (3, 1)):
            network = Network(shape, seeded("resize", method, coordinates, shape, size))
            network.add("resize2d", size=size, method=method, coordinates=coordinates)
            check_with_border_after(network)


@pytest.mark.parametrize("width", WIDE)
def test_resizing_around_the_width_of_a_vector(width: int) -> None:
    for method in RESIZE_METHODS:
        for before, after in ((width, 5), (5, width), (width, 2 * width)):
            network = Network((3, before, 2), seeded("resize", method, before, after))
            network.add("resize2d", size=(4, after), method=method)
            check_with_border_after(network)


@pytest.mark.parametrize(
    "attributes",
    [
        *({"method": "nearest", "rounding": rounding} for rounding in ROUNDINGS),
        {"method": "bicubic", "cubic_coefficient": -0.75},
        {"method": "bicubic", "edges": "exclude"},
    ],
    ids=str,
)
def test_ways_of_resizing(attributes: dict[str, Any]) -> None:
    for coordinates in COORDINATES:
        for size in ((2, 4), (9, 10), (13, 25)):
            network = Network((5, 9, 3), seeded("ways", attributes, coordinates, size))
            network.add("resize2d", size=size, coordinates=coordinates, **attributes)
            check(network)


@pytest.mark.parametrize("block", [1, 2, 3, 5])
def test_blocks(block: int) -> None:
    for height, width, channels in ((1, 1, 1), (2, 3, 4), (1, 17, 2), (5, 1, 3)):
        network = Network((height, width, channels * block**2), seeded("depth to space", block, height))
        network.add("depth_to_space", block_size=block)
        check_with_border_after(network)
        network = Network((height * block, width * block, channels), seeded("space to depth", block, height))
        network.add("space_to_depth", block_size=block)
        check_with_border_after(network)


@pytest.mark.parametrize("shape", [(1,), (5,), (100,), *IMAGES])
@pytest.mark.parametrize("channels", [1, 3, 40])
def test_channels(shape: tuple[int, ...], channels: int) -> None:
    network = Network(shape, seeded("take", shape, channels))
    network.add("take_channels", channels=channels)
    check_with_border_after(network)
    network.add("take_channels", channels=4)
    network.tensors[f"{network.nodes[-1].name}/indices"] = np.zeros(4, np.int32)
    check(network)


@pytest.mark.parametrize("axes", list(permutations(range(3))))
@pytest.mark.parametrize("shape", [*IMAGES, (2, 5, 33)])
def test_axes_in_another_order(shape: tuple[int, int, int], axes: tuple[int, int, int]) -> None:
    network = Network(shape, seeded("permute", shape, axes))
    network.add("permute", axes=axes)
    check_with_border_after(network)
    network.add("permute", axes=axes)
    check(network)


SHAPES = [(12,), (1, 1, 12), (3, 4, 1), (1, 12, 1), (12, 1, 1), (2, 2, 3), (2, 1, 6)]


@pytest.mark.parametrize("before", SHAPES)
@pytest.mark.parametrize("after", SHAPES)
@pytest.mark.parametrize("bordered", [True, False], ids=["border before", "none before"])
def test_other_shapes(before: tuple[int, ...], after: tuple[int, ...], bordered: bool) -> None:
    network = Network(before, seeded("reshape", before, after))
    source = network.add("batch_norm")
    readers = []
    if bordered and len(before) == 3:
        readers.append(network.add("conv2d", source, filters=2, kernel_size=(2, 2), padding=(1, 0, 1, 2)))
    readers.append(network.add("reshape", source, shape=after))
    check(network, outputs=readers)
    check_with_border_after(network)
    network.add("reshape", readers[-1], shape=before)
    network.add("activation", activation="relu")
    check(network, outputs=[source, network.nodes[-1].name])
