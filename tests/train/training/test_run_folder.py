"""Run folders that an earlier version wrote load, and go on where they stopped."""

import csv
import json
import shutil

import pytest

from lcnn_train.cli import main
from lcnn_train.training.fit import load_run
from tests.helpers.training import DATA, SMALL

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
