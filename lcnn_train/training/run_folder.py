"""A run folder: config.json, labels.json (the classes), log.csv (a row an epoch), chronicle.jsonl and checkpoints/.

Where the network is that of a `.keras` file, network.keras is a copy of it.
"""

from __future__ import annotations

import csv
import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lcnn_train.config.experiment import Config, parse_config
from lcnn_train.config.network_file import ModelFile
from lcnn_train.errors import ConfigError, RunError
from lcnn_train.training.checkpoints import Checkpoints, read_progress
from lcnn_train.utils.files import write_atomically

# What may differ when a run is resumed: none of it changes the result, but for the order in which numbers are summed.
_MAY_DIFFER = {
    ("data", "folder"),
    ("data", "workers"),
    ("data", "cache"),
    ("model", "file"),
    ("train", "start_from"),
    ("train", "distillation", "teacher"),
    *(("train", key) for key in ("threads", "strategy", "replicas", "log_steps", "checkpoint_steps", "tensorboard")),
}


class Run:
    """A run folder and where things are in it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.config, self.labels = folder / "config.json", folder / "labels.json"
        self.log, self.event_log = folder / "log.csv", folder / "chronicle.jsonl"
        self.tensorboard, self.network = folder / "tensorboard", folder / "network.keras"

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.folder / "checkpoints")

    @contextmanager
    def opened(self, config: Config) -> Iterator[Config]:
        """Make or open the folder for one process, and give the configuration, with the folder's own network in it.

        Raises RunError if another process has the folder, or if it is another experiment's.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise RunError(f"{self.folder}: expected a folder for the run, found a file")
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunError(f"{self.folder}: another lcnn-train fit is at work in this folder") from error
            yield self._with_own_network(self._settle_config(config))

    def _settle_config(self, config: Config) -> Config:
        values = config.model_dump(mode="json")
        newest = self.checkpoints.newest() if self.config.exists() else None
        if newest is not None:
            former = self.read_config()
            different = _differences(former.model_dump(mode="json"), values)
            if config.train.epochs > former.train.epochs <= read_progress(newest).epoch:
                different.remove("train.epochs")  # it was done, and goes on
            if different:
                raise RunError(
                    f"{self.folder}: expected the configuration that this run began with; it differs in "
                    f"{', '.join(different)}. Name another folder with --run, or go back to the former values."
                )
        elif isinstance(config.model, ModelFile):  # without a checkpoint there is nothing to go on with
            source = Path(config.model.file).expanduser()
            write_atomically(self.network, lambda temporary: shutil.copyfile(source, temporary))
        text = json.dumps(values, indent=2) + "\n"
        write_atomically(self.config, lambda temporary: temporary.write_text(text, encoding="utf-8"))
        return config

    def _with_own_network(self, config: Config) -> Config:
        """The configuration, its network's file being the copy that lies here: the other may be gone or changed."""
        if not isinstance(config.model, ModelFile) or not self.network.is_file():
            return config
        return config.model_copy(update={"model": config.model.model_copy(update={"file": str(self.network)})})

    def read_config(self) -> Config:
        """Read the configuration of the run. Raises RunError if the folder has none that can be read."""
        if not self.config.is_file():
            raise RunError(f"{self.folder}: expected the folder of a run of lcnn-train fit, found no config.json in it")
        try:
            values = json.loads(self.config.read_text(encoding="utf-8"))
            return self._with_own_network(parse_config(values, str(self.config)))
        except (ValueError, RecursionError, ConfigError) as error:
            raise RunError(f"{self.config}: not the configuration of a run: {error}") from error

    def keep_labels(self, classes: tuple[str, ...] | None) -> None:
        """Keep the names of the classes, which the exported model carries; the data may lie elsewhere by then."""
        if classes is not None:
            text = json.dumps(classes, ensure_ascii=False, indent=0) + "\n"
            write_atomically(self.labels, lambda temporary: temporary.write_text(text, encoding="utf-8"))

    def read_labels(self) -> tuple[str, ...] | None:
        """Read the names of the classes, or None if the data set has none."""
        if not self.labels.is_file():
            return None
        try:
            return tuple(map(str, json.loads(self.labels.read_text(encoding="utf-8"))))
        except (ValueError, TypeError, RecursionError) as error:
            raise RunError(f"{self.labels}: expected a list of names: {error}") from error

    def write_log(self, history: list[dict[str, Any]]) -> None:
        """Write the run's history as CSV, one row an epoch."""
        names = list(dict.fromkeys(name for row in history for name in row))

        def write(temporary: Path) -> None:
            with temporary.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, fieldnames=names)
                writer.writeheader()
                writer.writerows(history)

        if history:
            write_atomically(self.log, write)


def _differences(stored: Any, values: dict[str, Any], path: tuple[str, ...] = ()) -> list[str]:
    """Keys, as section.key, in which two configurations differ and may not."""
    different = []
    for key, value in values.items():
        here = (*path, key)
        old = stored.get(key) if isinstance(stored, dict) else None
        if isinstance(value, dict):
            different += _differences(old, value, here)
        elif old != value and here not in _MAY_DIFFER:
            different.append(".".join(here))
    return different
