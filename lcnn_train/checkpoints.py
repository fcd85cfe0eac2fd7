"""Checkpoints of a run: one safetensors file each, holding model, optimizer, epoch and history.

The newest two and the best are kept, for one AlexNet takes over 600 MB. A checkpoint appears whole or not at all,
so a run that was killed at any moment goes on from its newest one.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from lcnn_train.errors import RunError
from lcnn_train.files import write_atomically

_KEPT = 2
_BEST = "best.safetensors"


@dataclass
class Progress:
    """How far a run has come: epochs done, one row of figures for each, and which epoch is the best."""

    epoch: int = 0
    best_epoch: int = 0
    best_accuracy: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


class Checkpoints:
    """The checkpoints in a folder, which is made if it is not there."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def best(self) -> Path:
        """Where the best checkpoint is, if there is one yet."""
        return self.folder / _BEST

    def newest(self) -> Path | None:
        """The checkpoint of the latest epoch, or None."""
        return max(self._numbered(), default=None)

    def _numbered(self) -> list[Path]:
        return sorted(self.folder.glob("epoch-[0-9][0-9][0-9][0-9].safetensors"))

    def save(self, model: keras.Model, progress: Progress) -> None:
        """Write the checkpoint of `progress.epoch`, mark it as the best if it is, and delete those past their time."""
        path = self.folder / f"epoch-{progress.epoch:04d}.safetensors"
        arrays = {name: np.asarray(keras.ops.convert_to_numpy(v)) for name, v in _variables(model).items()}
        metadata = {"progress": json.dumps(asdict(progress))}
        write_atomically(path, lambda temporary: save_file(arrays, temporary, metadata))
        self.tidy(progress)

    def tidy(self, progress: Progress) -> None:
        """Bring the folder to where it is after the checkpoint of `progress.epoch`: also after a kill half-way."""
        for leftover in self.folder.glob(".*.tmp"):
            leftover.unlink()
        if progress.best_epoch == progress.epoch:
            newest = self.folder / f"epoch-{progress.epoch:04d}.safetensors"
            write_atomically(self.best, lambda temporary: _link_or_copy(newest, temporary))
        for old in self._numbered()[:-_KEPT]:
            old.unlink()


def _link_or_copy(source: Path, target: Path) -> None:
    """A second name for the same 600 MB, where the file system has hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Every variable that a run needs to go on: weights, masks, dropout's seeds, the optimizer's state.

    Keras numbers the paths of seeds and of an optimizer's variables anew in each process, so they are not part of
    the names here.
    """
    named = {f"model/{index:03d}/{v.name}": v for index, v in enumerate(model.variables)}
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        named |= {f"optimizer/{index:03d}": v for index, v in enumerate(optimizer.variables)}
    return named


def read_progress(path: Path) -> Progress:
    """The progress that a checkpoint carries. Raises FileNotFoundError, or RunError if it is no checkpoint."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a checkpoint, found nothing")
    try:
        with safe_open(path, "np") as file:
            return Progress(**json.loads((file.metadata() or {})["progress"]))
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise RunError(f"{path}: expected a checkpoint of lcnn-train fit ({error})") from error


def restore(model: keras.Model, path: Path) -> Progress:
    """Set a model's variables, and its optimizer's if it is compiled, from a checkpoint; return its progress.

    Raises FileNotFoundError, or RunError if the file is no checkpoint of such a model.
    """
    progress = read_progress(path)
    variables = _variables(model)
    with safe_open(path, "np") as file:
        stored = set(file.keys())
        for name, variable in variables.items():
            if name not in stored:
                raise RunError(f"{path}: expected a value for {name}, found none: the checkpoint is of another network")
            shape = tuple(file.get_slice(name).get_shape())
            if shape != tuple(variable.shape):
                raise RunError(f"{path}: {name}: expected shape {tuple(variable.shape)}, found {shape}")
        for name, variable in variables.items():
            variable.assign(file.get_tensor(name))
    return progress
