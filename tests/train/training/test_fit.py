"""Runs: a run that is killed goes on as if it had not been, a folder is one experiment's, and nothing is half-written.

All with a small network in AlexNet's place. What is about processes runs `fit_small.py` as a process of its own; the
rest calls `lcnn-train`'s main, for loading TensorFlow takes most of a process' time.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml
from safetensors import safe_open
from safetensors.numpy import load_file

import lcnn_train.training.fit
from lcnn_engine import Net
from lcnn_train.cli import main
from lcnn_train.config.experiment import load_config
from lcnn_train.data import idx
from lcnn_train.errors import VerificationError
from lcnn_train.export import verify as verify_module
from lcnn_train.layers.sparsity import density
from lcnn_train.sources.evaluate import evaluate_file, evaluate_keras
from lcnn_train.sources.load import load_model
from lcnn_train.training.run_folder import Run
from lcnn_train.training.screen import Screen
from tests.helpers.fit_small import small
from tests.helpers.training import SMALL

FIT_SMALL = Path(__file__).parents[2] / "helpers" / "fit_small.py"
CONFIG = {
    "name": "small",
    "data": {"folder": str(SMALL), "validation": 40},
    "augment": [{"name": "affine", "rotate": 5.0, "shift": 0.02}, {"name": "salt_and_pepper", "share": 0.01}],
    "model": {"l1": 1.0},
    "train": {"epochs": 6, "batch_size": 20, "optimizer": {"momentum": 0.9}},
}


SHORT = ("--set", "train.epochs=1")


@pytest.fixture
def config(tmp_path):
    return write_config(tmp_path / "small.yaml", CONFIG)


def write_config(path, values):
    path.write_text(yaml.safe_dump(values))
    return path


def start(*arguments, cwd):
    command = [sys.executable, str(FIT_SMALL), *map(str, arguments)]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(*arguments, cwd, status=0):
    """Run to the end; (standard output, standard error). No traceback is ever seen."""
    process = start(*arguments, cwd=cwd)
    out, error = process.communicate(timeout=300)
    assert process.returncode == status, error
    assert "Traceback" not in error
    return out, error


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """Run in this process, in tmp_path: `here(*arguments, status=0)` gives (standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lcnn_train.training.fit, "build_model", small)

    def call(*arguments, status=0):
        assert main([str(argument) for argument in arguments]) == status
        return capsys.readouterr()

    return call


def checkpoint_names(folder):
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def test_a_run_from_its_configuration_to_a_prediction(config, tmp_path, here):
    out, error = here("fit", config)
    folder = tmp_path / "runs" / "small"
    assert "epoch 6/6" in out
    assert "density conv" in out
    assert "6 epochs done; best validation accuracy" in out
    assert error == ""
    rows = list(csv.DictReader((folder / "log.csv").open()))
    assert [row["epoch"] for row in rows] == list("123456")
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    assert float(rows[-1]["density_conv"]) < float(rows[0]["density_conv"])
    accuracies = [float(row["val_accuracy"]) for row in rows]
    best = max(range(6), key=lambda epoch: (accuracies[epoch], epoch)) + 1
    newest = json.loads(metadata(folder / "checkpoints" / "epoch-0006.safetensors")["progress"])
    assert newest["best_epoch"] == best
    assert checkpoint_names(folder) == ["best.safetensors", "epoch-0005.safetensors", "epoch-0006.safetensors"]

    out, _ = here("density", folder)
    assert "hidden" in out
    model = tmp_path / "small.safetensors"
    out, _ = here("export", folder, model, "--dtype", "float16", "--verify", 5)
    assert "classes" in out
    accuracy, _ = here("evaluate", model, "--data", SMALL)
    assert accuracy.startswith("accuracy 0.")
    assert "of 50 images wrong" in accuracy
    net = Net.load(model)
    assert net.name == "small"
    assert net.labels == list("0123456789")

    # The Keras model, by itself and from a .keras file, gives every image the class that the engine gives it.
    here("export", folder, tmp_path / "small.keras")
    here("export", folder, model)
    by_run = here("evaluate", folder, "--data", SMALL).out
    assert here("evaluate", tmp_path / "small.keras", "--config", config, "--data", SMALL).out == by_run
    assert here("evaluate", model, "--data", SMALL).out == by_run
    split = idx.read_folder(SMALL, "test")
    by_keras = evaluate_keras(load_model(folder).model, split, load_config(config).preprocessing.for_engine())
    np.testing.assert_array_equal(evaluate_file(model, split).predicted, by_keras.predicted)


def metadata(path):
    with safe_open(path, "np") as file:
        return file.metadata()


def kill_after(process, path):
    """Wait for a file, then kill -9."""
    deadline = time.monotonic() + 200
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert path.exists()
    assert process.returncode == -signal.SIGKILL


def test_killed_and_resumed_is_as_if_never_killed(config, tmp_path):
    """Weights, masks, averages, optimizer and log are the same to the last bit after a kill -9 in an epoch."""
    values = ("deterministic=true", "threads=1", "average=0.9", "checkpoint_steps=3")
    exact = [word for value in values for word in ("--set", f"train.{value}")]
    run("fit", config, *exact, "--run", "whole", cwd=tmp_path)
    resumed = tmp_path / "resumed"
    first = start("fit", config, *exact, "--run", resumed, cwd=tmp_path)
    kill_after(first, resumed / "checkpoints" / "epoch-0001-step-0000003.safetensors")
    (resumed / "checkpoints" / ".epoch-0004.safetensors.1.tmp").write_bytes(b"half")
    out, error = run("fit", config, *exact, "--run", resumed, cwd=tmp_path)
    assert error == ""
    assert "epoch 1/6" not in out
    assert "epoch 6/6" in out
    whole = tmp_path / "whole"
    assert (whole / "log.csv").read_text() == (resumed / "log.csv").read_text()
    assert checkpoint_names(whole) == checkpoint_names(resumed)
    for name in checkpoint_names(whole):
        expected, found = (load_file(folder / "checkpoints" / name) for folder in (whole, resumed))
        assert expected.keys() == found.keys()
        for key, value in expected.items():
            np.testing.assert_array_equal(found[key], value, err_msg=f"{name} {key}")
    starts = [json.loads(line) for line in (resumed / "chronicle.jsonl").open() if '"start"' in line]
    assert len(starts) == 2
    assert starts[1]["epoch"] > 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_end_it_writes_a_checkpoint_and_goes_on_there(config, tmp_path, here, monkeypatch, number):
    """A signal in the fourth step: nothing is lost of it, and the metrics of the epoch are those of all its steps."""
    here("fit", config, *SHORT, "--run", "whole")
    told = Screen.on_step

    def on_step(screen, report):
        told(screen, report)
        if report.step == 4:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Screen, "on_step", on_step)
    try:
        status = main(["fit", str(config), *SHORT, "--run", "ended"])
    except SystemExit as error:
        status = error.code
    assert status == 128 + number
    assert checkpoint_names(tmp_path / "ended") == ["epoch-0000-step-0000005.safetensors"]
    monkeypatch.setattr(Screen, "on_step", told)
    here("fit", config, *SHORT, "--run", "ended")
    rows = [next(csv.DictReader((tmp_path / name / "log.csv").open())) for name in ("whole", "ended")]
    for key, value in rows[0].items():
        assert float(rows[1][key]) == pytest.approx(float(value), rel=1e-3), key


def test_the_averages_are_what_is_evaluated_and_exported(config, tmp_path, here):
    here("fit", config, *SHORT, "--set", "train.average=0.5")
    stored = load_file(tmp_path / "runs" / "small" / "checkpoints" / "best.safetensors")
    model = load_model(tmp_path / "runs" / "small").model
    averaged = [name for name in stored if name.startswith("average/")]
    assert any(name.endswith("moving_variance") for name in averaged)
    for index, variable in enumerate(model.variables):
        own, average = f"model/{index:03d}/{variable.name}", f"average/{index:03d}/{variable.name}"
        np.testing.assert_array_equal(variable.numpy(), stored[average if average in averaged else own])
    layer = model.get_layer("hidden")
    assert layer.P.numpy()[~layer.alive.numpy()].any()
    assert not layer.sparse_P().numpy()[~layer.alive.numpy()].any()
    row = next(csv.DictReader((tmp_path / "runs" / "small" / "log.csv").open()))
    assert float(row["density_hidden"]) == density(layer)
    here("export", "runs/small", "a.safetensors", "--verify", 3)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision(config, tmp_path, here, precision):
    out, _ = here("fit", config, *SHORT, "--set", f"train.precision={precision}", "--set", "train.optimizer.name=adam")
    assert "1 epochs done" in out
    model = load_model(tmp_path / "runs" / "small", checkpoint="newest").model
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    assert model.dtype_policy.name == "float32"


def test_an_early_stop_stays_one(config, tmp_path, here):
    settings = ("--set", "train.epochs=5", "--set", "train.early_stop.accuracy=0.0")
    for _ in range(2):
        out, _ = here("fit", config, *settings)
        assert "1 epochs done of 5, ended by train.early_stop; best" in out


def test_epochs_of_any_number_of_steps(config, tmp_path, here):
    """Three steps an epoch of eight batches: what the fourth epoch shows begins the second time through the data."""
    here("fit", config, *SHORT, "--set", "train.epochs=3", "--set", "train.steps_per_epoch=3")
    lines = [json.loads(line) for line in (tmp_path / "runs" / "small" / "chronicle.jsonl").open()]
    assert [line["run_step"] for line in lines if line["event"] == "epoch"] == [3, 6, 9]


def test_a_finished_run_is_left_alone(config, tmp_path, here):
    here("fit", config, *SHORT)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("epoch-*")}
    out, _ = here("fit", config, *SHORT)
    assert "1 epochs done" in out
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("epoch-*")} == before


def test_a_folder_of_another_experiment_is_refused(config, tmp_path, here):
    here("fit", config, *SHORT)
    _, error = here("fit", config, *SHORT, "--set", "model.l1=2", status=2)
    assert "it differs in model.l1. Name another folder with --run" in error
    moved = tmp_path / "moved"
    moved.symlink_to(SMALL)
    here("fit", config, *SHORT, "--data", moved)


def test_a_run_that_never_began_may_begin_with_other_settings(config, here):
    """What a message asks to be set is set in the same folder."""
    _, error = here("fit", config, *SHORT, "--set", "model.classes=5", status=2)
    assert "Set model.classes=10" in error
    here("fit", config, *SHORT, "--set", "model.classes=10")


def test_the_best_stays_within_the_lookups_it_may_have(config, tmp_path, here):
    here("fit", config, *SHORT, "--set", "train.max_lookup_multiplications=1")
    assert checkpoint_names(tmp_path / "runs" / "small") == ["epoch-0001.safetensors"]
    _, error = here("export", "runs/small", "a.safetensors", status=2)
    assert "expected a best checkpoint, found none yet" in error
    assert not (tmp_path / "a.safetensors").exists()
    here("export", "runs/small", "a.safetensors", "--checkpoint", "newest")
    assert (tmp_path / "a.safetensors").exists()


def test_verify_from_the_shell_ends_with_1_where_the_two_differ(config, here, monkeypatch):
    here("fit", config, *SHORT)
    monkeypatch.setattr(
        verify_module, "verify", lambda *_, **__: (_ for _ in ()).throw(VerificationError("they differ"))
    )
    _, error = here("export", "runs/small", "a.safetensors", "--verify", 2, status=1)
    assert error == "lcnn-train: they differ\n"


def test_what_tensorflow_gives_up_on_is_said_without_its_graph():
    graph = (
        "Graph execution error:\n\nDetected at node Reduce defined at (most recent call last):\n  File a.py, line 3\n"
    )
    for text, said in (("Connection reset\n\t [[{{node Reduce}}]]", "Connection reset"), ("", "UnavailableError")):
        assert lcnn_train.training.fit._first_line(tf.errors.UnavailableError(None, None, f"{graph}\n{text}")) == said


def test_two_fits_in_one_folder_are_refused(config, tmp_path, here):
    with Run(tmp_path / "runs" / "small").opened(load_config(config, list(SHORT[1::2]))):
        _, error = here("fit", config, *SHORT, status=2)
        assert "another lcnn-train fit is at work in this folder" in error
    here("fit", config, *SHORT)


def test_a_training_that_diverges_is_an_error(config, tmp_path, here):
    _, error = here("fit", config, *SHORT, "--set", "model.l1=1e40", status=1)
    assert "the training has diverged: the loss is inf in step 1 of epoch 1. Lower" in error
    assert checkpoint_names(tmp_path / "runs" / "small") == []


def test_a_training_that_diverges_keeps_its_last_good_checkpoint(config, tmp_path, here):
    rates = "train.learning_rate={schedule: piecewise, epochs: [1, 2], rates: [0.01, 1e38]}"
    _, error = here("fit", config, *SHORT, "--set", "train.epochs=2", "--set", rates, status=1)
    assert "in step 2 of epoch 2. The last good checkpoint is runs/small/checkpoints/epoch-0001.safetensors." in error
    assert checkpoint_names(tmp_path / "runs" / "small") == ["best.safetensors", "epoch-0001.safetensors"]
    here("density", "runs/small")


def test_a_checkpoint_of_another_network_is_an_error(config, tmp_path, here, monkeypatch):
    here("fit", config, *SHORT)
    monkeypatch.setattr(lcnn_train.training.fit, "build_model", lambda config: config.model.build())
    settings = ("--set", "model.name=lenet", "--set", "model.input_size=224", "--set", "model.classes=10")
    values = json.loads((tmp_path / "runs" / "small" / "config.json").read_text())
    values["model"] = load_config(config, list(settings[1::2])).model.model_dump(mode="json")
    (tmp_path / "runs" / "small" / "config.json").write_text(json.dumps(values))
    _, error = here("fit", config, *SHORT, *settings, status=2)
    assert "a checkpoint of another network: conv1/P: expected shape" in error


def test_a_damaged_checkpoint_is_an_error(config, tmp_path, here):
    here("fit", config, *SHORT)
    path = tmp_path / "runs" / "small" / "checkpoints" / "epoch-0001.safetensors"
    os.truncate(path, path.stat().st_size // 2)
    for command in (("fit", config, *SHORT), ("density", "runs/small")):
        _, error = here(*command, status=2)
        assert "expected a checkpoint of lcnn-train fit" in error


# What a run refuses: settings, with spaces between, and what is said of them.
BAD_SETTINGS = {
    "train.epoch=3": "unknown key train.epoch; did you mean epochs?",
    "train.epochs=0": "train.epochs: expected greater than or equal to 1",
    "model.dictionary=0": "dictionary of alexnet must be",
    "train.batch_size=500": "train.batch_size: expected at most the 160 training images; found 500",
    "train.accumulate=3": "train.batch_size must be a multiple of train.accumulate = 3",
    "train.strategy=single train.replicas=2": "train.replicas: expected 1, as train.strategy is single; found 2",
    "train.tensorboard=true": "pip install tensorboard",
    "data.validation=200": "fewer than the 200 training",
    "model.classes=5": "labels below the model's 5 classes; found 9",
}
BAD_INPUT = {
    "no configuration": (("fit", "none.yaml"), "none.yaml: No such file or directory"),
    "no data": (("fit", "CONFIG", "--data", "none"), "none: expected a folder with IDX files, found nothing"),
    "run folder is a file": (("fit", "CONFIG", "--run", "small.yaml"), "expected a folder for the run, found a file"),
    "no run": (("density", "."), "expected the folder of a run of lcnn-train fit"),
    "no model": (("evaluate", "none"), "none: expected a run folder or a .keras file, found nothing"),
    "no model file": (("evaluate", "none.safetensors", "--data", "DATA"), "none.safetensors"),
    "not a model": (("export", "small.yaml", "a.safetensors"), "expected a run folder or a .keras file"),
    "not a keras file": (("export", "broken.keras", "a.safetensors"), "not a .keras file that can be loaded"),
    "unknown suffix": (("export", ".", "a.txt"), "expected a name that ends in .safetensors, .keras or .onnx"),
    "no folder to write to": (("export", ".", "none/a.safetensors"), "expected a folder to write to, found none"),
    "a setting without its configuration": (("density", ".", "--set", "a=1"), "--set needs a --config to change"),
}
for settings, answer in BAD_SETTINGS.items():
    BAD_INPUT[settings] = (("fit", "CONFIG", *(f"--set={one}" for one in settings.split())), answer)


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input(name, config, tmp_path, monkeypatch, capsys):
    """Status 2, one line that says what is wrong, and nothing written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.keras").write_bytes(b"PK\3\4 broken")
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # whether it is installed or not
    arguments, message = BAD_INPUT[name]
    before = sorted(tmp_path.rglob("*.safetensors"))
    places = {"CONFIG": str(config), "DATA": str(SMALL)}
    assert main([places.get(argument, argument) for argument in arguments]) == 2
    out, error = capsys.readouterr()
    assert message in error
    assert error.startswith("lcnn-train: ")
    assert error.count("\n") == 1
    assert out == ""
    assert sorted(tmp_path.rglob("*.safetensors")) == before


def test_a_command_that_there_is_not(capsys):
    for arguments in ([], ["fly"], ["fit"]):
        with pytest.raises(SystemExit) as error:
            main(arguments)
        assert error.value.code == 2
    capsys.readouterr()
