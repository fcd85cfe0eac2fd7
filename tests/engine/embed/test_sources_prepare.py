"""Pictures in C: the same input as Python's preprocessing makes, by every filter and rule."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lcnn_engine.images.preprocessing import to_input
from lcnn_engine.model.graph import Preprocessing, Resize
from lcnn_engine.model.preprocessing import INTERPOLATIONS, RESAMPLES
from tests.helpers.embedded import CC, Embedded
from tests.helpers.kernel_cases import Network, seeded

pytestmark = pytest.mark.skipif(shutil.which(CC[0]) is None, reason="needs a C compiler")

SIZES = [(20, 30), (7, 5), (61, 33), (1, 40), (150, 9), (20, 20)]
OK, BAD_IMAGE = 0, 3
RULES = [(name, True) for name in RESAMPLES] + [(name, False) for name in INTERPOLATIONS]


def prepared(tmp_path: Path, preprocessing: Preprocessing, shape: tuple[int, int, int]) -> Embedded:
    network = Network(shape, seeded("prepared", shape))
    network.add("global_avg_pool2d")
    graph = dataclasses.replace(network.graph(), preprocessing=preprocessing)
    return Embedded(graph, network.tensors, tmp_path / "net", isa=["scalar"])


def noise(height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, channels)).astype(np.uint8)


def picture(height: int, width: int, channels: int) -> np.ndarray:
    """Waves and a little noise, which no filter takes beyond black and white."""
    y, x, c = np.ogrid[:height, :width, :channels]
    waves = 128 + 60 * np.sin(y / 7 + c) * np.cos(x / 5 - c)
    return (waves + noise(height, width, channels) / 32).astype(np.uint8)


def assert_same(net: Embedded, pixels: np.ndarray, preprocessing: Preprocessing) -> None:
    """Within two greys where results are rounded to 8 bits, as one Pillow resizes rows first and another columns; else
    within 1/1000 of a grey."""
    status, found = net.prepare(pixels)
    assert status == OK
    grey = preprocessing.scale / min(preprocessing.std) * (2.001 if preprocessing.is_rounded else 1e-3)
    np.testing.assert_allclose(found, to_input(pixels, preprocessing, net.shape), rtol=1e-6, atol=grey)


def widened(pixels: np.ndarray, width: int, resample: str) -> np.ndarray:
    """Resize the width alone, by Pillow."""
    return np.asarray(Image.fromarray(pixels).resize((width, len(pixels)), Image.Resampling[resample.upper()]))


@pytest.mark.parametrize(("resample", "antialias"), RULES)
def test_every_filter(tmp_path: Path, resample: str, antialias: bool) -> None:
    rule = Resize("exact", (12, 17), resample, antialias)
    preprocessing = Preprocessing("RGB", (0.1, 0.2, 0.3), (0.5, 0.25, 1.0), 1 / 255, rule)
    net = prepared(tmp_path, preprocessing, (12, 17, 3))
    for size in SIZES:
        assert_same(net, picture(*size, 3), preprocessing)
        if rule.is_rounded:  # the same bits as every Pillow's that goes over the rows first
            wanted = to_input(widened(noise(*size, 3), 17, resample), preprocessing, net.shape)
            np.testing.assert_allclose(net.prepare(noise(*size, 3))[1], wanted, rtol=1e-6)


@pytest.mark.parametrize("resample", ["bilinear", "lanczos", "triangle"])
@pytest.mark.parametrize("policy", ["shortest_edge", "crop_to_aspect_ratio"])
def test_every_policy_and_the_crop(tmp_path: Path, policy: str, resample: str) -> None:
    rule = Resize(policy, 24 if policy == "shortest_edge" else (24, 20), resample)
    preprocessing = Preprocessing("RGB", (120.0, 117.0, 104.0), (58.0, 57.0, 57.5), 1.0, rule, "center")
    net = prepared(tmp_path, preprocessing, (16, 18, 3))
    for size in SIZES[:-1]:
        assert_same(net, picture(*size, 3), preprocessing)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_every_number_of_channels(tmp_path: Path, mode: str) -> None:
    channels = 1 if mode == "L" else 3
    preprocessing = Preprocessing(mode, (0.0,) * channels, (1.0,) * channels, 1.0, Resize("exact", (9, 9), "bicubic"))
    net = prepared(tmp_path, preprocessing, (9, 9, channels))
    for given in (1, 3, 4):
        assert_same(net, picture(20, 31, given), preprocessing)
    assert net.prepare(picture(20, 31, 2))[0] == BAD_IMAGE


def test_without_a_resize_the_size_must_fit(tmp_path: Path) -> None:
    preprocessing = Preprocessing("L", (3.0,), (2.0,), 1.0)
    net = prepared(tmp_path, preprocessing, (9, 8, 1))
    assert_same(net, picture(9, 8, 1), preprocessing)
    for size in ((8, 9), (10, 8), (1, 1)):
        assert net.prepare(picture(*size, 1))[0] == BAD_IMAGE


def test_a_crop_alone_cuts_the_centre(tmp_path: Path) -> None:
    preprocessing = Preprocessing("L", (3.0,), (2.0,), 1.0, None, "center")
    net = prepared(tmp_path, preprocessing, (9, 8, 1))
    assert_same(net, picture(14, 15, 1), preprocessing)
    assert net.prepare(picture(8, 15, 1))[0] == BAD_IMAGE
    assert net.call("prepare_size")(2**20, 2**10) == 0
