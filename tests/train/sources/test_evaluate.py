"""Keras and the engine evaluate alike, on images of any shape."""

import numpy as np
import pytest

from lcnn_engine import Net
from lcnn_train import export
from lcnn_train.config.experiment import parse_config
from lcnn_train.data.folder import read_folder
from lcnn_train.sources.evaluate import evaluate_file, evaluate_keras


@pytest.fixture(scope="module")
def exported(made):
    """A network with fresh weights that takes the middle of an image, in Keras and as a file."""
    config = parse_config(
        {
            "name": "tiny",
            "preprocessing": {
                "mode": "RGB", "shortest_edge": 32, "mean": [128.0] * 3, "std": [64.0] * 3, "scale": 1.0
            },
            "model": {"name": "lenet", "variant": "dense", "channels": 3, "classes": 4},
        },
        "here",
    )  # fmt: skip
    model = config.model.build()
    path = made[0] / "tiny.safetensors"
    export(model, path, preprocessing=config.preprocessing.for_file())
    return config, model, path


def test_keras_and_the_engine_agree_on_shortest_edge_and_crop(made, exported):
    config, model, path = exported
    train = read_folder(made[0] / "set", "train")
    by_keras = evaluate_keras(model, train, config.preprocessing.for_engine())
    by_engine = evaluate_file(path, read_folder(made[0] / "set", "train"), threads=1)
    for name in ("predicted", "labels", "numbers", "in_top"):
        np.testing.assert_array_equal(getattr(by_keras, name), getattr(by_engine, name))
    assert len(by_keras.numbers) == 22
    assert by_keras.top5 == 1.0
    assert "skipped 2 images that cannot be read" in str(by_keras)
    net = Net.load(path, threads=1)
    given = [int(np.argmax(net.predict(train.read(i)))) for i in by_engine.numbers]
    np.testing.assert_array_equal(by_engine.predicted, given)


def test_labels_beyond_the_model(made, exported):
    train = read_folder(made[0] / "set", "train")
    config = parse_config({"name": "a", "model": {"name": "lenet", "variant": "dense", "classes": 3}}, "here")
    with pytest.raises(ValueError, match=r"labels below the model's 3 classes; found 3 \(astronaut, spaceman\)"):
        evaluate_keras(config.model.build(), train, config.preprocessing.for_engine())
