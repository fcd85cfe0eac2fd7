"""Paddings as numbers of zeros are TensorFlow's."""

import numpy as np
import pytest
from keras import ops

from lcnn_train.layers.geometry import explicit_padding
from tests.helpers.training import numpy_of


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding_is_tensorflows(size, kernel, stride):
    """A box of ones on ones: how many ones each place sees tells where the zeros are."""
    ones = np.ones((1, size, size, 1), np.float32)
    expected = numpy_of(ops.conv(ones, np.ones((kernel, kernel, 1, 1), np.float32), stride, "same", "channels_last"))
    top, bottom, left, right = explicit_padding("same", (size, size), (kernel, kernel), (stride, stride))
    padded = np.pad(ones, ((0, 0), (top, bottom), (left, right), (0, 0)))
    found = numpy_of(ops.conv(padded, np.ones((kernel, kernel, 1, 1), np.float32), stride, "valid", "channels_last"))
    np.testing.assert_array_equal(found, expected)
