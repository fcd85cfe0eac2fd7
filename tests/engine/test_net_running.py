"""``Net.run`` and ``Net.features``: preprocessed numbers in, results out, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lcnn_engine import InputError, Net
from lcnn_engine.format.model_file import read_model
from lcnn_engine.model import reference
from tests.helpers.kernel_cases import Network, seeded
from tests.helpers.networks import images


class TestRunning:
    def test_every_node_equals_the_reference(self, net: Net, model_path: Path):
        graph, tensors = read_model(model_path)
        x = images(graph)[0]
        expected = reference.evaluate(graph, tensors, x)
        names = [node.name for node in graph.nodes]
        found = net.features(x, names)
        assert list(found) == names
        for name in names:
            assert found[name].shape == graph.shapes[name]
            assert found[name].dtype == np.float32
            assert np.abs(found[name] - expected[name]).max() <= 1e-5 * np.abs(expected[name]).max(), name

    def test_features_beside_run(self, net: Net):
        """Alone the output has the same bits. With all nodes nothing is fused, which may change the last ones."""
        x = images(net.graph, 2)
        output = net.run(x)
        assert net.features(x, net.graph.output).tobytes() == output.tobytes()
        found = net.features(x, list(net.graph.by_name))[net.graph.output]
        np.testing.assert_allclose(found, output, atol=1e-5 * np.abs(output).max(), rtol=0)

    @pytest.mark.parametrize("seed", range(3))
    def test_features_beside_run_where_they_are_fused(self, seed: int):
        """Sums, norms and pools join the convolution before them unless they are asked for."""
        network = Network((17, 19, 3), seeded("features", seed))
        first = network.add("conv2d", filters=24, kernel_size=(3, 3), activation="relu")
        second = network.add("conv2d", first, filters=24, kernel_size=(3, 3), padding=(1, 1, 1, 1))
        norm = network.add("batch_norm", network.add("add", second, first, activation="silu"))
        network.add(
            "dense", network.add("global_avg_pool2d", network.add("max_pool2d", norm, pool_size=(2, 2))), units=9
        )
        net = Net(network.graph(), network.tensors)
        x = images(net.graph, 2)
        output = net.run(x)
        assert net.features(x, net.graph.output).tobytes() == output.tobytes()
        found = net.features(x, list(net.graph.by_name))[net.graph.output]
        np.testing.assert_allclose(found, output, atol=1e-5 * np.abs(output).max(), rtol=0)

    def test_shapes(self, net: Net):
        x = images(net.graph, 3)
        assert net.run(x[0]).shape == (10,)
        assert net.run(x).shape == (3, 10)
        assert net.predict([x[0], x[1]]).shape == (2, 10)
        assert net.predict(x[:1]).shape == (1, 10)
        assert net.features(x[0], "conv1").shape == (10, 9, 24)
        assert net.features(x, "fc7").shape == (3, 40)

    def test_floats_of_other_widths_are_cast(self, net: Net):
        x = images(net.graph)[0]
        assert np.array_equal(net.run(x.astype(np.float64)), net.run(x))
        assert np.array_equal(net.run(x.astype(np.float16)), net.run(x.astype(np.float16).astype(np.float32)))

    def test_strided_input(self, net: Net):
        x = images(net.graph, 4)
        assert np.array_equal(net.run(x[::2]), net.run(x[::2].copy()))
        assert np.array_equal(net.run(x[0][:, ::-1]), net.run(x[0][:, ::-1].copy()))

    def test_out_is_written_and_returned(self, net: Net):
        x = images(net.graph, 2)
        out = np.full((2, 10), np.nan, np.float32)
        assert net.run(x, out=out) is out
        assert np.array_equal(out, net.run(x))

    @pytest.mark.parametrize(
        "out",
        [
            np.empty((2, 10), np.float64),
            np.empty((10,), np.float32),
            np.empty((2, 20), np.float32)[:, ::2],
            [0.0] * 10,
        ],
        ids=["dtype", "shape", "order", "type"],
    )
    def test_out_that_does_not_fit(self, net: Net, out):
        with pytest.raises(InputError, match="out"):
            net.run(images(net.graph, 2), out=out)

    def test_out_that_overlaps_the_input(self, net: Net):
        memory = np.zeros(20 * 17 * 3 + 10, np.float32)
        with pytest.raises(InputError, match="overlaps"):
            net.run(memory[:-10].reshape(20, 17, 3), out=memory[1000:1010])

    @pytest.mark.parametrize(
        "alter",
        [
            lambda x: x.astype(">f4"),
            np.asfortranarray,
            lambda x: np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32).reshape(x.shape),
            lambda x: x[::-1, ::-1][::-1, ::-1],
            lambda x: np.frombuffer(x.tobytes(), np.float32).reshape(x.shape),
            lambda x: x.astype(np.float64),
        ],
        ids=["bytes swapped", "order", "not aligned", "strides", "read only", "float64"],
    )
    def test_one_image_however_it_lies(self, net: Net, alter):
        """One plain image has a way of its own into the program; what is not plain comes out the same."""
        x = images(net.graph)[0]
        expected, out = net.run(x[None])[0], np.empty(10, np.float32)
        assert np.array_equal(net.run(x, out), expected)
        out[...] = 0
        assert net.run(alter(x), out) is out
        assert np.array_equal(out, expected)
        assert np.array_equal(net.run(alter(x)), expected)

    @pytest.mark.parametrize("dtype", [np.float32, np.float16])
    def test_one_image_and_an_out_that_cannot_take_it(self, net: Net, dtype):
        out = np.zeros(10, dtype)
        out.flags.writeable = dtype == np.float16
        with pytest.raises(InputError, match="out"):
            net.run(images(net.graph)[0], out)
        assert not out.any()

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_numbers_that_are_not_finite(self, net: Net, value):
        x = images(net.graph, 3)
        x[1, 7, 5, 2] = value
        for call in (net.run, net.predict, lambda x: net.features(x, "conv1")):
            with pytest.raises(InputError, match=r"finite.*\(7, 5, 2\) of input 1 of 3"):
                call(x)
        assert np.isfinite(net.run(x[0])).all()
        with pytest.raises(InputError, match=r"finite.*\(7, 5, 2\) of input 0 of 1"):
            net.run(x[1], np.empty(10, np.float32))

    @pytest.mark.parametrize("x", [np.zeros((20, 17, 3), np.uint8), np.zeros((20, 17, 3), int), [1.0], None])
    def test_run_takes_float_arrays_only(self, net: Net, x):
        with pytest.raises(InputError, match="float32 array"):
            net.run(x)

    def test_run_names_the_shape_it_wants(self, net: Net):
        with pytest.raises(InputError, match=r"\(20, 17, 3\)"):
            net.run(np.zeros((21, 17, 3), np.float32))

    def test_empty_batches(self, net: Net):
        for empty in ([], np.zeros((0, 20, 17, 3), np.float32)):
            with pytest.raises(InputError, match="at least one"):
                net.predict(empty)
