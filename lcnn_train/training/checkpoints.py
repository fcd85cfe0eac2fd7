"""Checkpoints of a run: one safetensors file each, holding model, optimizer, averages, and how far the run has come.

The newest two and the best are kept, for one AlexNet takes over 600 MB. A checkpoint appears whole or not at all,
so a run that was killed at any moment goes on from its newest one, and a full disk costs none that was there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from lcnn_train.errors import DivergedError, RunError
from lcnn_train.utils.files import write_atomically

_KEPT = 2
_BEST = "best.safetensors"
_NAME = re.compile(r"epoch-(\d{4,})(?:-step-(\d{7,}))?\.safetensors")
_NAMED = 3  # differences that a message names

Variables = Mapping[str, keras.Variable]


@dataclass
class Progress:
    """How far a run has come.

    epoch: epochs done. step: steps done of the next one, and `sums` the metrics of those. best_epoch, best_accuracy:
    of the best epoch so far. history: one row of metrics for each epoch. replicas: how many there were.
    """

    epoch: int = 0
    best_epoch: int = 0
    best_accuracy: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    replicas: int = 1

    @property
    def at_epoch_end(self) -> bool:
        return self.step == 0

    def to_json(self) -> str:
        return json.dumps(asdict(self))


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
        """Find the checkpoint of the latest step, or None."""
        return max(self._numbered(), default=None, key=_place)

    def _numbered(self) -> list[Path]:
        return sorted((path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)), key=_place)

    def path(self, progress: Progress) -> Path:
        """Say where the checkpoint of `progress` belongs."""
        step = "" if progress.at_epoch_end else f"-step-{progress.step:07d}"
        return self.folder / f"epoch-{progress.epoch:04d}{step}.safetensors"

    def save(self, variables: Variables, progress: Progress) -> None:
        """Write a checkpoint, mark it as the best if it is, and delete those past their time.

        Raises DivergedError, and writes nothing, if a value is not finite; RunError if it cannot be written: the
        checkpoints before it are then what they were.
        """
        path = self.path(progress)
        arrays = {name: np.asarray(keras.ops.convert_to_numpy(v)) for name, v in variables.items()}
        self._check_finite(arrays, progress)
        try:
            write_atomically(path, lambda temporary: _write(arrays, temporary, progress))
            self.tidy(progress)
        except (OSError, SafetensorError) as error:
            raise RunError(f"{path}: cannot write this checkpoint ({error}). {self._remedy()}") from error

    def _check_finite(self, arrays: Mapping[str, np.ndarray], progress: Progress) -> None:
        for name, array in arrays.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise DivergedError(
                    f"the training has diverged: {name} is not finite after epoch {progress.epoch}"
                    f"{'' if progress.at_epoch_end else f' and step {progress.step}'}. {self._kept()}"
                )

    def _kept(self) -> str:
        newest = self.newest()
        return f"The last good checkpoint is {newest}" if newest else "There is no checkpoint yet"

    def _remedy(self) -> str:
        return f"{self._kept()}; make room and type the same line again"

    def tidy(self, progress: Progress) -> None:
        """Bring the folder to where it is after the checkpoint of `progress`: also after a kill half-way."""
        for leftover in self.folder.glob(".*.tmp"):
            leftover.unlink()
        if progress.at_epoch_end and progress.best_epoch == progress.epoch:
            newest = self.path(progress)
            write_atomically(self.best, lambda temporary: _link_or_copy(newest, temporary))
        for old in self._numbered()[:-_KEPT]:
            old.unlink()


def _place(path: Path) -> tuple[int, int]:
    """Epochs done, and steps of the next one."""
    match = _NAME.fullmatch(path.name)
    assert match is not None
    return int(match[1]), int(match[2] or 0)


def _write(arrays: Mapping[str, np.ndarray], path: Path, progress: Progress) -> None:
    """A checkpoint, with the permissions of any new file: safetensors leaves those of its owner alone."""
    path.touch()
    mode = path.stat().st_mode
    save_file(dict(arrays), path, {"progress": progress.to_json()})
    path.chmod(mode)


def _link_or_copy(source: Path, target: Path) -> None:
    """A second name for the same 600 MB, where the file system has hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def model_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Name a model's variables as checkpoints do: weights, masks, dropout's seeds.

    Keras numbers the paths of seeds anew in each process, so they are not part of the names.
    """
    return {f"model/{index:03d}/{v.name}": v for index, v in enumerate(model.variables)}


def optimizer_variables(optimizer: keras.optimizers.Optimizer) -> dict[str, keras.Variable]:
    """Name a built optimizer's variables as checkpoints do."""
    return {f"optimizer/{index:03d}": v for index, v in enumerate(optimizer.variables)}


def read_progress(path: Path) -> Progress:
    """Read the progress that a checkpoint carries. Raises FileNotFoundError, or RunError if it is no checkpoint."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a checkpoint, found nothing")
    try:
        with safe_open(path, "np") as file:
            return Progress(**json.loads((file.metadata() or {})["progress"]))
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise RunError(f"{path}: expected a checkpoint of lcnn-train fit ({error})") from error


def restore(variables: Variables, path: Path, averaged: bool = False) -> Progress:
    """Set variables from a checkpoint and return its progress; `averaged`: a model's from the averages of its weights.

    Raises FileNotFoundError, or RunError, before anything is set, if the file is no checkpoint of such variables.
    """
    progress = read_progress(path)
    with safe_open(path, "np") as file:
        stored = set(file.keys())
        keys = {name: _average_of(name) if averaged and _average_of(name) in stored else name for name in variables}
        different = [
            text for name, variable in variables.items() if (text := _difference(file, stored, keys[name], variable))
        ]
        different += [f"{name}: expected none" for name in sorted(stored) if _is_models(name) and name not in variables]
        if different:
            more = f", and {len(different) - _NAMED} more" if len(different) > _NAMED else ""
            raise RunError(f"{path}: a checkpoint of another network: {', '.join(different[:_NAMED])}{more}")
        for name, variable in variables.items():
            variable.assign(file.get_tensor(keys[name]).astype(np.dtype(variable.dtype), copy=False))
    return progress


def _is_models(name: str) -> bool:
    return name.startswith("model/")


def _average_of(name: str) -> str:
    return name.replace("model/", "average/", 1)


def _difference(file: Any, stored: set[str], name: str, variable: keras.Variable) -> str | None:
    """What keeps a variable from its stored value."""
    owner = getattr(variable, "path", name)
    if name not in stored:
        return f"{owner}: expected a value for {name}, found none"
    shape = tuple(file.get_slice(name).get_shape())
    if shape != tuple(variable.shape):
        return f"{owner}: expected shape {tuple(variable.shape)}, found {shape}"
    return None
