"""What only moves values, however it is written, is the same in the engine, in the operations that fit."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from lcnn_train import ExportError, export
from lcnn_train.export.moves import steps_of
from tests.helpers.exporting import exported, functional, ops_of


def shuffled(x, groups=2):
    height, width, channels = x.shape[1:]
    x = layers.Reshape((height, width, groups, channels // groups))(x)
    return layers.Reshape((height, width, channels))(layers.Permute((1, 2, 4, 3))(x))


def shuffled_by_ops(x):
    return ops.reshape(ops.transpose(ops.reshape(x, (-1, 6, 8, 4, 2)), (0, 1, 2, 4, 3)), (-1, 6, 8, 8))


def unshuffled(x):
    """Pixels into channels and back, as people write it without a word for it; PyTorch's order of channels."""
    x = ops.reshape(ops.transpose(ops.reshape(x, (-1, 6, 8, 2, 2, 2)), (0, 1, 4, 2, 5, 3)), (-1, 12, 16, 2))
    return x


CASES = {
    "crop": (lambda x: layers.Cropping2D(((1, 0), (0, 2)), name="a")(x), ["crop2d"]),
    "crop of nothing": (lambda x: layers.ReLU(name="a")(layers.Cropping2D(0)(x)), ["activation"]),
    "crop by slices": (lambda x: x[:, 1:-1, 2:], ["crop2d"]),
    "every second pixel": (lambda x: x[:, ::2, 1::2], ["crop2d", "max_pool2d"]),
    "every third row": (lambda x: x[:, ::3], ["crop2d", "max_pool2d"]),
    "one row": (lambda x: x[:, 2:3], ["crop2d"]),
    "channels": (lambda x: x[..., 2:5], ["take_channels"]),
    "channels turned round": (lambda x: x[..., ::-1], ["take_channels"]),
    "channels by flip": (lambda x: ops.flip(x, axis=-1), ["take_channels"]),
    "channels by take": (lambda x: ops.take(x, [3, 0, 0], axis=-1), ["take_channels"]),
    "channels by roll": (lambda x: ops.roll(x, 3, axis=-1), ["take_channels"]),
    "channels and pixels": (lambda x: x[:, 1:, :, :3], ["crop2d", "take_channels"]),
    "split": (lambda x: layers.Add(name="s")(ops.split(x, 2, axis=-1)), ["take_channels", "take_channels", "add"]),
    "split of which one piece is read": (lambda x: ops.split(x, [3, 5], axis=-1)[1], ["take_channels"]),
    "rows turned round": (lambda x: ops.flip(x, axis=1), ["permute", "take_channels", "permute"]),
    "columns turned round": (lambda x: x[:, :, ::-1], ["permute", "take_channels", "permute"]),
    "permute": (lambda x: layers.Permute((3, 1, 2), name="a")(x), ["permute"]),
    "permute twice is nothing": (
        lambda x: layers.ReLU(name="a")(layers.Permute((2, 1, 3))(layers.Permute((2, 1, 3))(x))),
        ["permute", "permute", "activation"],
    ),
    "transpose": (lambda x: ops.transpose(x, (0, 2, 1, 3)), ["permute"]),
    "reshape": (lambda x: layers.Reshape((8, 6, 8), name="a")(x), ["reshape"]),
    "reshape of a vector": (lambda x: layers.Reshape((4, 4, 24))(layers.Flatten()(x)), ["flatten", "reshape"]),
    "reshape and back": (lambda x: ops.relu(ops.reshape(ops.reshape(x, (-1, 48, 8)), (-1, 6, 8, 8))), ["activation"]),
    "channel shuffle": (shuffled, ["take_channels"]),
    "channel shuffle by ops": (shuffled_by_ops, ["take_channels"]),
    "channels of a vector": (lambda x: layers.GlobalMaxPooling2D()(x)[:, 1:5], ["global_max_pool2d", "take_channels"]),
    "depth to space": (lambda x: ops.nn.depth_to_space(x, 2), ["depth_to_space"]),
    "space to depth": (lambda x: ops.nn.space_to_depth(x, 2), ["space_to_depth"]),
    "pixel shuffle of PyTorch": (unshuffled, ["take_channels", "depth_to_space"]),
    "upsampling": (lambda x: layers.UpSampling2D((2, 3), name="a")(x), ["resize2d"]),
    "upsampling by repeat": (lambda x: ops.repeat(ops.repeat(x, 2, axis=1), 2, axis=2), ["resize2d", "resize2d"]),
    "reflected border": (lambda x: ops.pad(x, ((0, 0), (1, 2), (3, 0), (0, 0)), mode="reflect"), ["pad2d"]),
    "mirrored border": (lambda x: ops.pad(x, ((0, 0), (1, 2), (3, 0), (0, 0)), mode="symmetric"), ["pad2d"]),
    "a flipped image as a vector": (lambda x: layers.Flatten()(x)[:, ::-1], ["flatten", "take_channels"]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_move_is_the_same_in_the_engine(name, tmp_path, digits):
    build, expected = CASES[name]
    graph, _, _ = exported(functional((6, 8, 8), build), tmp_path, digits)
    assert list(ops_of(graph).values()) == expected


def test_nothing_folds_over_a_move_that_is_no_change(tmp_path, digits):
    """Two read what a reshape and back gives: the first may not become part of the convolution before."""

    def build(x):
        x = layers.Conv2D(4, 3, name="a")(x)
        x = layers.Reshape((4, 6, 4))(layers.Reshape((24, 4))(x))
        return layers.Concatenate(name="c")([layers.ReLU(name="b")(x), x])

    graph, _, _ = exported(functional((6, 8, 2), build), tmp_path, digits)
    assert ops_of(graph) == {"a": "conv2d", "b": "activation", "c": "concat"}


def test_inside_a_network_and_in_float16(tmp_path, digits):
    def build(x):
        x = layers.Conv2D(8, 3, padding="same", name="a")(x)
        x = layers.Concatenate()(
            [shuffled(x, 4)[..., :3], layers.Cropping2D(((0, 3), (0, 4)))(layers.UpSampling2D(2)(x))[:, :6, :8]]
        )
        return layers.Dense(3, name="d")(layers.Flatten()(x))

    graph, tensors, _ = exported(functional((6, 8, 2), build), tmp_path, digits, dtype="float16")
    assert all(tensor.dtype == np.int32 for name, tensor in tensors.items() if name.endswith("indices"))
    assert graph.output == "d"


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda x: ops.softmax(ops.reshape(x, (-1, 48, 8))), r"expected an image \(H, W, C\) or a vector, found shape"),
        (lambda x: ops.reshape(x, (-1, 48, 8)), r"expected a model that gives an image .*, found \(48, 8\)"),
        (lambda x: ops.reshape(x, (-1, 8)), "expected each image to be moved by itself"),
        (lambda x: ops.stack([x[..., 0], ops.relu(x)[..., 1]], axis=-1), "expected parts of one image"),
        (lambda x: ops.flip(x, axis=0), "expected each image to be moved by itself"),
    ],
)
def test_what_is_refused(build, reason, tmp_path):
    with pytest.raises(ExportError, match=reason):
        export(functional((6, 8, 8), build), tmp_path / "m.safetensors")


def test_a_move_that_would_be_a_long_list_is_refused(tmp_path):
    def build(x):
        return layers.Reshape((512, 512, 8))(layers.Permute((2, 1))(layers.Reshape((512 * 512 * 4, 2))(x)))

    with pytest.raises(ExportError, match="in a list of more than 1048576 places"):
        export(functional((512, 512, 8), build), tmp_path / "m.safetensors")


def test_what_nothing_describes_is_a_list_of_places():
    rng = np.random.default_rng(0)
    places = rng.permutation(24).reshape(2, 3, 4)
    steps = steps_of(places, (4, 3, 2))
    assert [step.op for step in steps] == ["flatten", "take_channels", "reshape"]
    np.testing.assert_array_equal(steps[1].indices, places.reshape(-1))


def test_preprocessing_of_the_first_networks_inside_the_model(tmp_path, digits):
    """Channels turned round and their means taken off: what `preprocess_input` does for ResNet and VGG."""
    graph, _, _ = exported(
        functional((6, 8, 3), lambda x: keras.applications.resnet50.preprocess_input(x)), tmp_path, digits
    )
    assert list(ops_of(graph).values()) == ["take_channels", "batch_norm"]
