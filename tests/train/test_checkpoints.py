"""Checkpoints hold all that a run needs, refuse another network, and what trains is what the configuration says."""

import keras
import numpy as np
import pytest
from keras import layers

from lcnn_train import LookupDense, RunError
from lcnn_train.checkpoints import Checkpoints, Progress, read_progress, restore
from lcnn_train.config import load_config
from lcnn_train.files import write_atomically
from lcnn_train.train import _learning_rate, _optimizer, build_model


def network(units=4, optimizer="adam"):
    model = keras.Sequential(
        [keras.Input((6,)), LookupDense(units, 3, name="a"), layers.Dropout(0.5, name="b"), layers.Dense(2, name="c")],
        name="small",
    )
    model.compile(optimizer, "mse")
    return model


def trained(model, steps=3):
    for _ in range(steps):
        model.train_on_batch(np.ones((4, 6), np.float32), np.zeros((4, 2)))
    return model


def test_everything_comes_back(tmp_path):
    model = trained(network())
    checkpoints = Checkpoints(tmp_path / "c")
    assert checkpoints.newest() is None
    progress = Progress(1, 1, 0.5, [{"epoch": 1, "loss": 0.25}])
    checkpoints.save(model, progress)
    other = network()
    other.optimizer.build(other.trainable_variables)
    assert restore(other, checkpoints.newest()) == progress
    for mine, theirs in zip(
        model.variables + model.optimizer.variables, other.variables + other.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(np.asarray(mine.numpy()), np.asarray(theirs.numpy()))
    losses = [float(trained(m, 1).evaluate(np.ones((4, 6)), np.zeros((4, 2)), verbose=0)) for m in (model, other)]
    assert losses[0] == losses[1]


def test_newest_two_and_best_are_kept(tmp_path):
    model, checkpoints = network(), Checkpoints(tmp_path / "c")
    for epoch in range(1, 6):
        checkpoints.save(model, Progress(epoch, best_epoch=min(epoch, 2)))
    names = sorted(path.name for path in checkpoints.folder.iterdir())
    assert names == ["best.safetensors", "epoch-0004.safetensors", "epoch-0005.safetensors"]
    assert read_progress(checkpoints.best).epoch == 2


def test_a_kill_between_checkpoint_and_best_is_mended(tmp_path):
    model, checkpoints = network(), Checkpoints(tmp_path / "c")
    checkpoints.save(model, Progress(1, best_epoch=1))
    checkpoints.save(model, Progress(2, best_epoch=2))
    checkpoints.best.unlink()
    (checkpoints.folder / ".epoch-0003.safetensors.77.tmp").write_bytes(b"half")
    checkpoints.tidy(read_progress(checkpoints.newest()))
    assert read_progress(checkpoints.best).epoch == 2
    assert not list(checkpoints.folder.glob(".*"))


def test_another_network_is_refused(tmp_path):
    checkpoints = Checkpoints(tmp_path / "c")
    checkpoints.save(network(), Progress(1))
    with pytest.raises(RunError, match=r"P: expected shape \(3, 5\), found \(3, 4\)"):
        restore(network(5), checkpoints.newest())
    larger = keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.Dense(2)])
    with pytest.raises(RunError, match=r"expected a value for model/000/.*the checkpoint is of another network"):
        restore(larger, checkpoints.newest())
    with pytest.raises(FileNotFoundError, match="expected a checkpoint, found nothing"):
        restore(network(), tmp_path / "none")


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_text("before")

    def fail(temporary):
        temporary.write_text("half")
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_atomically(path, fail)
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_the_network_is_what_the_configuration_says():
    config = load_config(
        "mnist-alexnet-lcnn-fast",
        [
            "model={variant: accurate, channels: 3, classes: 7, l1: 0.4, threshold: 0.02, dropout: 0.2}",
            "preprocessing={mode: RGB, mean: [0, 0, 0], std: [1, 1, 1]}",
            "model.batch_norm_momentum=0.8",
        ],
    )
    model = build_model(config)
    assert model.input_shape == (None, *config.model.input_shape) == (None, 224, 224, 3)
    assert model.output_shape == (None, 7)
    conv2 = model.get_layer("conv2")
    assert (conv2.dictionary, conv2.l1, conv2.threshold) == (500, 0.4, 0.02)
    assert model.get_layer("fc6_dropout").rate == 0.2
    assert model.get_layer("fc7_norm").momentum == 0.8


def test_learning_rates():
    settings = load_config("mnist-alexnet-lcnn-fast", ["train.epochs=4"]).train.learning_rate
    cosine = _learning_rate(settings, 4, 10)
    assert [round(float(cosine(step)), 6) for step in (0, 20, 40)] == [0.02, 0.01, 0]
    steps = _learning_rate(
        settings.model_copy(update={"schedule": "piecewise", "epochs": [1, 3, 4], "rates": [0.5, 0.25, 0.125]}), 4, 10
    )
    assert [float(steps(step)) for step in (0, 19, 20, 29, 30, 39)] == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]
    assert _learning_rate(settings.model_copy(update={"schedule": "constant"}), 4, 10) == 0.02


@pytest.mark.parametrize(
    ("name", "kind"),
    [("sgd", keras.optimizers.SGD), ("adam", keras.optimizers.Adam), ("adagrad", keras.optimizers.Adagrad)],
)
def test_optimizers(name, kind):
    config = load_config("mnist-alexnet-lcnn-fast", [f"train.optimizer={{name: {name}, weight_decay: 0.01}}"])
    optimizer = _optimizer(config, 10)
    assert type(optimizer) is kind
    assert optimizer.weight_decay == 0.01
    assert float(optimizer.learning_rate) == pytest.approx(0.02)
    if name == "sgd":
        assert optimizer.momentum == 0.9
