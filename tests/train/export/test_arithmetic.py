"""Arithmetic with a number or an array on either side of a tensor; what a file has no way to say is refused."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from lcnn_train import ExportError, export
from tests.helpers.exporting import exported, functional

EACH = np.float32([0.5, 1.5, 2.0])  # a number for each channel
MADE = {
    "1 - x": lambda x: 1 - x,
    "1 / x": lambda x: 1 / (x + 2),
    "2 ** x": lambda x: 2**x,
    "0.5 ** x": lambda x: 0.5**x,
    "e ** x": lambda x: np.e**x,
    "c ** x": lambda x: ops.power(EACH, x),
    "c - x": lambda x: ops.subtract(EACH, x),
    "c / x": lambda x: ops.divide(EACH, x + 2),
}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("shape", [(7, 6, 3), (3,)], ids=["image", "vector"])
def test_a_number_on_the_left(name, shape, tmp_path, digits):
    def build(x):
        y = MADE[name](x)
        return layers.Conv2D(2, 1)(y) if len(shape) == 3 else layers.Dense(2)(y)

    exported(functional(shape, build), tmp_path, digits)


REFUSED = {
    "0 ** x": (lambda x: 0**x, r"a number over 0 to the power of a tensor, .* found 0\.0"),
    "(-2) ** x": (lambda x: (-2) ** x, r"a number over 0 .* one for each of 3 channels, found -2\.0"),
    "rows ** x": (lambda x: ops.power(np.ones((7, 1, 1), np.float32), x), r"found an array of shape \(7, 1, 1\)"),
    "x ** x": (lambda x: x**x, "to the power of 0.5, 2, 3 or 4, found another tensor; write"),
    "x ** c": (lambda x: ops.power(x, EACH), "to the power of 0.5, 2, 3 or 4, found an array; write"),
    "x ** 1.5": (lambda x: x**1.5, "to the power of 0.5, 2, 3 or 4, found 1.5; write"),
    "2 // x": (lambda x: 2 // x, "no operation for FloorDivide"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_way_is_refused_by_what_it_is(name, tmp_path):
    build, message = REFUSED[name]
    image = keras.Input((7, 6, 3))
    with pytest.raises(ExportError, match=message):
        export(keras.Model(image, build(image)), tmp_path / "m.safetensors")
