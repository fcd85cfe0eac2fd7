"""What goes on inside a network: the time of each node, activations as PNGs, and the bounds of both."""

from __future__ import annotations

import base64
import io
import json
import math
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lcnn_engine import InputError, Net
from lcnn_engine.model.graph import Conv2D, Flatten, GlobalAvgPool2D, LookupConv2D
from lcnn_engine.serve import details as module
from lcnn_engine.serve.details import CHANNELS, COLUMNS, EDGE, LAYERS, details, shown_layers
from tests.helpers.networks import chain, images, with_tensors


def opened(png: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(png)))


def convolutions(count: int, shape: tuple[int, int, int] = (9, 9, 2), filters: int = 20) -> Net:
    """A chain of convolutions, then the mean of each channel."""
    inputs = ["image", *(f"conv{i}" for i in range(count))]
    nodes = [
        Conv2D(name=f"conv{i}", inputs=(inputs[i],), filters=filters, kernel_size=(3, 3), padding=(1, 1, 1, 1),
               activation="relu")
        for i in range(count)
    ]  # fmt: skip
    graph, tensors = with_tensors(chain([*nodes, GlobalAvgPool2D(name="mean", inputs=(inputs[-1],))], shape))
    return Net(graph, tensors, threads=1)


@pytest.fixture
def found(net: Net) -> dict[str, Any]:
    return details(net, images(net.graph)[0])


class TestTimeline:
    def test_is_that_of_the_profile(self, net: Net, found: dict[str, Any]):
        profile = net.profile(images(net.graph)[0], runs=1)
        steps = [(node["node"], step["kernel"]) for node in found["timeline"]["nodes"] for step in node["steps"]]
        assert sorted(steps) == sorted((step.name, step.kernel) for step in profile.steps)
        assert found["timeline"]["variant"] == profile.variant
        assert (found["timeline"]["threads"], found["timeline"]["precision"]) == (1, "float32")

    def test_a_node_takes_what_its_steps_take(self, found: dict[str, Any]):
        for node in found["timeline"]["nodes"]:
            assert node["milliseconds"] == pytest.approx(sum(step["milliseconds"] for step in node["steps"]))
            assert node["milliseconds"] >= 0
        assert len({node["node"] for node in found["timeline"]["nodes"]}) == len(found["timeline"]["nodes"])

    def test_operations_are_those_of_the_graph(self, net: Net, found: dict[str, Any]):
        operations = {node["node"]: node["operation"] for node in found["timeline"]["nodes"]}
        assert operations["conv1"] == "lookup_conv2d"
        assert operations["fc8"] == "dense"
        assert all(operation == "input" for name, operation in operations.items() if name not in net.graph.by_name)

    def test_a_slow_network_runs_five_times(self, net: Net, monkeypatch: pytest.MonkeyPatch):
        counted = []
        plan = type(net._plan)
        monkeypatch.setattr(module, "SECONDS", 0)
        for name, run in (("run", plan.run), ("run_plain", plan.run_plain)):
            monkeypatch.setattr(plan, name, lambda *args, run=run: counted.append(1) or run(*args))
        assert details(net, images(net.graph)[0])["timeline"]["runs"] == 1
        # One to time it, one that checks, one not counted, one for the profile; one for the maps.
        assert len(counted) == 5


class TestActivations:
    def test_are_those_of_layers_with_weights(self, found: dict[str, Any]):
        assert [one["node"] for one in found["activations"]] == ["conv1", "conv2", "dense1", "fc6", "fc7"]

    def test_tiles_hold_the_values(self, net: Net):
        x = images(net.graph)[0]
        one = details(net, x)["activations"][0]
        values = net.features(x, "conv1")
        height, width, filters = values.shape
        assert one["shape"] == [height, width, filters]
        pixels = np.array(opened(one["png"]))
        low, high = values[..., one["channels"]].min(), values[..., one["channels"]].max()
        assert (one["least"], one["greatest"]) == (pytest.approx(low), pytest.approx(high))
        for i, channel in enumerate(one["channels"]):
            top, left = i // COLUMNS * (height + 1), i % COLUMNS * (width + 1)
            shades = 1 + 254 * (values[..., channel] - low) / (high - low)
            assert np.abs(pixels[top : top + height, left : left + width] - shades).max() <= 0.51

    def test_what_changes_most_is_shown_and_the_rest_counted(self):
        graph, tensors = with_tensors(
            chain(
                [LookupConv2D(name="conv", inputs=("image",), filters=40, kernel_size=(1, 1), activation="relu")],
                (6, 6, 3),
            )
        )
        net = Net(graph, tensors, threads=1)
        x = images(graph)[0]
        [one] = details(net, x)["activations"]
        values = net.features(x, "conv")
        spread = np.ptp(values, axis=(0, 1))
        assert one["constant"] == (spread == 0).sum() > 0
        assert one["zeros"] == (values == 0).sum()
        assert one["channels"] == sorted(one["channels"])
        assert len(one["channels"]) == CHANNELS
        assert spread[one["channels"]].min() >= np.delete(spread, one["channels"]).max()

    def test_a_vector_is_a_block(self, net: Net):
        x = images(net.graph)[0]
        one = details(net, x)["activations"][-1]
        values = net.features(x, "fc7")
        pixels = np.array(opened(one["png"])).reshape(-1)
        shades = 1 + 254 * (values - values.min()) / (values.max() - values.min())
        assert one["channels"] is None
        assert np.abs(pixels[: len(values)] - shades).max() <= 0.51
        assert not pixels[len(values) :].any()  # nothing, and transparent

    def test_larger_maps_are_averaged(self):
        net = convolutions(1, (70, 45, 1), 3)
        x = images(net.graph)[0]
        [one] = details(net, x)["activations"]
        height, width = math.ceil(70 / 3), math.ceil(45 / 3)
        assert (one["height"], one["width"]) == (height, 3 * (width + 1) - 1)
        values = net.features(x, "conv0").astype(float)
        tile = values[:3, :3, one["channels"][0]].mean()
        shade = 1 + 254 * (tile - one["least"]) / (one["greatest"] - one["least"])
        assert abs(np.array(opened(one["png"]))[0, 0] - shade) <= 0.51

    def test_many_layers_are_shown_at_even_distances(self):
        assert shown_layers(convolutions(15).graph) == [f"conv{i}" for i in range(0, 15, 2)]

    def test_a_network_without_weights_shows_none(self):
        graph, tensors = with_tensors(chain([Flatten(name="flat", inputs=("image",))], (3, 3, 1)))
        assert details(Net(graph, tensors, threads=1), images(graph)[0])["activations"] == []


class TestBounds:
    def test_of_bytes(self):
        """Noise, which nothing makes smaller, in the largest number of layers and tiles."""
        found = details(net := convolutions(LAYERS + 4, (128, 128, 3), 32), images(net.graph)[0])
        assert len(found["activations"]) == LAYERS
        for one in found["activations"]:
            assert one["width"] <= COLUMNS * (EDGE + 1)
            assert one["width"] * one["height"] <= CHANNELS * (EDGE + 1) ** 2
        assert len(json.dumps(found)) < 600_000

    def test_too_large_activations_are_left_out(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(module, "VALUES", 9 * 9 * 20 - 1)
        assert shown_layers(convolutions(2).graph) == []

    def test_of_a_long_vector(self):
        pixels = module._block(np.arange(300_000.0))
        assert pixels.shape[1] <= COLUMNS * EDGE
        assert pixels.size <= CHANNELS * (EDGE + 1) ** 2
        assert np.isfinite(pixels).all()

    def test_values_beyond_all_bounds_are_drawn_all_the_same(self):
        """What overflows in a network is inf or NaN; the difference of two floats may be inf, too."""
        graph = convolutions(1).graph
        most = float(np.finfo(np.float32).max)
        values = np.array([-np.inf, -most, np.nan, most, np.inf, *range(11)], np.float32)
        one = module._activation(graph, "conv0", values)
        json.dumps(one, allow_nan=False)
        assert np.array(opened(one["png"])).reshape(-1)[[0, 4]].tolist() == [1, 255]
        flat = module._activation(graph, "conv0", np.zeros((4, 4, 20), np.float32))
        assert set(np.unique(np.array(opened(flat["png"])))) == {0, 1}


class TestSeen:
    def test_is_the_input(self, net: Net):
        x = images(net.graph)[0]
        pixels = np.array(opened(details(net, x)["seen"]))
        assert pixels.shape == net.input_shape
        assert np.abs(pixels - 255 * (x - x.min()) / np.ptp(x)).max() <= 0.51

    def test_large_inputs_are_made_smaller(self):
        net = convolutions(1, (300, 150, 1), 16)
        assert opened(details(net, images(net.graph)[0])["seen"]).size == (64, 128)

    def test_two_channels_are_no_image(self):
        net = convolutions(1)
        assert details(net, images(net.graph)[0])["seen"] is None


class TestInput:
    def test_an_image_goes_through_the_preprocessing(self, net: Net):
        pixels = np.random.default_rng(0).integers(0, 256, (31, 30, 3), dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        assert details(net, stream.getvalue())["activations"] == details(net, pixels)["activations"]

    def test_what_does_not_fit_is_refused(self, net: Net):
        with pytest.raises(InputError):
            details(net, b"no image")
        with pytest.raises(InputError, match="finite"):
            details(net, np.full(net.input_shape, np.nan, np.float32))

    def test_all_of_it_is_json(self, found: dict[str, Any]):
        assert json.loads(json.dumps(found, allow_nan=False)) == found
