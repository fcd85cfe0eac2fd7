"""What writes in the trainer, to be killed at it. TensorFlow runs only in the processes that are killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path

import lcnn_train.training.fit  # isort: skip - before Keras, for it silences TensorFlow's first lines

import keras
import numpy as np
from safetensors import safe_open

from lcnn_engine import read_model
from lcnn_train import export
from lcnn_train.config.experiment import parse_config
from lcnn_train.sources.keras_file import Origin, save_keras
from lcnn_train.training.screen import Screen
from tests.fuzz.kills import Victim
from tests.helpers.fit_small import small
from tests.helpers.training import SMALL
from tests.helpers.training import small as small_model

CONFIG = {
    "name": "small",
    "data": {"folder": str(SMALL), "validation": 40},
    "model": {"l1": 1.0},
    "train": {"epochs": 100000, "batch_size": 20, "checkpoint_steps": 1, "deterministic": True, "threads": 1},
}


class Export(Victim):
    """Two models over one another, as model files and as `.keras` files."""

    longest = 0.5

    def work(self, folder: Path, begin: Callable[[], object], turns: int) -> None:
        models = [keras.models.clone_model(small_model()) for _ in range(2)]
        for turn in range(turns):
            name = ("one", "two")[turn % 2]
            export(models[turn % 2], folder / "model.safetensors", name=name)
            save_keras(models[turn % 2], folder / "model.keras", Origin(labels=tuple(name)))
            if turn == 0:
                begin()

    def check(self, folder: Path) -> None:
        assert read_model(folder / "model.safetensors")[0].name in ("one", "two")
        with zipfile.ZipFile(folder / "model.keras") as archive:
            assert archive.testzip() is None
            assert "".join(json.loads(archive.read("lcnn.json"))["labels"]) in ("one", "two")


class Training(Victim):
    """A training with a checkpoint after every step: it never goes back."""

    longest = 1.0

    def __init__(self) -> None:
        self._before = (0, 0)

    def work(self, folder: Path, begin: Callable[[], object], turns: int) -> None:
        told = Screen.on_step
        steps = 0

        def on_step(screen: Screen, report: object) -> None:
            nonlocal steps
            told(screen, report)  # type: ignore[arg-type]
            steps += 1
            if steps == 1:
                begin()
            if turns == 1:  # not for ever
                os.kill(os.getpid(), signal.SIGINT)

        Screen.on_step = on_step  # type: ignore[method-assign,assignment]
        lcnn_train.training.fit.build_model = small
        try:
            lcnn_train.training.fit.fit(parse_config(CONFIG, "here"), folder / "run")
        except KeyboardInterrupt:
            if turns != 1:
                raise

    def check(self, folder: Path) -> None:
        run = folder / "run"
        assert json.loads((run / "config.json").read_text(encoding="utf-8"))["name"] == "small"
        newest = [_progress(path) for path in (run / "checkpoints").glob("epoch-*.safetensors")]
        assert max(newest, default=(0, 0)) >= self._before
        self._before = max(newest, default=(0, 0))
        log = run / "log.csv"
        if log.exists():
            with log.open(newline="", encoding="utf-8") as file:
                epochs = [int(row["epoch"]) for row in csv.DictReader(file)]
            assert epochs == list(range(1, len(epochs) + 1))
            assert len(epochs) <= self._before[0] <= len(epochs) + 1


def _progress(path: Path) -> tuple[int, int]:
    """Read all of a checkpoint, and say how far it is."""
    with safe_open(path, "np") as file:
        for name in file.keys():  # noqa: SIM118 - it is no mapping
            array = file.get_tensor(name)
            assert array.dtype.kind != "f" or np.isfinite(array).all()
        progress = json.loads(file.metadata()["progress"])
    return progress["epoch"], progress["step"]
