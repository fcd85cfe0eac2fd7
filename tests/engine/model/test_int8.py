"""What becomes of numbers in int8, by hand and by exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lcnn_engine.model import precision, reference
from lcnn_engine.model.int8 import MOST_PRODUCTS, is_quantized, quantize_input, quantize_weights
from tests.helpers.kernel_cases import Network, seeded


def test_inputs_by_hand() -> None:
    x, scale = quantize_input(np.array([0, 1, 2.5, 3.5, 255], np.float32))
    assert (x.tolist(), scale) == ([0, 1, 2, 4, 255], 1.0)
    x, scale = quantize_input(np.array([-100.0, 155.0, 0.0, -0.4], np.float32))
    assert (x.tolist(), scale) == ([-100, 155, 0, 0], 1.0)
    x, scale = quantize_input(np.array([-510.0, -1.0, -3.0], np.float32))
    assert (x.tolist(), scale) == ([-255, 0, -2], 2.0)


def test_weights_by_hand() -> None:
    w, scale = quantize_weights(np.array([[127, 2.5, -3.5], [0, 0, 0], [0.5, -254, 1]], np.float32))
    assert (w.tolist(), scale.tolist()) == ([[127, 2, -4], [0, 0, 0], [0, -127, 0]], [1.0, 0.0, 2.0])


def test_inputs_are_off_by_half_a_step_at_most_and_0_is_exact() -> None:
    rng = seeded("steps")
    for _ in range(50):
        x = (rng.standard_normal(100) * 10.0 ** rng.integers(-20, 20) + rng.integers(-1, 2)).astype(np.float32)
        x[0] = 0
        found, scale = quantize_input(x)
        step = Fraction(float(scale))
        assert found[0] == 0
        assert found.max() - found.min() <= 255
        worst = max(abs(int(q) * step - Fraction(float(v))) for q, v in zip(found, x, strict=True))
        assert worst <= step * Fraction(1001, 1000)  # zero itself is rounded, too
        assert max(-found.min(), found.max()) <= 255


@pytest.mark.parametrize("largest", [0.0, 1e-45, 1e-37, 1.9e-36])
def test_what_is_too_small_for_a_scale_is_0(largest: float) -> None:
    for x, scale in (
        quantize_input(np.array([largest, -largest / 2], np.float32)),
        quantize_weights(np.full((2, 3), min(largest, 1.4e-36), np.float32)),
    ):
        assert not np.any(x)
        assert not np.any(scale)


def test_the_largest_numbers_have_a_scale() -> None:
    largest = np.finfo(np.float32).max
    x, scale = quantize_input(np.array([largest, -largest], np.float32))
    assert np.isfinite(scale)
    assert x.tolist() in ([127, -128], [128, -127])
    w, scales = quantize_weights(np.array([[largest, -largest]], np.float32))
    assert np.isfinite(scales).all()
    assert w.tolist() == [[127, -127]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_has_a_scale_of_nan(bad: float) -> None:
    x, scale = quantize_input(np.array([1, bad, 2], np.float32))
    assert np.isnan(scale)
    assert not x.any()


@pytest.mark.parametrize("op", ["conv2d", "dense", "lookup_conv2d", "lookup_dense"])
def test_a_layer_is_off_float32_by_little(op: str) -> None:
    image = op.endswith("conv2d")
    network = Network((5, 6, 12) if image else (60,), seeded("off", op))
    network.add(op, **({"filters": 8, "kernel_size": (3, 3)} if image else {"units": 8}))
    node, tensors = network.nodes[-1], reference.tensors_by_node(network.tensors)[network.nodes[-1].name]
    x = network.rng.standard_normal(network.shapes[node.inputs[0]]).astype(np.float32)
    found, plain = precision.apply("int8", node, [x], tensors), reference.apply(node, [x], tensors)
    assert found.dtype == np.float32
    assert 1e-4 * np.abs(plain).max() < np.abs(found - plain).max() < 0.03 * np.abs(plain).max()


def test_which_layers_have_integers() -> None:
    network = Network((4, 4, 8), seeded("which"))
    network.add("conv2d", filters=4, kernel_size=(1, 1), groups=2)
    network.add("lookup_conv2d", filters=4, kernel_size=(1, 1))
    network.add("max_pool2d", pool_size=(2, 2))
    network.add("conv2d", filters=4, kernel_size=(1, 1))
    tensors = reference.tensors_by_node(network.tensors)
    found = [is_quantized(node, tensors[node.name]) for node in network.nodes]
    assert found == [False, False, False, True]
    dense = Network((8,), seeded("which dense"))
    dense.add("dense", units=1)
    node = dense.nodes[-1]
    for products, expected in ((MOST_PRODUCTS, True), (MOST_PRODUCTS + 1, False)):
        assert is_quantized(node, {"kernel": np.zeros((1, products), np.float32)}) == expected
    assert MOST_PRODUCTS * 127 * 255 < 2**31 <= (MOST_PRODUCTS + 1) * 127 * 255
