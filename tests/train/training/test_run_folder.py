"""Run folders that an earlier version wrote load, and go on where they stopped; so do those of a `.keras` file."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest

from lcnn_train.cli import main
from lcnn_train.training.fit import load_run
from tests.helpers.training import DATA, SMALL, small
from tests.train.training.test_fit import write_config

BEFORE = DATA / "before" / "run"
SETTINGS = (
    "model.input_size=16",
    "model.dictionary=1",
    "train.epochs=2",
    "train.batch_size=10",
    "data.validation=10",
    "train.optimizer.momentum=0",
    "train.tensorboard=false",
)


@pytest.fixture
def run(tmp_path):
    return shutil.copytree(BEFORE, tmp_path / "run")


def test_a_run_of_before_loads(run):
    model, config, progress = load_run(run, "newest")
    assert model.name == "lenet-lcnn-fast"
    assert (config.train.epochs, progress.epoch, progress.history[0]["val_accuracy"]) == (2, 1, pytest.approx(0.1))


def test_a_run_of_before_goes_on(run, capsys):
    overrides = [part for setting in SETTINGS for part in ("--set", setting)]
    assert main(["fit", "mnist-lenet-lcnn-fast", "--data", str(SMALL), "--run", str(run), *overrides]) == 0
    assert f"{run}: 2 epochs done" in capsys.readouterr().out
    with (run / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert rows[0].items() >= next(csv.DictReader((BEFORE / "log.csv").open())).items()
    events = [json.loads(line)["event"] for line in (run / "chronicle.jsonl").read_text().splitlines()]
    assert events.count("start") == 2
    assert events[-1] == "epoch"


class TestOfAFile:
    """A run whose network is that of a `.keras` file."""

    @pytest.fixture
    def fit(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        model = small()
        model.save("own.keras")
        train = {"epochs": 1, "batch_size": 40, "tensorboard": False, "learning_rate": {"initial": 1e-4}}
        data = {"folder": str(SMALL), "validation": 40}
        config = write_config(
            tmp_path / "own.yaml", {"name": "own", "data": data, "model": {"file": "own.keras"}, "train": train}
        )

        def call(*settings, status=0):
            overrides = [part for setting in settings for part in ("--set", setting)]
            assert main(["fit", str(config), *overrides]) == status
            return capsys.readouterr()

        return model, call

    def test_it_begins_with_the_weights_of_the_file_and_keeps_a_copy(self, fit, tmp_path):
        model, call = fit
        call()
        small().save("own.keras")  # of other weights, by now
        trained, config, _ = load_run(tmp_path / "runs" / "own", "newest")
        assert config.model.file == str(tmp_path / "runs" / "own" / "network.keras")
        pairs = [(p, q) for p, q in zip(trained.get_weights(), model.get_weights(), strict=True) if p.ndim > 1]
        assert all(np.abs(one - other).mean() < 0.01 for one, other in pairs)
        assert any((one != other).any() for one, other in pairs)

    def test_a_run_that_is_done_goes_on_for_more_epochs(self, fit):
        _, call = fit
        call()
        out, _ = call("train.epochs=3")
        assert "runs/own: 3 epochs done" in out
        assert "epoch 2/3" in out
        assert "it differs in train.epochs" in call("train.epochs=2", status=2).err

    def test_one_that_is_not_done_keeps_its_epochs(self, fit, tmp_path):
        _, call = fit
        call("train.epochs=2")
        (tmp_path / "runs" / "own" / "checkpoints" / "epoch-0002.safetensors").unlink()
        assert "it differs in train.epochs" in call("train.epochs=3", status=2).err

    def test_the_data_has_other_classes(self, fit):
        _, call = fit
        keras.Sequential(
            [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(7, activation="softmax")]
        ).save("own.keras")
        assert "expected labels below the model's 7 classes; found 9" in call(status=2).err
