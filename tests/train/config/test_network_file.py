"""A `.keras` file as the network of a configuration: what is read from it, and which files are refused."""

import keras
import numpy as np
import pytest
import yaml

from lcnn_train.config.experiment import load_config
from lcnn_train.config.network_file import outputs_of
from lcnn_train.errors import ConfigError
from tests.helpers.training import small


def written(folder, model, **sections):
    model.save(folder / "network.keras")
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump({"name": "own", "model": {"file": str(folder / "network.keras")}, **sections}))
    return path


def network(*layers, shape=(12, 10, 3)):
    return keras.Sequential([keras.Input(shape), *layers])


def classifier(activation, units=4):
    return network(keras.layers.Flatten(), keras.layers.Dense(units, activation=activation))


def test_images_get_the_size_and_the_colours_that_the_network_takes(tmp_path):
    config = load_config(written(tmp_path, classifier("softmax")))
    assert (config.model.input_shape, config.model.classes) == ((12, 10, 3), 4)
    preprocessing = config.preprocessing
    assert (preprocessing.mode, preprocessing.size, preprocessing.mean) == ("RGB", [12, 10], [0.0] * 3)
    assert preprocessing.input_shape == config.model.input_shape


def test_the_network_comes_with_its_weights(tmp_path):
    model = small()
    built = load_config(written(tmp_path, model, preprocessing={"scale": 1.0})).model.build()
    for own, other in zip(built.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (classifier(None), "expected a model that ends in a softmax"),
        (classifier("sigmoid"), "expected a model that ends in a softmax"),
        (network(keras.layers.Softmax()), "expected a model that gives one number for each class"),
        (network(keras.layers.GlobalAveragePooling2D(), shape=(None, None, 3)), "of a fixed size"),
        (network(keras.layers.Flatten(), shape=(4, 4, 7)), "1 or 3"),
    ],
    ids=["logits", "sigmoid", "maps", "any size", "channels"],
)
def test_a_network_that_is_no_classifier_of_images(tmp_path, model, message):
    with pytest.raises(ConfigError, match=f"own.yaml: model.file: .*{message}"):
        load_config(written(tmp_path, model))


def test_files_that_hold_no_model(tmp_path):
    config = written(tmp_path, classifier("softmax"))
    (tmp_path / "network.keras").write_bytes(b"PK no more")
    with pytest.raises(ConfigError, match=r"not a \.keras file that can be loaded"):
        load_config(config)
    (tmp_path / "network.keras").unlink()
    with pytest.raises(ConfigError, match=r"expected a \.keras file, found"):
        load_config(config)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.l1=3", "unknown key model.l1; did you mean file"),
        ("train.precision=mixed_float16", "train.precision: expected float32 with model.file"),
        ("preprocessing.mode=L", "preprocessing.mean must have one number for each of 1 channel"),
        ("preprocessing.size=[8, 8]", r"preprocessing.size must be \[12, 10\]"),
        ("model.file=3", r"model.file: expected a valid string; found 3 \(int\)"),
        ("model.shape=[1, 2]", r"model.shape: expected \[12, 10, 3\], that of the file"),
    ],
)
def test_settings_that_do_not_go_with_a_file(tmp_path, override, message):
    with pytest.raises(ConfigError, match=message):
        load_config(written(tmp_path, classifier("softmax")), [override])


def test_what_outputs_are():
    assert [outputs_of(classifier(name)) for name in ("softmax", "sigmoid", None)] == [
        "probabilities",
        "shares",
        "logits",
    ]
