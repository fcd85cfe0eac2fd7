"""One call from a trained model to a smaller file: with class folders, interrupted, in a shell, and what is refused."""

import json
import re
import sys

import keras
import numpy as np
import pytest

import lcnn_train.training.state
from lcnn_engine import Net, read_model
from lcnn_engine.analysis.cost import cost_of, totals
from lcnn_train import ConfigError, DataError, RunError, compress
from lcnn_train.cli import main
from lcnn_train.config.experiment import parse_config
from lcnn_train.convert.compression import compress as module
from lcnn_train.errors import DivergedError, ExportError, TrainingError
from lcnn_train.export.verify import verify
from lcnn_train.sources.keras_file import Origin, save_keras
from tests.helpers.classifiers import class_folders, trained
from tests.helpers.training import SMALL

SHORT = {"epochs": 2, "overrides": ["train.tensorboard=false", "train.deterministic=true"]}


class StopError(Exception):
    """In the place of a kill."""


def test_class_folders_to_a_file_and_a_report(digits_model, tmp_path):
    folder = class_folders(tmp_path / "digits")
    made = compress(digits_model, folder, budget=0.4, output=tmp_path / "out", **SHORT)
    graph, tensors = read_model(made.file)
    dense = totals(cost_of(*read_model(tmp_path / "out" / "dense.safetensors")))["multiplications"]
    assert 0.35 * dense < totals(cost_of(graph, tensors))["multiplications"] <= 0.4 * dense
    assert graph.labels == tuple("0123456789")
    image = next((folder / "3").iterdir())
    net = Net.load(made.file)
    assert net.predict(image).sum() == pytest.approx(1, abs=1e-5)
    verify(made.model, made.file, [image])
    report = (tmp_path / "out" / "report.md").read_text()
    assert report.startswith("# digits, compressed\n")
    assert "images that were held out" in report
    assert re.search(r"\| conv2 \| lookup_conv2d \| [\d.]+ \| [\d.]+ \| \d+ \|", report)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["layers"][1]["name"] == "conv2"
    for name in ("report.png", "training.png"):
        assert f"]({name})" in report
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")


def test_an_interrupted_one_goes_on_as_if_it_had_not_been(digits_model, tmp_path, monkeypatch):
    whole = compress(digits_model, SMALL, output=tmp_path / "whole", **SHORT)
    save = lcnn_train.training.state.TrainingState.save

    def stopping(self, run, progress):
        save(self, run, progress)
        raise StopError

    monkeypatch.setattr(lcnn_train.training.state.TrainingState, "save", stopping)
    with pytest.raises(StopError):
        compress(digits_model, SMALL, output=tmp_path / "stopped", **SHORT)
    monkeypatch.setattr(lcnn_train.training.state.TrainingState, "save", save)
    monkeypatch.setattr(module, "conversions", None)  # what it began with is not made again
    (tmp_path / "stopped").rename(tmp_path / "moved")
    with pytest.raises(RunError, match=r"expected what this compression began with; it differs in budget\. Name"):
        compress(digits_model, SMALL, budget=0.5, output=tmp_path / "moved", **SHORT)
    resumed = compress(digits_model, SMALL, output=tmp_path / "moved", **SHORT)
    assert resumed.file.read_bytes() == whole.file.read_bytes()
    assert resumed.report.judged_by == "test images"
    assert resumed.report.after.images == 50


def test_in_a_shell_by_the_time_that_a_prediction_may_take(digits_model, tmp_path, monkeypatch, capsys):
    """Time is taken to be that of the multiplications, for these networks take microseconds."""

    def by_multiplications(path, image):
        assert image.shape == (28, 28, 1)
        return 1e-4 * totals(cost_of(*read_model(path)))["multiplications"]

    monkeypatch.setattr(module, "milliseconds_of", by_multiplications)
    monkeypatch.setattr("lcnn_train.convert.compression.budget.milliseconds_of", by_multiplications)
    monkeypatch.chdir(tmp_path)
    config = parse_config({"name": "d", "model": {"name": "lenet"}, "preprocessing": {"mean": [0.0]}}, "d")
    save_keras(digits_model, tmp_path / "digits.keras", Origin(config, tuple("0123456789")))
    command = [
        "compress",
        "digits.keras",
        "--data",
        str(SMALL),
        "--epochs",
        "1",
        "--set",
        "train.sparsity.end_epoch=0.9",
    ]
    assert main([*command, "--milliseconds", "1000"]) == 2
    found = float(re.search(r"less than ([\d.]+), what the model takes", capsys.readouterr().err)[1])
    assert main([*command, "--milliseconds", "0.0001"]) == 2
    error = capsys.readouterr().err
    least = float(re.search(r"at least ([\d.]+), measured at the least budget", error)[1])
    assert main([*command, "--milliseconds", str(found / 2)]) == 0
    out = capsys.readouterr().out
    assert "Images are prepared as given" in out
    budget = float(re.search(r"The budget is ([\d.]+), found by bisection", out)[1])
    assert least < found / 2
    assert budget == pytest.approx(0.5, abs=0.03)
    assert "digits-compressed/compressed.safetensors: " in out


def test_logits_get_a_softmax(tmp_path):
    made = compress(trained(logits=True), SMALL, output=tmp_path / "out", **SHORT)
    assert Net.load(made.file).predict(np.zeros((28, 28), np.uint8)).sum() == pytest.approx(1, abs=1e-5)
    assert made.report.before.share > 0.4


def test_without_matplotlib_the_report_has_no_picture_and_says_so(digits_model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    made = compress(digits_model, SMALL, output=tmp_path / "out", **SHORT)
    assert "No pictures: plot: expected Matplotlib to be installed" in (made.folder / "report.md").read_text()
    assert not (made.folder / "report.png").exists()


class TestRefused:
    def test_a_budget_that_cannot_be_reached(self, digits_model, tmp_path):
        with pytest.raises(ConfigError, match=r"found 0\.0001, the nearest is 0\.0\d+") as error:
            compress(digits_model, SMALL, budget=0.0001, output=tmp_path / "out")
        assert not (tmp_path / "out" / "compress.json").exists()
        nearest = float(re.search(r"nearest is ([\d.]+)", str(error.value))[1])
        made = compress(digits_model, SMALL, budget=nearest, output=tmp_path / "out", **SHORT)
        assert made.report.multiplications[1] <= nearest * made.report.multiplications[0]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"budget": 0.0}, "budget: expected a share over 0 and at most 1"),
            ({"budget": 0.5, "milliseconds": 1.0}, "expected a budget or milliseconds, found both or neither"),
            ({"milliseconds": -1.0}, "milliseconds: expected a number over 0"),
            ({"epochs": 0}, "epochs: expected a number of at least 1"),
            ({"groups_of": 3}, "groups_of"),
            ({"overrides": ["train.epoch=3"]}, "unknown key train.epoch; did you mean epochs"),
            ({"data": None}, "data: expected a folder of images, or the name of a data set"),
            ({"overrides": ["preprocessing.scale=-1.0"]}, "no better than guessing on"),
        ],
    )
    def test_arguments(self, digits_model, tmp_path, arguments, message):
        data = arguments.pop("data", SMALL)
        with pytest.raises((ConfigError, DataError), match=message):
            compress(digits_model, data, output=tmp_path / "out", **arguments)

    def test_other_classes(self, digits_model, tmp_path):
        with pytest.raises(DataError, match="expected the 10 classes that digits was trained on; found 3: 0, 1, 4"):
            compress(digits_model, class_folders(tmp_path / "data", "014"), output=tmp_path / "out")
        save_keras(digits_model, tmp_path / "model.keras", Origin(None, tuple("9876543210")))
        with pytest.raises(
            DataError, match=r"expected the classes of digits, 9, 8, 7, 6, 5, in this order; found 0, 1"
        ):
            compress(tmp_path / "model.keras", class_folders(tmp_path / "all"), output=tmp_path / "out")

    def test_a_model_whose_layers_are_all_left(self, tmp_path, digits_model):
        model = keras.Sequential(
            [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, name="only")]
        )
        with pytest.raises(ConfigError, match=r"expected layers of .* found only: the classifier stays dense"):
            compress(keras.Sequential([model, keras.layers.Softmax()]), SMALL, output=tmp_path / "out")

    def test_shares(self, tmp_path):
        model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10, "sigmoid")])
        with pytest.raises(ConfigError, match="as those of a sigmoid"):
            compress(model, SMALL, output=tmp_path / "out")

    def test_a_training_that_diverges(self, digits_model, tmp_path):
        overrides = [*SHORT["overrides"], "train.learning_rate.initial=1e30", "train.optimizer.name=sgd"]
        with pytest.raises(DivergedError, match=r"has diverged.*--output"):
            compress(digits_model, SMALL, output=tmp_path / "out", epochs=2, overrides=overrides)

    def test_engine_and_keras_differ(self, digits_model, tmp_path, monkeypatch):
        def differ(*_):
            raise ExportError("they differ")

        monkeypatch.setattr(module, "verify", differ)
        with pytest.raises(TrainingError, match="they differ"):
            compress(digits_model, SMALL, output=tmp_path / "out", **SHORT)

    def test_folders_that_hold_something_else(self, digits_model, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(RunError, match="expected a folder for the compression, found a file"):
            compress(digits_model, SMALL, output=tmp_path / "file")
        (tmp_path / "compress.json").write_text("[]")
        with pytest.raises(RunError, match="not what compress wrote"):
            compress(digits_model, SMALL, output=tmp_path)
