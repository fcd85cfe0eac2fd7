"""The engine's filters against tf.image.resize, to 1/255 of a grey level: photographs, up and down, odd sizes."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from lcnn_engine.images.preprocessing import resized
from lcnn_engine.model import resampling
from lcnn_engine.model.graph import Resize
from tests.helpers.training import DATA

CALLS = [  # resample, antialias: method, antialias
    ("nearest", False, "nearest", False),
    ("bilinear", False, "bilinear", False),
    ("bicubic", False, "bicubic", False),
    ("area", True, "area", False),
    ("area", False, "area", True),
    ("triangle", True, "bilinear", True),
    ("keyscubic", True, "bicubic", True),
    ("lanczos3", True, "lanczos3", True),
    ("lanczos3", False, "lanczos3", False),
    ("lanczos5", True, "lanczos5", True),
    ("lanczos5", False, "lanczos5", False),
]
SIZES = [(24, 24), (224, 224), (37, 451), (401, 399), (4, 5)]


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    photographs = [
        np.asarray(Image.open(DATA / "pictures" / f"{name}.jpg").convert("RGB")) for name in ("cat", "grass")
    ]
    wide = rng.integers(0, 256, (11, 3999, 3), dtype=np.uint8)  # where float64 places would show
    return [*photographs, wide, rng.integers(0, 256, (5, 7, 1), dtype=np.uint8)]


@pytest.mark.parametrize(("resample", "antialias", "method", "smooth"), CALLS)
def test_equal_to_tensorflow(images, resample, antialias, method, smooth):
    for x in images:
        for size in SIZES:
            expected = tf.image.resize(x, size, method=method, antialias=smooth).numpy()
            for found in (
                resized(x, Resize("exact", size, resample, antialias)),
                resampling.resize(x, size, resample, antialias),
            ):
                np.testing.assert_allclose(found, expected, atol=1 / 255, rtol=0, err_msg=f"{x.shape} {size}")


@pytest.mark.parametrize("resample", ["triangle", "keyscubic"])
def test_kernels_without_antialias(images, resample):
    for x in images:
        scale = tf.cast((37, 51), tf.float32) / tf.cast(x.shape[:2], tf.float32)
        expected = tf.raw_ops.ScaleAndTranslate(
            images=x[None], size=(37, 51), scale=scale, translation=(0.0, 0.0), kernel_type=resample, antialias=False
        )
        found = resized(x, Resize("exact", (37, 51), resample, antialias=False))
        np.testing.assert_allclose(found, expected[0], atol=1 / 255, rtol=0)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos3"])
def test_equal_to_keras_resizing(images, interpolation):
    for x in images:
        layer = keras.layers.Resizing(33, 47, interpolation)
        found = resized(x, Resize("exact", (33, 47), interpolation, antialias=False))
        np.testing.assert_allclose(found, layer(x[None].astype(np.float32))[0], atol=1 / 255, rtol=0)
        layer = keras.layers.Resizing(33, 47, interpolation, crop_to_aspect_ratio=True)
        found = resized(x, Resize("crop_to_aspect_ratio", (33, 47), interpolation, antialias=False))
        np.testing.assert_allclose(found, layer(x[None].astype(np.float32))[0], atol=1 / 255, rtol=0)


def test_a_rounded_filter_is_another_one(images):
    """Pillow's bilinear is near TensorFlow's with antialiasing, its roundings off, and far from that without."""
    x = images[1]
    rounded = resized(x, Resize("exact", (24, 24), "bilinear")).astype(np.float32)
    smooth = np.abs(rounded - tf.image.resize(x, (24, 24), antialias=True).numpy())
    assert 0 < smooth.max() < 1.5
    assert np.abs(rounded - tf.image.resize(x, (24, 24)).numpy()).max() > 30
