"""The trainings of a sweep, one after the other, each a run of ``lcnn-train fit``, and its model file.

A training that was stopped goes on where it was, and what is there already is not made again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ..utils import machine
from .tables import Run, Sweep, runs_of


class TrainerError(Exception):
    """A command of the trainer failed; its own words are on the standard error."""


def fit_command(sweep: Sweep, run: Run, folder: Path, data: str | None = None) -> list[str]:
    """Say what ``lcnn-train`` is to do for a run, whose folder lies in ``folder``."""
    settings = ["train.threads=1", "export.dtype=float16", f"train.epochs={run.epochs}", *run.settings]
    if run.start:
        settings.append(f"train.start_from={folder / run.start}")
    chosen = [word for setting in settings for word in ("--set", setting)]
    return ["fit", sweep.config, "--run", str(folder / run.name), *(["--data", data] if data else []), *chosen]


def model_path(folder: Path, run: Run) -> Path:
    """Return where the model file of a run lies, ``folder`` being that of the model files."""
    return folder / f"{run.name}.safetensors"


def train(sweep: Sweep, folder: Path, files: Path, data: str | None = None) -> None:
    """Train what is not there yet, in run folders in ``folder``, and export it to ``files``. Raises TrainerError."""
    files.mkdir(parents=True, exist_ok=True)
    for number, run in enumerate(runs := runs_of(sweep), 1):
        record, asked = files / f"{run.name}.json", fit_command(sweep, run, folder, data)
        if model_path(files, run).exists() and _command_in(record) == asked:
            continue
        print(f"{run.name}: {number} of {len(runs)}", file=sys.stderr, flush=True)
        _trainer(asked)
        _trainer(["export", str(folder / run.name), str(model_path(files, run)), "--name", f"{sweep.name}-{run.name}"])
        record.write_text(json.dumps({"command": asked, "seconds": seconds_of(folder / run.name)}, indent=1) + "\n")


def seconds_of(run_folder: Path) -> float:
    """Sum up the seconds of the epochs that a run has made, by its event log; those of an epoch made twice once."""
    seconds = {}
    for line in (run_folder / "chronicle.jsonl").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["event"] == "epoch":
            seconds[event["epoch"]] = event["seconds"]
    return sum(seconds.values())


def trained_seconds(sweep: Sweep, run: Run, files: Path) -> float:
    """Sum up what a run and all that it starts from took."""
    by_name = {each.name: each for each in runs_of(sweep)}
    own = float(json.loads((files / f"{run.name}.json").read_text())["seconds"])
    return own + (trained_seconds(sweep, by_name[run.start], files) if run.start else 0.0)


def _command_in(record: Path) -> list[str] | None:
    return json.loads(record.read_text())["command"] if record.exists() else None


def _trainer(arguments: Sequence[str]) -> None:
    """Run a command of ``lcnn-train`` from the root of the clone."""
    done = subprocess.run([sys.executable, "-m", "lcnn_train", *arguments], cwd=machine.ROOT, check=False)
    if done.returncode:
        raise TrainerError(f"lcnn-train {arguments[0]} ended with {done.returncode}: lcnn-train {' '.join(arguments)}")
