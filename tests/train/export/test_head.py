"""Layers at a model's beginning that become a file's preprocessing: engine by image against Keras as a whole."""

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from lcnn_engine import Net
from lcnn_train import ExportError, export, verify
from lcnn_train.export.network import load_network
from tests.helpers.training import DATA, randomize

CAT = np.asarray(Image.open(DATA / "pictures" / "cat.jpg").convert("RGB"))
GREY = CAT[..., :1].copy()


def model_of(head, shape=(None, None, 3)):
    """A model that begins with the layers `head`."""
    net = [layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(5)]
    model = keras.Sequential([keras.Input(shape, name="image"), *head, *net], name="headed")
    return randomize(model, 0.3) or model


def normalization(mean, variance):
    layer = layers.Normalization(mean=mean, variance=variance)
    layer.build((None, None, None, 3))
    return layer


HEADS = {
    "resizing": lambda: [layers.Resizing(24, 20)],
    "bicubic": lambda: [layers.Resizing(24, 20, "bicubic")],
    "nearest": lambda: [layers.Resizing(24, 20, "nearest", antialias=True)],
    "antialiased": lambda: [layers.Resizing(24, 20, antialias=True)],
    "antialiased bicubic": lambda: [layers.Resizing(24, 20, "bicubic", antialias=True)],
    "lanczos3": lambda: [layers.Resizing(24, 20, "lanczos3")],
    "aspect ratio": lambda: [layers.Resizing(24, 20, crop_to_aspect_ratio=True)],
    "crop": lambda: [layers.CenterCrop(24, 21)],
    "resized and cropped": lambda: [layers.Resizing(31, 40), layers.CenterCrop(24, 21)],
    "scaled": lambda: [layers.Resizing(24, 20), layers.Rescaling(1 / 127.5, offset=-1)],
    "scaled first": lambda: [layers.Rescaling(1 / 255), layers.Resizing(24, 20)],
    "normalized": lambda: [
        layers.Resizing(24, 20),
        layers.Rescaling(1 / 255),
        normalization([0.485, 0.456, 0.406], [0.05, 0.06, 0.07]),
    ],
    "augmented": lambda: [layers.RandomFlip(), layers.Resizing(24, 20), layers.RandomRotation(0.1)],
}


@pytest.mark.parametrize("name", HEADS)
def test_the_engine_takes_images_as_the_model_does(name, tmp_path):
    for shape in ((None, None, 3), CAT.shape):
        model = model_of(HEADS[name](), shape)
        path = tmp_path / "model.safetensors"
        export(model, path)
        net = Net.load(path)
        assert net.graph.preprocessing is not None
        assert [node.op for node in net.graph.nodes] == ["conv2d", "global_avg_pool2d", "dense"]
        expected = model(CAT[None].astype(np.float32), training=False).numpy()[0]
        np.testing.assert_allclose(net.predict(CAT), expected, atol=1e-5 * np.abs(expected).max())
        verify(model, path, [CAT])
        assert [node.op for node in load_network(model)[0].nodes] == ["conv2d", "global_avg_pool2d", "dense"]


def test_greys_by_a_model_inside(tmp_path):
    inner = model_of([layers.Resizing(24, 20), layers.Rescaling(1 / 255)], (None, None, 1))
    image = keras.Input(GREY.shape)
    outer = keras.Model(image, layers.Softmax()(inner(image)))
    export(outer, tmp_path / "model.safetensors")
    net = Net.load(tmp_path / "model.safetensors")
    assert net.graph.preprocessing.mode == "L"
    np.testing.assert_allclose(net.predict(GREY), outer(GREY[None].astype(np.float32)).numpy()[0], atol=1e-5)


def test_scaling_alone_stays_in_the_graph(tmp_path):
    model = model_of([layers.Rescaling(1 / 255)], (24, 20, 3))
    prepare = {"mode": "RGB", "mean": [0.0] * 3, "std": [1.0] * 3}
    prepare["resize"] = {"policy": "exact", "size": [24, 20], "resample": "bilinear", "antialias": False}
    export(model, tmp_path / "model.safetensors", preprocessing=prepare)
    net = Net.load(tmp_path / "model.safetensors")
    assert net.graph.nodes[0].op == "batch_norm"
    resized = keras.ops.image.resize(CAT[None].astype(np.float32), (24, 20))
    np.testing.assert_allclose(net.predict(CAT), model(resized).numpy()[0], atol=1e-5)
    export(model, tmp_path / "arrays.safetensors")
    assert Net.load(tmp_path / "arrays.safetensors").graph.preprocessing is None


REFUSED = {
    "padded": (
        lambda: [layers.Resizing(24, 20, pad_to_aspect_ratio=True)],
        "without pad_to_aspect_ratio, as no prepro",
    ),
    "cropped first": (
        lambda: [layers.CenterCrop(50, 50), layers.Resizing(24, 20)],
        "one Resizing and then one CenterCr",
    ),
    "twice": (
        lambda: [layers.Resizing(99, 99), layers.Resizing(24, 20)],
        "expected one Resizing and then one CenterCrop",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_preprocessing_cannot_say(name, tmp_path):
    head, message = REFUSED[name]
    with pytest.raises(ExportError, match=message):
        export(model_of(head(), CAT.shape), tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_preprocessing_beside_a_head_that_resizes_is_refused(tmp_path):
    model = model_of([layers.Resizing(24, 20)])
    with pytest.raises(
        ExportError, match="expected no preprocessing beside a model that resizes or crops images itself"
    ):
        export(model, tmp_path / "model.safetensors", preprocessing={"mode": "RGB", "mean": [0] * 3, "std": [1] * 3})


def test_a_resizing_that_rounds_is_refused(tmp_path):
    image = keras.Input((None, None, 3), dtype="uint8", name="image")
    model = keras.Model(image, layers.Flatten()(layers.Rescaling(1 / 255)(layers.Resizing(24, 20)(image))))
    with pytest.raises(ExportError, match=r"input image: expected floats, as Resizing rounds uint8 and"):
        export(model, tmp_path / "model.safetensors")


def test_two_channels_are_no_image(tmp_path):
    with pytest.raises(ExportError, match=r"layer resizing: expected images of 1 or 3 channels, found 2"):
        export(model_of([layers.Resizing(24, 20, name="resizing")], (30, 30, 2)), tmp_path / "model.safetensors")
