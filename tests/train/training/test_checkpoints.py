"""Checkpoints hold all that a run needs, refuse another network, and outlive kills and full disks."""

import errno

import keras
import numpy as np
import pytest
from keras import layers
from safetensors import SafetensorError

from lcnn_train import LookupDense, RunError
from lcnn_train.errors import DivergedError
from lcnn_train.training import checkpoints as checkpoints_module
from lcnn_train.training.checkpoints import (
    Checkpoints,
    Progress,
    model_variables,
    optimizer_variables,
    read_progress,
    restore,
)


def network(units=4):
    model = keras.Sequential(
        [keras.Input((6,)), LookupDense(units, 3, name="a"), layers.Dropout(0.5, name="b"), layers.Dense(2, name="c")],
        name="small",
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def trained(model, steps=3):
    for _ in range(steps):
        model.train_on_batch(np.ones((4, 6), np.float32), np.zeros((4, 2)))
    return model


def variables(model):
    return model_variables(model) | optimizer_variables(model.optimizer)


def values(model):
    return [np.asarray(v.numpy()) for v in variables(model).values()]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "c")


def test_everything_comes_back(checkpoints):
    model = trained(network())
    assert checkpoints.newest() is None
    progress = Progress(1, 1, 0.5, [{"epoch": 1, "loss": 0.25}], step=3, sums={"top1": 2.0}, replicas=2)
    checkpoints.save(variables(model), progress)
    other = network()
    assert restore(variables(other), checkpoints.newest()) == progress
    for mine, theirs in zip(values(model), values(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    losses = [float(trained(m, 1).evaluate(np.ones((4, 6)), np.zeros((4, 2)), verbose=0)) for m in (model, other)]
    assert losses[0] == losses[1]


def test_others_may_read_them_as_any_new_file(checkpoints, tmp_path):
    checkpoints.save(variables(network()), Progress(1, best_epoch=1))
    (tmp_path / "file").touch()
    modes = {path.stat().st_mode for path in (tmp_path / "file", *checkpoints.folder.iterdir())}
    assert len(modes) == 1


def test_newest_two_and_best_are_kept(checkpoints):
    state = variables(network())
    for epoch in range(1, 6):
        checkpoints.save(state, Progress(epoch, best_epoch=min(epoch, 2)))
    assert names(checkpoints.folder) == ["best.safetensors", "epoch-0004.safetensors", "epoch-0005.safetensors"]
    assert read_progress(checkpoints.best).epoch == 2


def test_checkpoints_within_an_epoch_come_before_its_end_and_are_never_the_best(checkpoints):
    state = variables(network())
    checkpoints.save(state, Progress(1, best_epoch=1))
    checkpoints.save(state, Progress(1, best_epoch=1, step=500))
    assert checkpoints.newest().name == "epoch-0001-step-0000500.safetensors"
    checkpoints.save(state, Progress(1, best_epoch=1, step=10_000_000))
    assert checkpoints.newest().name == "epoch-0001-step-10000000.safetensors"
    checkpoints.save(state, Progress(2, best_epoch=1))
    assert checkpoints.newest().name == "epoch-0002.safetensors"
    assert read_progress(checkpoints.best).at_epoch_end
    assert read_progress(checkpoints.best).epoch == 1


def test_a_kill_between_checkpoint_and_best_is_mended(checkpoints):
    state = variables(network())
    checkpoints.save(state, Progress(1, best_epoch=1))
    checkpoints.save(state, Progress(2, best_epoch=2))
    checkpoints.best.unlink()
    (checkpoints.folder / ".epoch-0003.safetensors.77.tmp").write_bytes(b"half")
    checkpoints.tidy(read_progress(checkpoints.newest()))
    assert read_progress(checkpoints.best).epoch == 2
    assert not list(checkpoints.folder.glob(".*"))


def test_another_network_is_refused_before_anything_is_set(checkpoints, tmp_path):
    checkpoints.save(variables(network()), Progress(1))
    wider = network(5)
    before = values(wider)
    with pytest.raises(RunError, match=r"another network: .*a/alive: expected shape \(3, 5\), found \(3, 4\), .* more"):
        restore(variables(wider), checkpoints.newest())
    for mine, former in zip(values(wider), before, strict=True):
        np.testing.assert_array_equal(mine, former)
    dense = keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.Dense(2)])
    with pytest.raises(RunError, match=r"another network: .*expected a value for model/000/kernel, found none"):
        restore(model_variables(dense), checkpoints.newest())
    fewer = keras.Sequential([keras.Input((6,)), LookupDense(4, 3)])
    with pytest.raises(RunError, match=r"another network: model/004/.*: expected none"):
        restore(model_variables(fewer), checkpoints.newest())
    with pytest.raises(FileNotFoundError, match="expected a checkpoint, found nothing"):
        restore({}, tmp_path / "none")


def test_what_is_not_finite_is_not_written(checkpoints):
    model = network()
    checkpoints.save(variables(model), Progress(1))
    model.get_layer("a").D.assign(np.full((6, 3), np.nan))
    with pytest.raises(DivergedError, match=r"model/000/D is not finite after epoch 2\. The last good .*epoch-0001"):
        checkpoints.save(variables(model), Progress(2))
    assert names(checkpoints.folder) == ["epoch-0001.safetensors"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), SafetensorError("No space left")])
def test_a_full_disk_leaves_the_checkpoint_before(checkpoints, monkeypatch, error):
    state = variables(network())
    checkpoints.save(state, Progress(1, best_epoch=1))
    kept = {path.name: path.read_bytes() for path in checkpoints.folder.iterdir()}

    def half(arrays, path, metadata):
        path.write_bytes(b"half")
        raise error

    monkeypatch.setattr(checkpoints_module, "save_file", half)
    with pytest.raises(RunError, match=r"epoch-0002\.safetensors: cannot write .*No space left.*epoch-0001.*make room"):
        checkpoints.save(state, Progress(2, best_epoch=2))
    assert {path.name: path.read_bytes() for path in checkpoints.folder.iterdir()} == kept
