"""Two replicas, of one process or of two, train what one device does, and a killed worker costs nothing.

In double precision, on the same batches, with synchronized batch norms, without dropout and with the penalties shared
out among the replicas. Everything is on this machine's loopback interface.
"""

import csv
import json
import os
import shutil
import signal
import subprocess
import threading
import time

import keras
import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file

from lcnn_train import ConfigError
from lcnn_train.cli import main
from lcnn_train.training.distribute import Task, read_task
from lcnn_train.training.launch import fit_command, launch
from tests.helpers.training import SMALL

# 160 images in batches of 16: twice ten steps.
CONFIG = {
    "name": "lenet",
    "data": {"folder": str(SMALL), "validation": 40},
    "preprocessing": {"size": [28, 28]},
    "augment": [{"name": "affine", "rotate": 5.0}],
    "model": {"name": "lenet", "l1": 2.0},
    "train": {
        "epochs": 2,
        "batch_size": 16,
        "precision": "float64",
        "average": 0.9,
        "checkpoint_steps": 5,
        "optimizer": {"weight_decay": 1e-4, "weight_decay_epochs": [1, 1], "decoupled_weight_decay": False},
        "learning_rate": {"warmup_epochs": 1.0, "warmup_start": 0.1},
    },
}


LIMIT = 240.0


TOLERANCE = 1e-9


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("distribution")
    (path / "lenet.yaml").write_text(yaml.safe_dump(CONFIG))
    return path


@pytest.fixture(scope="module")
def alone(folder):
    """The run of a single device."""
    policy = keras.config.dtype_policy()
    assert main(["fit", str(folder / "lenet.yaml"), "--run", str(folder / "alone")]) == 0
    assert keras.config.dtype_policy() == policy
    return folder / "alone"


def launched(folder, run, workers=2, said=None, **options):
    command = fit_command([str(folder / "lenet.yaml"), "--run", str(run), "--set", "train.threads=1"])
    return launch(command, workers, run / "logs", say=(said if said is not None else []).append, **options)


def assert_equal_runs(run, other):
    """The same weights, masks, averages and optimizer, and the same metrics of every epoch."""
    mine, theirs = (load_file(path / "checkpoints" / "epoch-0002.safetensors") for path in (run, other))
    assert mine.keys() == theirs.keys()
    assert any(key.startswith("average/") for key in mine)
    for key, value in mine.items():
        assert value.dtype == theirs[key].dtype
        np.testing.assert_allclose(theirs[key], value, rtol=0, atol=TOLERANCE, err_msg=key)
    rows, others = (list(csv.DictReader((path / "log.csv").open())) for path in (run, other))
    for row, other_row in zip(rows, others, strict=True):
        for key, value in row.items():
            assert float(other_row[key]) == pytest.approx(float(value), abs=TOLERANCE), key
    assert float(rows[-1]["density_conv2"]) < 0.999
    alive = next(value for key, value in mine.items() if key.endswith("/alive"))
    assert alive.dtype == bool
    assert not alive.all()


def test_two_devices_of_one_process(folder, alone):
    run = folder / "mirrored"
    command = fit_command([str(folder / "lenet.yaml"), "--run", str(run), "--set", "train.replicas=2"])
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    assert_equal_runs(alone, run)


def test_sparsity_and_a_teacher_on_two_devices(folder, alone):
    """Lookups go and come back by gradients that both devices have a part of, and both hear the teacher."""
    values = (
        "model.l1=0",
        "model.threshold=0",
        f"train.start_from={alone}",
        f"train.distillation={{teacher: {alone}}}",
        "train.sparsity={target: 0.3, of: lookups, every: 4, score: taylor, regrow: 0.1}",
    )
    command = ["fit", str(folder / "lenet.yaml"), *(f"--set={value}" for value in values)]
    assert main([*command, "--run", str(folder / "sparse")]) == 0
    two = fit_command([*command[1:], "--run", str(folder / "sparse-two"), "--set", "train.replicas=2"])
    done = subprocess.run(two, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    assert_equal_runs(folder / "sparse", folder / "sparse-two")


@pytest.fixture(scope="module")
def two_workers(folder):
    """The run of two processes: one, then the chief, is killed within an epoch, and the launcher starts both again."""
    said, run = [], folder / "two"
    thread = threading.Thread(target=launched, args=(folder, run), kwargs={"said": said, "restarts": 2})
    thread.start()
    kill(said, 1, run / "checkpoints" / "epoch-0000-step-0000005.safetensors")
    kill(said, 0, run / "checkpoints" / "epoch-0001-step-0000005.safetensors")
    thread.join(LIMIT)
    assert not thread.is_alive()
    text = "\n".join(said)
    assert "launch: worker 1 was killed by SIGKILL" in text
    assert "launch: starting all 2 workers again (1 of 2)" in text
    assert "launch: worker 0 was killed by SIGKILL" in text
    assert "launch: starting all 2 workers again (2 of 2)" in text
    return run


def test_two_processes_each_of_which_is_killed(alone, two_workers):
    assert_equal_runs(alone, two_workers)
    assert "2 epochs done" in (two_workers / "logs" / "worker-1.log").read_text()
    starts = [json.loads(line) for line in (two_workers / "chronicle.jsonl").open() if '"start"' in line]
    assert starts[0]["step"] == 0
    assert len(starts) == 3
    assert starts[1]["epoch"] > 1 or starts[1]["step"] == 5  # not from the beginning
    assert (starts[2]["epoch"], starts[2]["step"]) == (2, 5)


def kill(said, number, after):
    """kill -9 a worker, by the number of its process that the launcher says, once a file is there."""
    end = time.monotonic() + LIMIT
    while not after.exists() and time.monotonic() < end:
        time.sleep(0.005)
    line = [line for line in said if line.startswith(f"launch: worker {number} is process")][-1]
    os.kill(int(line.split()[5].rstrip(",")), signal.SIGKILL)


def test_a_run_goes_on_with_another_number_of_workers(folder, alone, two_workers, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(two_workers, run)
    for path in (run / "checkpoints").glob("*"):
        if path.name != "epoch-0001-step-0000005.safetensors":
            path.unlink()
    assert main(["fit", str(folder / "lenet.yaml"), "--run", str(run)]) == 0
    assert_equal_runs(alone, run)


def test_what_tf_config_says():
    cluster = {"worker": ["a:1", "b:1"]}
    assert read_task(None) == read_task("") == read_task("{}") == Task()
    assert read_task(json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 1}})) == Task(
        ("a:1", "b:1"), 1
    )
    with_chief = {"chief": ["c:1"], **cluster}
    task = json.dumps({"cluster": with_chief, "task": {"type": "worker", "index": "0"}})
    assert read_task(task) == Task(("c:1", "a:1", "b:1"), 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "TF_CONFIG: expected .* found '{'"),
        ("[]", "TF_CONFIG: expected"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}', "TF_CONFIG: expected"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "a task of the cluster.*worker 1"),
        ('{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "a cluster of workers .*found ps"),
    ],
)
def test_what_tf_config_cannot_be(text, message):
    with pytest.raises(ConfigError, match=message):
        read_task(text)
