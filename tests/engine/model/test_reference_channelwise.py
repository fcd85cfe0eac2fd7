"""The definitions of norms, slopes and pools over channels against numbers worked out by hand."""

from __future__ import annotations

import numpy as np

from lcnn_engine.model import reference_channelwise as reference


def vector(*numbers: float) -> np.ndarray:
    return np.array(numbers, dtype=np.float32)


def test_prelu_has_a_slope_for_each_channel() -> None:
    x = np.array([[[-4, -4], [3, 0]]], np.float32)
    np.testing.assert_array_equal(reference.prelu(x, slope=vector(0.25, -2)), [[[-1, 8], [3, 0]]])


def test_layer_norm_is_of_each_pixel_by_itself() -> None:
    """Mean 3 and variance 4, then mean 0 and variance 0; with 5 added to 4 the root is 3."""
    x = np.array([[[1, 5], [0, 0]]], np.float32)
    y = reference.layer_norm(x, scale=vector(3, 6), shift=vector(0, 1), epsilon=5.0)
    np.testing.assert_allclose(y, [[[-2, 5], [0, 1]]], rtol=1e-7)


def test_group_norm_is_over_the_image_and_the_channels_of_a_group() -> None:
    """Channels 0 and 1: 0, 2, 4, 6 with mean 3 and variance 5; channels 2 and 3 are all 7."""
    x = np.array([[[0, 2, 7, 7], [4, 6, 7, 7]]], np.float32)
    y = reference.group_norm(x, scale=vector(3, 3, 1, 1), shift=vector(0, 0, 1, 2), groups=2, epsilon=4.0)
    np.testing.assert_allclose(y, [[[-3, -1, 1, 2], [1, 3, 1, 2]]], rtol=1e-7)


def test_pools_over_channels() -> None:
    x = np.array([[[1, 2, 6], [-3, -9, 0]]], np.float32)
    np.testing.assert_array_equal(reference.channel_max(x), [[[6], [0]]])
    np.testing.assert_array_equal(reference.channel_mean(x), [[[3], [-4]]])


def test_batch_norm() -> None:
    y = reference.batch_norm(np.array([[[1, 2]]], np.float32), scale=vector(2, 3), shift=vector(-1, 1))
    np.testing.assert_array_equal(y, [[[1, 7]]])


def test_lrn_sums_squares_over_the_neighbouring_channels() -> None:
    y = reference.lrn(np.array([[[1, 2, 3]]], np.float32), depth_radius=1, bias=1.0, alpha=0.5, beta=0.5)
    np.testing.assert_allclose(y, [[[1 / 3.5**0.5, 2 / 8**0.5, 3 / 7.5**0.5]]], rtol=1e-6)
    alone = reference.lrn(np.array([[[1, 2, 3]]], np.float32), depth_radius=0, bias=0.0, alpha=1.0, beta=1.0)
    np.testing.assert_allclose(alone, [[[1, 1 / 2, 1 / 3]]], rtol=1e-6)
