"""Resizing inside a network, and borders of one number: the same in the engine as in Keras, or refused."""

import pytest
from keras import layers, ops

from lcnn_train import ExportError, export
from tests.helpers.exporting import exported, functional, ops_of

CASES = {
    "upsampling, bilinear": (lambda x: layers.UpSampling2D((2, 3), interpolation="bilinear")(x), "resize2d"),
    "upsampling, bicubic": (lambda x: layers.UpSampling2D((2, 4), interpolation="bicubic")(x), "resize2d"),
    "Resizing": (lambda x: layers.Resizing(9, 5)(x), "resize2d"),
    "Resizing, nearest": (lambda x: layers.Resizing(9, 5, interpolation="nearest")(x), "resize2d"),
    "ops.image.resize": (lambda x: ops.image.resize(x, (12, 16)), "resize2d"),
    "ops.image.resize, nearest": (lambda x: ops.image.resize(x, (5, 24), interpolation="nearest"), "resize2d"),
    "a border of zeros": (lambda x: ops.pad(x, ((0, 0), (1, 2), (3, 0), (0, 0))), "zero_pad2d"),
    "a border of zeros by its size": (
        lambda x: ops.image.pad_images(x, 1, 2, target_height=9, target_width=12),
        "zero_pad2d",
    ),
    "a border of zeros by its sides": (lambda x: ops.image.pad_images(x, 1, 2, 0, 3), "zero_pad2d"),
    "the middle": (lambda x: layers.CenterCrop(3, 5)(x), "crop2d"),
    "a border of a number": (lambda x: ops.pad(x, ((0, 0), (1, 2), (3, 0), (0, 0)), constant_values=2.5), "pad2d"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_resize_is_the_same_in_the_engine(name, tmp_path, digits):
    build, op = CASES[name]
    graph, _, _ = exported(functional((6, 8, 3), build), tmp_path, digits)
    assert list(ops_of(graph).values()) == [op]


def test_zeros_go_into_the_convolution_behind(tmp_path, digits):
    def build(x):
        return layers.Conv2D(2, 3, name="a")(ops.pad(x, ((0, 0), (1, 2), (3, 0), (0, 0))))

    graph, _, _ = exported(functional((6, 8, 3), build), tmp_path, digits)
    assert ops_of(graph) == {"a": "conv2d"}


REFUSED = {
    "positions that TensorFlow rounds": (
        lambda x: layers.UpSampling2D(3, interpolation="bicubic")(x), "TensorFlow rounds positions"),
    "a kind of interpolation": (lambda x: layers.UpSampling2D(2, interpolation="lanczos3")(x), "found lanczos3"),
    "antialias": (lambda x: ops.image.resize(x, (3, 4), antialias=True), "expected a resize without antialias"),
    "a crop before": (
        lambda x: layers.Resizing(3, 3, crop_to_aspect_ratio=True)(x), "without crop_to_aspect_ratio"),
    "the middle of a small image": (lambda x: layers.CenterCrop(9, 5)(x), "which Keras resizes"),
    "channels that are padded": (
        lambda x: ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, 2))), "expected rows and columns of an image to be padded"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name, tmp_path):
    build, reason = REFUSED[name]
    with pytest.raises(ExportError, match=reason):
        export(functional((6, 8, 3), build), tmp_path / "m.safetensors")
